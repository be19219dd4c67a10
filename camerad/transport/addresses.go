package transport

import (
	"net"
	"net/netip"
)

// localAddresses lists the addresses of all interfaces that are up, without zones, those of loopback
// last. IPv6 link-local addresses are left out: ICE must not tell them (RFC 8445 section 5.1.1.1).
func localAddresses() ([]netip.Addr, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var routed, loopback []netip.Addr
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		networks, err := i.Addrs()
		if err != nil {
			continue // it went away just now
		}
		for _, network := range networks {
			prefix, err := netip.ParsePrefix(network.String())
			address := prefix.Addr().Unmap()
			switch {
			case err != nil || address.Is6() && address.IsLinkLocalUnicast():
			case address.IsLoopback():
				loopback = append(loopback, address)
			default:
				routed = append(routed, address)
			}
		}
	}
	return append(routed, loopback...), nil
}
