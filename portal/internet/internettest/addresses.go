// Package internettest has addresses for tests of what may be reached.
package internettest

import "net/netip"

// Edges are the special ranges, each with its first and last address, and the addresses before and after
// that are on the Internet; "" where another special range adjoins.
var Edges = []struct{ Name, Before, First, Last, After string }{
	{"this network", "", "0.0.0.0", "0.255.255.255", "1.0.0.0"},
	{"private 10", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
	{"carrier-grade NAT", "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
	{"loopback", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
	{"link-local", "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
	{"private 172", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
	{"IETF protocols", "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
	{"documentation 1", "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
	{"6to4 anycast", "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
	{"private 192", "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
	{"benchmarks", "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
	{"documentation 2", "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
	{"documentation 3", "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
	{"multicast", "223.255.255.255", "224.0.0.0", "239.255.255.255", ""},
	{"reserved", "", "240.0.0.0", "255.255.255.254", ""},
	{"broadcast", "", "255.255.255.255", "255.255.255.255", ""},

	{"unspecified", "", "::", "::", ""},
	{"loopback 6", "", "::1", "::1", ""},
	{"IPv4-compatible", "", "::2", "::ffff:ffff", ""},
	{"below global", "", "::1:0:0:0:0", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"},
	{"discard only", "", "100::", "100::ffff:ffff:ffff:ffff", ""},
	{"local NAT64", "", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", ""},
	{"Teredo of 0.0.0.0", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:0:ff:ffff:ffff:ffff:ffff:ffff", ""},
	{"benchmarks 6", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "2001:2:1::"},
	{"ORCHID", "2001:f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"ORCHIDv2", "", "2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "2001:30::"},
	{"documentation 6", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
	{"documentation 6 too", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
	{"above global", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"unique local", "", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"link-local 6", "", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"site-local", "", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"multicast 6", "", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
}

// Embedding writes an IPv4 address into the IPv6 address that a gateway would send to it.
var Embedding = map[string]func(v4 [4]byte) netip.Addr{
	"mapped": func(v4 [4]byte) netip.Addr { return netip.AddrFrom16(netip.AddrFrom4(v4).As16()) },
	"NAT64":  func(v4 [4]byte) netip.Addr { return embed("64:ff9b::", 12, v4) },
	"6to4":   func(v4 [4]byte) netip.Addr { return embed("2002:0:0:1::1", 2, v4) },
	"Teredo server": func(v4 [4]byte) netip.Addr {
		return embed("2001::f7f7:f7f7", 4, v4) // the client is 8.8.8.8
	},
	"Teredo client": func(v4 [4]byte) netip.Addr {
		return embed("2001:0:808:808::", 12, [4]byte{^v4[0], ^v4[1], ^v4[2], ^v4[3]})
	},
}

func embed(prefix string, at int, v4 [4]byte) netip.Addr {
	raw := netip.MustParseAddr(prefix).As16()
	copy(raw[at:], v4[:])
	return netip.AddrFrom16(raw)
}
