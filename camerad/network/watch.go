package network

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// settle is how long changes are waited for to come to an end: one of network brings several.
const settle = 100 * time.Millisecond

// interval is how often it is looked where the system does not tell of changes.
const interval = 2 * time.Second

// Watch calls changed after each change of [Addresses], until ctx ends. It must not block for long.
func Watch(ctx context.Context, changed func()) {
	watch(ctx, Addresses, notices(ctx), changed)
}

func watch(ctx context.Context, addresses func() []netip.Addr, notices <-chan struct{}, changed func()) {
	look := time.NewTicker(interval)
	defer look.Stop()
	known := addresses()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-notices:
			select {
			case <-ctx.Done():
				return
			case <-time.After(settle):
			}
		}
		if now := addresses(); !slices.Equal(now, known) {
			known = now
			changed()
		}
	}
}

// Addresses are those by which other machines may reach this one, in order: neither loopback's nor those
// of a single link, and none of interfaces that are down or have no carrier.
func Addresses() []netip.Addr {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var all []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagRunning == 0 {
			continue
		}
		networks, err := i.Addrs()
		if err != nil {
			continue // it went away just now
		}
		for _, network := range networks {
			prefix, err := netip.ParsePrefix(network.String())
			if address := prefix.Addr().Unmap(); err == nil && !address.IsLoopback() && !address.IsLinkLocalUnicast() {
				all = append(all, address)
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}
