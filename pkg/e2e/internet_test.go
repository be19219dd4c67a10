package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// kind is a kind of network that a viewer or a camera is in.
type kind string

const (
	// openNet is a machine with public addresses of both kinds, as in a data centre or on a campus.
	openNet kind = "open"
	// The others have IPv4 alone behind a router: over IPv6 two of them would meet without any NAT, and
	// where NAT is what hurts there is none, as in hotels, at workplaces and with many providers.
	fullCone   kind = "full cone"       // whoever sends to a mapped port is let in
	restricted kind = "port-restricted" // only who was sent something is, which is what Linux does
	symmetric  kind = "symmetric"       // each destination sees another port
	udpBlocked kind = "UDP blocked"
	only443    kind = "443 only" // nothing out but TCP to port 443
	// ipv6Only is a mobile network behind a stateful firewall. It has no translation to IPv4 (NAT64),
	// which would make it a kind of symmetric.
	ipv6Only kind = "IPv6 only"
)

var kinds = []kind{openNet, fullCone, restricted, symmetric, udpBlocked, only443, ipv6Only}

// The simulated Internet: addresses that no packet which went astray could reach anyone with.
const (
	internet4 = "10.77.0."
	internet6 = "fd77::"
)

// names are those of the server's addresses. Each has a port 443 of its own, as if each were a machine.
var names = map[string]string{"turn.seccam.test": "12", "portal.seccam.test": "10", "mqtt.seccam.test": "11"}

// internet is the switch that everything with a public address is plugged into.
type internet struct {
	*namespace
	within   []string // of its hosts
	attached int
}

// newInternet makes one whose hosts know names and trust an authority.
func newInternet(t *testing.T, authority string) *internet {
	t.Helper()
	i := &internet{namespace: newNamespace(t), attached: 100}
	i.bridge("net")
	for _, address := range []string{internet4 + "1/24", internet6 + "1/64"} {
		i.run("ip", "address", "add", address, "dev", "net")
	}
	lines := "127.0.0.1 localhost\n"
	for name, number := range names {
		for _, prefix := range []string{internet4, internet6} {
			lines += prefix + number + " " + name + " " + name + ".\n" // Chromium asks for TURN servers with a dot at the end
		}
	}
	hosts := filepath.Join(t.TempDir(), "hosts")
	require.NoError(t, os.WriteFile(hosts, []byte(lines), 0o600))
	i.within = []string{
		"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, hosts, "env", "SSL_CERT_FILE=" + authority,
	}
	return i
}

// attach plugs in a machine, which ends with the test t.
func (i *internet) attach(t *testing.T) *host {
	t.Helper()
	i.attached++
	far := *i.namespace
	far.t = t
	h := newHost(&far, "port"+itoa(i.attached), "net")
	h.within = i.within
	return h
}

// nextAddress is one of IPv4 that nobody has.
func (i *internet) nextAddress() string {
	i.attached++
	return internet4 + itoa(i.attached)
}

// site is somebody's home: a router with computers, or a single one without.
type site struct {
	kind   kind
	outer  *internet
	router *host // nil: none
	public string
	subnet string // inside, up to the last number
	hosts  int
}

// newSite makes a network of a kind, which ends with the test t.
func (i *internet) newSite(t *testing.T, k kind) *site {
	t.Helper()
	n := &site{kind: k, outer: i}
	if k == openNet || k == ipv6Only {
		return n
	}
	n.router = i.attach(t)
	n.public = i.nextAddress()
	n.subnet = "192.168." + itoa(i.attached) + "."
	n.router.give(n.public + "/24")
	n.router.bridge("lan")
	n.router.run("ip", "address", "add", n.subnet+"1/24", "dev", "lan")
	n.router.set("net/ipv4/ip_forward", "1")
	n.router.run("nft", k.rules(n.subnet+"2"))
	return n
}

// rules are those of a router; first is the address of its first host.
func (k kind) rules(first string) string {
	masquerade, prerouting, let, out := "masquerade", "", "", `iifname "lan" accept`
	switch k {
	case fullCone:
		prerouting, let = `iifname "eth0" meta l4proto udp dnat to `+first+";", `iifname "eth0" meta l4proto udp accept;`
	case symmetric:
		masquerade = "masquerade fully-random"
	case udpBlocked:
		out = `iifname "lan" meta l4proto != udp accept`
	case only443:
		out = `iifname "lan" tcp dport 443 accept`
	}
	// A packet from outside that nobody asked for must leave no trace: Linux would take its port for used,
	// and give the flow that was about to ask for it another one.
	return `table ip nat {
		chain post { type nat hook postrouting priority srcnat; oifname "eth0" ` + masquerade + `; }
		chain pre { type nat hook prerouting priority dstnat; ` + prerouting + ` }
	}
	table ip filter {
		chain input { type filter hook input priority filter; iifname "eth0" ct state new drop; }
		chain forward { type filter hook forward priority filter; policy drop; ct state established,related accept; ` + let + out + `; }
	}`
}

// stateful is the firewall of a host without a router: nobody gets in who was not sent something.
const stateful = `table ip6 filter { chain input { type filter hook input priority filter; policy drop;
	iifname "lo" accept; icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept;
	ct state established,related accept; }; }`

// host adds a computer, which ends with the test t.
func (n *site) host(t *testing.T) *host {
	t.Helper()
	if n.router == nil {
		return n.single(t)
	}
	n.hosts++
	far := *n.router.namespace
	far.t = t
	h := newHost(&far, "port"+itoa(n.hosts), "lan")
	h.within = n.outer.within
	h.set("net/ipv6/conf/all/disable_ipv6", "1")
	h.set("net/ipv4/conf/all/ignore_routes_with_linkdown", "1") // as if something took them away, as on most systems
	h.address = n.subnet + itoa(n.hosts+1)
	h.give(h.address + "/24")
	h.run("ip", "route", "add", "default", "via", n.subnet+"1")
	return h
}

// single is a host with a public address.
func (n *site) single(t *testing.T) *host {
	t.Helper()
	h := n.outer.attach(t)
	number := strings.TrimPrefix(n.outer.nextAddress(), internet4)
	h.give(internet6 + number + "/64")
	h.run("ip", "-6", "route", "add", "default", "via", internet6+"1") // Chromium uses no IPv6 without
	if n.kind == ipv6Only {
		h.run("nft", stateful)
		return h
	}
	h.address = internet4 + number
	h.give(h.address + "/24")
	h.run("ip", "route", "add", "default", "via", internet4+"1")
	return h
}

// readdress gives the router another public address, as some providers do every night.
func (s *site) readdress() {
	s.router.t.Helper()
	next := s.outer.nextAddress()
	s.router.run("ip", "address", "delete", s.public+"/24", "dev", "eth0")
	s.router.give(next + "/24")
	s.public = next
}

// move gives a host another address inside.
func (s *site) move(h *host) {
	h.t.Helper()
	h.run("ip", "address", "delete", h.address+"/24", "dev", "eth0")
	s.hosts++
	h.address = s.subnet + itoa(100+s.hosts)
	h.give(h.address + "/24")
	h.run("ip", "route", "add", "default", "via", s.subnet+"1")
}

// unplug pulls the host's cable, and returns how to plug it in again.
func (h *host) unplug() (back func()) {
	h.t.Helper()
	h.far.run("ip", "link", "set", h.port, "down")
	return func() { h.far.run("ip", "link", "set", h.port, "up") }
}

// drop loses all that the host sends and gets, and returns how to end that. Its cable stays plugged in.
func (h *host) drop() (back func()) {
	h.t.Helper()
	rules := "table netdev cut { "
	for _, hook := range []string{"ingress", "egress"} {
		rules += "chain " + hook + " { type filter hook " + hook + " device " + h.port + " priority 0; policy drop; }; "
	}
	h.far.run("nft", rules+"}")
	return func() { h.far.run("nft", "delete", "table", "netdev", "cut") }
}
