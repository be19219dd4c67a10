package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// namespace is a network of its own, as a computer has. It has no name, so that the kernel takes it away
// when this process and those in it are gone, however they ended.
type namespace struct {
	t    *testing.T
	file *os.File
}

// newNamespace needs root; the test is skipped without.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: network namespaces need root; run this test as root (sudo -E env PATH=$PATH make test)")
	}
	n := &namespace{t: t}
	require.NoError(t, elsewhere(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() (err error) {
		n.file, err = os.Open(threadNamespace)
		return err
	}))
	t.Cleanup(func() { _ = n.file.Close() })
	n.run("ip", "link", "set", "lo", "up")
	n.set("net/ipv6/conf/default/accept_dad", "0") // addresses can be used at once
	return n
}

// path is a file by which other programs find the namespace.
func (n *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// prefix begins a command that runs in the namespace. It keeps its process id.
func (n *namespace) prefix() []string { return []string{"nsenter", "--net=" + n.path(), "--"} }

// run runs a command in the namespace.
func (n *namespace) run(args ...string) {
	n.t.Helper()
	args = append(n.prefix(), args...)
	output, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	require.NoError(n.t, err, "%s: %s", strings.Join(args, " "), output)
}

// set writes one of the kernel's settings, named by its path in /proc/sys.
func (n *namespace) set(name, value string) {
	n.t.Helper()
	n.run("sh", "-c", "echo "+value+" >/proc/sys/"+name)
}

// threadNamespace is the network namespace of the thread that opens it.
const threadNamespace = "/proc/thread-self/ns/net"

// elsewhere does something on a thread that enter has moved to another network namespace. The thread must
// come back and live on: programs that it has started die with it (Pdeathsig).
func elsewhere(enter, do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open(threadNamespace)
	if err != nil {
		return err
	}
	defer func() { _ = home.Close() }()
	if err := enter(); err != nil {
		return err
	}
	err = do()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		panic(back) // nothing here may go on in the wrong network
	}
	return err
}

// dial connects from the namespace, to an address that is no name.
func (n *namespace) dial(ctx context.Context, kind, address string) (conn net.Conn, err error) {
	err = elsewhere(func() error { return unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET) }, func() error {
		conn, err = new(net.Dialer).DialContext(ctx, kind, address)
		return err
	})
	return conn, err
}

// signal sends a signal to every process in the namespace.
func (n *namespace) signal(s unix.Signal) {
	n.t.Helper()
	var wanted unix.Stat_t
	require.NoError(n.t, unix.Fstat(int(n.file.Fd()), &wanted))
	folders, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(n.t, err)
	for _, folder := range folders {
		var its unix.Stat_t
		if unix.Stat(folder+"/ns/net", &its) != nil || its.Ino != wanted.Ino || its.Dev != wanted.Dev {
			continue
		}
		if pid, _ := strconv.Atoi(filepath.Base(folder)); pid != os.Getpid() {
			_ = unix.Kill(pid, s) // it may have ended just now
		}
	}
}

// bridge makes the namespace a switch, which cables can be plugged into.
func (n *namespace) bridge(name string) {
	n.t.Helper()
	n.run("ip", "link", "add", name, "type", "bridge")
	n.run("ip", "link", "set", name, "up")
}

// host is a computer with a cable to a switch or a router.
type host struct {
	*namespace
	far     *namespace // where the cable ends
	port    string     // its end there
	address string     // that the test knows it by
	within  []string   // continues prefix
}

// newHost plugs a computer into a port of far's; bridge is far's switch, if it is one.
func newHost(far *namespace, port, bridge string) *host {
	far.t.Helper()
	h := &host{namespace: newNamespace(far.t), far: far, port: port}
	far.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", h.path())
	if bridge != "" {
		far.run("ip", "link", "set", port, "master", bridge)
	}
	far.run("ip", "link", "set", port, "up")
	h.run("ip", "link", "set", "eth0", "up")
	return h
}

// give gives the host addresses, each with the length of its network's prefix.
func (h *host) give(addresses ...string) {
	h.t.Helper()
	for _, address := range addresses {
		h.run("ip", "address", "add", address, "dev", "eth0")
	}
}

// prefix begins a command that runs on the host.
func (h *host) prefix() []string { return append(h.namespace.prefix(), h.within...) }

// command is how a program is started on the host; on nil, here.
func (h *host) command(args ...string) []string {
	if h == nil {
		return args
	}
	return append(h.prefix(), args...)
}

// newLAN makes a switch and computers on it, with the addresses 10.77.0.1 and so on.
func newLAN(t *testing.T, hosts int) []*host {
	t.Helper()
	middle := newNamespace(t)
	middle.bridge("lan")
	all := make([]*host, hosts)
	for i := range all {
		all[i] = newHost(middle, "port"+itoa(i+1), "lan")
		all[i].address = "10.77.0." + itoa(i+1)
		all[i].give(all[i].address + "/24")
	}
	return all
}

// limit narrows what comes down the host's cable, to a rate such as 1mbit. Half a second of it is queued,
// as in a home's modem.
func (h *host) limit(rate string) {
	h.t.Helper()
	h.far.run("tc", "qdisc", "replace", "dev", h.port, "root", "tbf", "rate", rate, "burst", "5kb", "latency", "500ms")
}

// lose drops a share of the UDP packets that come down the host's cable, in per cent, at random.
func (h *host) lose(percent int) {
	h.t.Helper()
	h.run("nft", fmt.Sprintf("table netdev loss { chain in { type filter hook ingress device eth0 priority 0; "+
		"meta l4proto udp numgen random mod 100 < %d drop; }; }", percent))
}
