//go:build bench

package broker

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// The broker under test runs in a process of its own (this binary again), so that its memory is its
// alone. Every figure is one line of JSON on the standard output.

const (
	benchChild   = "SECCAM_BENCH_BROKER"
	benchKey     = "5ecca700000000000000000000000000000000000000000000000000005ecca7"
	benchCameras = 15_000           // a process may open 20,000 files here
	benchLoad    = 10 * time.Second // per rate and broker
	benchLate    = 3 * time.Second  // an answer later than this after the end is lost
	echoCameras  = 20               // share the signalling load, as cameras do
)

// benchEnv is of a broker's process. The portal sets the same percentage.
var benchEnv = []string{benchChild + "=1", "GOGC=50"}

type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Ratio float64 `json:"ratio,omitempty"`
	Peer  string  `json:"peer,omitempty"`
}

func report(f figure) {
	line, _ := json.Marshal(f)
	fmt.Println(string(line))
}

func benchKeys(t *testing.T) credential.Keys {
	secret, err := credential.ParseSecret(benchKey)
	require.NoError(t, err)
	return credential.NewKeys("bench", secret)
}

// TestBrokerChild is the broker's process, not a test: it prints its address and serves.
func TestBrokerChild(t *testing.T) {
	if os.Getenv(benchChild) == "" {
		t.Skip("started by the benchmarks")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	b := benchBroker(t)
	fmt.Println("listening", b.TCPAddr())
	require.NoError(t, b.Run(ctx))
}

func benchBroker(t *testing.T) *Broker {
	t.Helper()
	cfg := DefaultConfig()
	cfg.TCP = "127.0.0.1:0"
	cfg.ConnectionsPerSecond, cfg.MaxUnauthenticated = 1_000_000, 4096 // all come from one address
	b, err := New(cfg, benchKeys(t), nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return b
}

// process is a broker to be measured.
type process struct {
	cmd  *exec.Cmd
	addr string
	dial func() (net.Conn, error)
	keys *credential.Keys // nil: it lets everyone in
}

// at is where the process listens.
func (p *process) at(addr string) {
	p.addr, p.dial = addr, func() (net.Conn, error) { return net.Dial("tcp", addr) }
}

func startOurs(t *testing.T) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBrokerChild$")
	cmd.Env = append(os.Environ(), benchEnv...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	keys := benchKeys(t)
	p := &process{cmd: cmd, keys: &keys}
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			p.at(addr)
			break
		}
	}
	require.NotEmpty(t, p.addr)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	t.Cleanup(p.stop)
	return p
}

// startMosquitto returns nil, loudly, where there is none.
func startMosquitto(t *testing.T) *process {
	t.Helper()
	path, err := exec.LookPath("/usr/sbin/mosquitto")
	if err != nil {
		fmt.Println("NO COMPARISON: mosquitto is not installed (apt-get install mosquitto)")
		return nil
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().(*net.TCPAddr)
	require.NoError(t, free.Close())
	file := t.TempDir() + "/mosquitto.conf"
	text := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\nuser root\nmax_connections -1\nset_tcp_nodelay true\n", addr.Port)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	p := &process{cmd: exec.Command(path, "-c", file)}
	p.at(addr.String())
	require.NoError(t, p.cmd.Start())
	t.Cleanup(p.stop)
	require.Eventually(t, func() bool {
		c, err := p.dial()
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, patience, 10*time.Millisecond)
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// rss is the process's resident memory in KiB.
func (p *process) rss(t *testing.T) float64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	require.NoError(t, err)
	return kib
}

// login returns the CONNECT of who, encoded.
func (p *process) login(t testing.TB, who credential.Identity) []byte {
	l := login{user: who.Subject(), client: who.Subject(), password: "x", version: 5, keepAlive: 300}
	if p.keys != nil {
		var err error
		l.password, _, err = p.keys.Issue(who, rulesOf(who), 1, time.Now(), time.Hour)
		require.NoError(t, err)
	}
	if who.Role == credential.RoleCamera {
		l = l.withWill(signaling.StatusTopic(who.ID), `{"v":1,"online":false,"reason":"connection_lost"}`, true)
	}
	return encode(t, l.packet())
}

func (p *process) connect(t testing.TB, hello []byte) *wire {
	c, err := p.dial()
	require.NoError(t, err)
	w := &wire{Conn: c, t: t, version: 5}
	w.send(hello...)
	require.Zero(t, w.expect(packets.Connack).ReasonCode)
	return w
}

func benchCamera(n int) credential.Identity { return camera(fmt.Sprintf("camera%014d", n)) }

// hellos are what the cameras say first. Signing them is the portal's work.
func (p *process) hellos(t *testing.T, cameras int) [][]byte {
	list := make([][]byte, cameras)
	for n := range list {
		list[n] = p.login(t, benchCamera(n))
	}
	return list
}

// wave connects the cameras, each subscribed and with a retained status as in life, and returns
// them and how many connected per second.
func (p *process) wave(t *testing.T, hellos [][]byte) ([]*wire, float64) {
	clients := make([]*wire, len(hellos))
	var next atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range 32 {
		group.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(hellos); n = int(next.Add(1)) - 1 {
				clients[n] = p.connect(t, hellos[n])
			}
		})
	}
	group.Wait()
	rate := float64(len(hellos)) / time.Since(began).Seconds()
	for n, w := range clients {
		w.settle(n)
	}
	return clients, rate
}

// settle does what a camera does once it is connected.
func (w *wire) settle(n int) {
	id := benchCamera(n).ID
	w.subscribe(0, signaling.ToCameraFilter(id), signaling.Root+id+"/rpc/+")
	w.publish(signaling.StatusTopic(id), strings.Repeat("x", 200), 1, true)
	w.expect(packets.Puback)
}

func (p *process) idle(t *testing.T, waves int) (kib []float64, rate float64) {
	empty := p.rss(t)
	hellos := p.hellos(t, benchCameras)
	for range waves {
		clients, perSecond := p.wave(t, hellos)
		rate = max(rate, perSecond)
		// Let the collector and the scheduler come to rest: a steady figure, not a peak. Nothing is
		// forced in the broker.
		for range 3 {
			for _, w := range clients[:100] {
				w.ping()
			}
			time.Sleep(2 * time.Second)
		}
		kib = append(kib, (p.rss(t)-empty)/benchCameras)
		for _, w := range clients {
			_ = w.Close()
		}
		time.Sleep(time.Second)
	}
	return kib, rate
}

func TestBenchIdleCameras(t *testing.T) {
	ours, rate := startOurs(t).idle(t, 3)
	peer, ratio, peerRate := "", 0.0, 0.0
	if p := startMosquitto(t); p != nil {
		theirs, theirRate := p.idle(t, 1)
		peer, ratio, peerRate = "mosquitto", ours[0]/theirs[0], rate/theirRate
		report(figure{Name: "mosquitto_rss_per_idle_camera", Value: theirs[0], Unit: "KiB"})
	}
	report(figure{Name: "broker_rss_per_idle_camera", Value: ours[0], Unit: "KiB", Ratio: ratio, Peer: peer})
	report(figure{Name: "broker_rss_per_idle_camera_second_wave", Value: ours[1], Unit: "KiB", Ratio: ours[1] / ours[0], Peer: "first wave"})
	report(figure{Name: "broker_rss_per_idle_camera_third_wave", Value: ours[2], Unit: "KiB", Ratio: ours[2] / ours[1], Peer: "second wave"})
	report(figure{Name: "broker_connects_per_second", Value: rate, Unit: "1/s", Ratio: peerRate, Peer: peer})
}
