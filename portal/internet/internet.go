// Package internet tells addresses on the Internet from those that are not: the portal neither relays to the
// latter nor calls them, since they are machines that only it, and not who asks, can reach.
package internet

import "net/netip"

// special4 are the IPv4 networks that are not the Internet (IANA's special-purpose registry, RFC 6890),
// with multicast and what is reserved.
var special4 = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, and the metadata servers of cloud providers
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // IETF protocols
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 anycast, withdrawn
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, with the broadcast address
)

// global6 is the only part of IPv6 that is assigned to the Internet, so loopback, link-local, unique
// local, multicast and what is yet unassigned lie outside. special6 are the exceptions within.
var (
	global6  = netip.MustParsePrefix("2000::/3")
	special6 = prefixes(
		"2001:2::/48",   // benchmarks
		"2001:10::/28",  // ORCHID
		"2001:20::/28",  // ORCHIDv2
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	)
	teredo = netip.MustParsePrefix("2001::/32")    // RFC 4380
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
)

func prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, text := range list {
		parsed[i] = netip.MustParsePrefix(text)
	}
	return parsed
}

// Special reports whether addr is not an address on the Internet. An IPv6 address by which a router or
// gateway reaches an IPv4 address is judged by that.
func Special(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return Inside(special4, addr)
	}
	raw := addr.As16()
	switch {
	case nat64.Contains(addr):
		return Special(netip.AddrFrom4([4]byte(raw[12:])))
	case sixTo4.Contains(addr):
		return Special(netip.AddrFrom4([4]byte(raw[2:])))
	case teredo.Contains(addr): // the server, and the client with all bits inverted
		client := netip.AddrFrom4([4]byte{^raw[12], ^raw[13], ^raw[14], ^raw[15]})
		return Special(netip.AddrFrom4([4]byte(raw[4:]))) || Special(client)
	}
	return !global6.Contains(addr) || Inside(special6, addr)
}

// Inside reports whether one of the networks has addr.
func Inside(networks []netip.Prefix, addr netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
