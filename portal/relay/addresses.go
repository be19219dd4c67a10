package relay

import (
	"net"
	"net/netip"
	"slices"

	"seccam/portal/internet"
)

// addresses is where the relay is: as others reach it, and what the machine calls its own.
type addresses struct {
	v4, v6 netip.Addr // of relayed addresses; zero: none of this family
	own    []netip.Addr
	bound  []netip.Addr // the machine's interfaces'; one of these can be bound
}

// discover advertises what is configured, else the machine's public addresses, else the first that
// at least its own network reaches.
func discover(configured, interfaces []netip.Addr) *addresses {
	a := &addresses{bound: interfaces}
	choices := [][]netip.Addr{configured}
	if len(configured) == 0 {
		choices = [][]netip.Addr{
			matching(interfaces, func(addr netip.Addr) bool { return !internet.Special(addr) }),
			matching(interfaces, func(addr netip.Addr) bool { return addr.IsGlobalUnicast() }),
			interfaces,
		}
	}
	for _, choice := range choices {
		a.v4 = first(choice, netip.Addr.Is4)
		a.v6 = first(choice, func(addr netip.Addr) bool { return addr.Is6() && !addr.IsLinkLocalUnicast() })
		if a.v4.IsValid() || a.v6.IsValid() {
			break
		}
	}
	a.own = append(a.advertised(), interfaces...)
	return a
}

func matching(list []netip.Addr, ok func(netip.Addr) bool) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(list), func(addr netip.Addr) bool { return !ok(addr) })
}

func first(list []netip.Addr, ok func(netip.Addr) bool) netip.Addr {
	if i := slices.IndexFunc(list, ok); i >= 0 {
		return list[i]
	}
	return netip.Addr{}
}

func (a *addresses) advertised() []netip.Addr {
	return matching([]netip.Addr{a.v4, a.v6}, netip.Addr.IsValid)
}

func (a *addresses) advertises(addr netip.Addr) bool { return addr == a.v4 || addr == a.v6 }

func (a *addresses) isOwn(addr netip.Addr) bool { return slices.Contains(a.own, addr) }

// of returns the advertised address for pion's network "udp4" or "udp6", zero if there is none, and the
// one to bind. That is any if a router translates the advertised one.
func (a *addresses) of(network string) (public, bind netip.Addr) {
	public, bind = a.v4, netip.IPv4Unspecified()
	if network == "udp6" {
		public, bind = a.v6, netip.IPv6Unspecified()
	}
	if slices.Contains(a.bound, public) {
		bind = public
	}
	return public, bind
}

// interfaceAddresses returns the addresses of the machine's interfaces that are up.
func interfaceAddresses() ([]netip.Addr, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, entry := range list {
		if network, ok := entry.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(network.IP); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	return addrs, nil
}
