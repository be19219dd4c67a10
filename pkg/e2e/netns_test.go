package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// lan is a switch with hosts, each a network namespace of this test's own.
type lan struct {
	t     *testing.T
	name  string // of the switch's namespace, and the prefix of the hosts'
	hosts int
}

// host is a computer on a network.
type host struct {
	network *lan
	name    string // of its namespace
	port    string // the switch's end of its cable
	address string
}

// newLAN makes a switch. It needs root, and is skipped without.
func newLAN(t *testing.T) *lan {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: network namespaces need root; run this test as root (sudo -E env PATH=$PATH make test)")
	}
	n := &lan{t: t, name: fmt.Sprintf("seccam%d", os.Getpid())}
	n.namespace(n.name)
	n.in(n.name, "ip", "link", "add", "lan", "type", "bridge")
	n.in(n.name, "ip", "link", "set", "lan", "up")
	return n
}

// namespace makes a network namespace that ends with the test.
func (n *lan) namespace(name string) {
	n.t.Helper()
	n.run("ip", "netns", "add", name)
	n.t.Cleanup(func() { n.run("ip", "netns", "delete", name) })
	n.in(name, "ip", "link", "set", "lo", "up")
}

// host adds a computer with a cable to the switch.
func (n *lan) host() {
	n.t.Helper()
	n.hosts++
	h := n.known(n.hosts)
	n.namespace(h.name)
	n.in(n.name, "ip", "link", "add", h.port, "type", "veth", "peer", "name", "eth0", "netns", h.name)
	n.in(n.name, "ip", "link", "set", h.port, "master", "lan", "up")
	n.in(h.name, "ip", "address", "add", h.address+"/24", "dev", "eth0")
	n.in(h.name, "ip", "link", "set", "eth0", "up")
}

// insideEnv names the variable that tells this binary, run on a host, where the programs are.
const insideEnv = "E2E_PROGRAMS"

// hostsEnv tells it how its network is called.
const hostsEnv = "E2E_NETWORK"

// onNetwork runs the rest of a test on the first host of a network with so many hosts, as a process of
// its own, and calls rest there with the others.
func onNetwork(t *testing.T, hosts int, rest func(home *host, others []*host)) {
	t.Helper()
	if name := os.Getenv(hostsEnv); name != "" {
		n := &lan{t: t, name: name}
		all := make([]*host, hosts)
		for i := range all {
			all[i] = n.known(i + 1)
		}
		rest(all[0], all[1:])
		return
	}
	n := newLAN(t)
	for range hosts {
		n.host()
	}
	args := append(n.known(1).prefix(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "5m")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"="+filepath.Dir(portalBinary), hostsEnv+"="+n.name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := cmd.CombinedOutput()
	t.Logf("%s", output)
	require.NoError(t, err)
}

// known is the n-th host, counted from 1.
func (n *lan) known(i int) *host {
	return &host{
		network: n, name: fmt.Sprintf("%s-%d", n.name, i), port: fmt.Sprintf("port%d", i), address: fmt.Sprintf("10.77.0.%d", i),
	}
}

func (n *lan) in(namespace string, args ...string) {
	n.t.Helper()
	n.run(append([]string{"ip", "netns", "exec", namespace}, args...)...)
}

func (n *lan) run(args ...string) {
	n.t.Helper()
	output, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	require.NoError(n.t, err, "%s: %s", strings.Join(args, " "), output)
}

// prefix begins a command that runs on the host.
func (h *host) prefix() []string { return []string{"ip", "netns", "exec", h.name} }

// limit narrows what comes down the host's cable, to a rate such as 1mbit. Half a second of it is queued,
// as in a home's modem.
func (h *host) limit(rate string) {
	h.network.t.Helper()
	h.network.in(h.network.name, "tc", "qdisc", "replace", "dev", h.port, "root", "tbf",
		"rate", rate, "burst", "5kb", "latency", "500ms")
}

// lose drops a share of the UDP packets that come down the host's cable, in per cent, at random.
func (h *host) lose(percent int) {
	h.network.t.Helper()
	rules := fmt.Sprintf("table netdev loss { chain in { type filter hook ingress device eth0 priority 0; "+
		"meta l4proto udp numgen random mod 100 < %d drop; }; }", percent)
	h.network.in(h.name, "nft", rules)
}
