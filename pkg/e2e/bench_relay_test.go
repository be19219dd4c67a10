//go:build bench

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	relayViewers = 20
	relaySeconds = 10
	relayRounds  = 3
)

// relaying is a household whose views all go through a relay, and the process that is the relay.
type relaying struct {
	camera *camera
	person *client
	pid    int
}

// The same camera and viewers with the portal's relay and with Debian's coturn, in turns. At each end of a
// view is a relay, so all is relayed twice.
func TestBenchRelay(t *testing.T) {
	if _, err := exec.LookPath("turnserver"); err != nil {
		t.Skip("NO COMPARISON: coturn is not installed (.ci/deps test)")
	}
	clip := benchClip(t)
	ours, theirs := withOwnRelay(t, clip), withCoturn(t, clip)
	var cpu, mbit [2]float64
	for range relayRounds {
		for i, r := range []relaying{ours, theirs} {
			used, bits := r.measure(t)
			cpu[i] += used
			mbit[i] += bits
		}
	}
	reportPeer("relay_cpu_ms_per_megabit", "coturn", 1000*cpu[0]/mbit[0], 1000*cpu[1]/mbit[1], "ms")
}

func withOwnRelay(t *testing.T, clip string) relaying {
	t.Helper()
	byUDP := strings.Replace(relayOnly, "  tcp: 127.0.0.1:0\n", "", 1) // as with the other
	l := newLabWith(t, "127.0.0.1", byUDP+"  max_allocations_per_account: 1000\n")
	return relaying{pid: l.portal.cmd.Process.Pid}.begin(t, l, clip)
}

func withCoturn(t *testing.T, clip string) relaying {
	t.Helper()
	const secret = "a secret of this test"
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.LocalAddr().String()
	require.NoError(t, free.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret), 0o600))
	relay := start(t, "coturn", "turnserver", "-c", "/dev/null", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--allow-loopback-peers",
		"--listening-port="+port, "--no-tcp", "--no-tls", "--no-dtls", "--no-cli", "--use-auth-secret", "--static-auth-secret="+secret,
		"--realm=test", "--log-file=stdout", "--pidfile="+filepath.Join(dir, "pid"), "--userdb="+filepath.Join(dir, "db"))
	l := newLabWith(t, "127.0.0.1", "ice_policy: relay\nice_servers: [{urls: ['turn:"+address+"'], secret_file: "+file+"}]\n")
	return relaying{pid: relay.cmd.Process.Pid}.begin(t, l, clip)
}

func (r relaying) begin(t *testing.T, l *lab, clip string) relaying {
	t.Helper()
	r.camera = l.provisionWith("file:"+clip, "max_viewers: 200\n")
	l.startCamera(r.camera)
	r.person = l.signUp("owner", r.camera)
	return r
}

// measure returns the relay's CPU time in s, and what the viewers got in Mbit, of a while.
func (r relaying) measure(t *testing.T) (cpu, mbit float64) {
	t.Helper()
	h := startHerd(t, r.person, herdPlan{Camera: r.camera.id, Viewers: relayViewers, Seconds: relaySeconds, Relayed: true})
	before := cpuTime(t, r.pid)
	for _, report := range h.reports() {
		mbit += float64(report.Bytes) * 8 / 1e6
	}
	return (cpuTime(t, r.pid) - before).Seconds(), mbit
}
