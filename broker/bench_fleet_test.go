//go:build bench

package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"
)

const (
	fleetCameras = 100_000
	stormOffers  = 200 // a second, of people who watch meanwhile
)

// TestFleetChild is a broker with cameras in its own process, not a test: more than files can be opened. It
// connects them all when it is told "wave", says how fast, and ends their connections when it is told "leave".
func TestFleetChild(t *testing.T) {
	if os.Getenv(benchChild) == "" {
		t.Skip("started by the benchmarks")
	}
	ctx, stop := context.WithCancel(context.Background())
	b, keys, ended := benchBroker(t), benchKeys(t), make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	p := &process{keys: &keys, dial: func() (net.Conn, error) { return b.Dial(ctx) }}
	hellos := p.hellos(t, fleetCameras)
	fmt.Println("ready")
	var clients []*wire
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		rate := 0.0
		switch commands.Text() {
		case "wave":
			clients, rate = p.wave(t, hellos)
		case "leave":
			for _, w := range clients {
				_ = w.Close()
			}
			require.Eventually(t, func() bool { return b.Stats().Connections == 0 }, time.Minute, 10*time.Millisecond)
		}
		fmt.Println("done", rate)
	}
	stop()
	require.NoError(t, <-ended)
}

// TestBenchFleet is for each camera all that both ends of its connection keep.
func TestBenchFleet(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestFleetChild$")
	cmd.Env = append(os.Environ(), benchChild+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p, lines := &process{cmd: cmd}, bufio.NewScanner(out)
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	await := func(prefix string) string {
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatal("the broker ended: ", lines.Err())
		return ""
	}
	await("ready")
	empty, before := p.rss(t), 0.0
	for _, wave := range []string{"first", "second"} {
		_, _ = io.WriteString(in, "wave\n")
		rate, err := strconv.ParseFloat(await("done"), 64)
		require.NoError(t, err)
		time.Sleep(6 * time.Second) // to a steady figure, not a peak
		each := (p.rss(t) - empty) / fleetCameras
		report(figure{Name: "fleet_rss_per_idle_camera_" + wave + "_wave", Value: each, Unit: "KiB"})
		report(figure{Name: "fleet_connects_per_second_" + wave + "_wave", Value: rate, Unit: "1/s"})
		if before != 0 {
			report(figure{Name: "fleet_rss_growth_of_second_wave", Value: each / before, Unit: "ratio"})
		}
		before = each
		_, _ = io.WriteString(in, "leave\n")
		await("done")
	}
}

// TestBenchStorm ends the connections of all cameras at once, as a switch does that restarts, while people
// go on asking others.
func TestBenchStorm(t *testing.T) {
	ours := startOurs(t).storm(t)
	ours.report("broker", storm{})
	if p := startMosquitto(t); p != nil {
		theirs := p.storm(t)
		theirs.report("mosquitto", storm{})
		ours.report("broker_beside", theirs)
	}
}

type storm struct {
	seconds  float64 // until the last camera was back
	attempts int64
	trips    []trip // while it lasted
	quiet    []trip
}

func (s storm) report(name string, peer storm) {
	ratio := func(f figure, other float64) {
		if peer.attempts != 0 {
			f.Ratio, f.Peer = f.Value/other, "mosquitto"
		}
		report(f)
	}
	ratio(figure{Name: name + "_storm_over_after", Value: s.seconds, Unit: "s"}, peer.seconds)
	ratio(figure{Name: name + "_storm_attempts_per_camera", Value: float64(s.attempts) / benchCameras}, float64(peer.attempts)/benchCameras)
	for _, percent := range []int{50, 99} {
		at := fmt.Sprintf("_p%d", percent)
		var quiet, during float64
		if peer.attempts != 0 {
			quiet, during = percentile(peer.quiet, percent), percentile(peer.trips, percent)
		}
		ratio(figure{Name: name + "_signalling_before_storm" + at, Value: percentile(s.quiet, percent), Unit: "ms"}, quiet)
		ratio(figure{Name: name + "_signalling_in_storm" + at, Value: percentile(s.trips, percent), Unit: "ms"}, during)
	}
}

func (p *process) storm(t *testing.T) (s storm) {
	hellos := p.hellos(t, benchCameras)
	clients, _ := p.wave(t, hellos)
	s.quiet, _ = p.roundTrips(t, stormOffers)
	var back sync.WaitGroup
	var began, over time.Time
	back.Go(func() {
		time.Sleep(time.Second) // people are asking
		began = time.Now()
		var cameras sync.WaitGroup
		for n, w := range clients {
			_ = w.Close()
			cameras.Go(func() { clients[n] = p.comeBack(t, n, hellos[n], &s.attempts) })
		}
		cameras.Wait()
		over = time.Now()
	})
	trips, lost := p.roundTrips(t, stormOffers)
	require.Zero(t, lost, "offers without an answer")
	back.Wait()
	s.seconds = over.Sub(began).Seconds()
	for _, trip := range trips {
		if trip.due.After(began) && trip.due.Before(over) {
			s.trips = append(s.trips, trip)
		}
	}
	for _, w := range clients {
		_ = w.Close()
	}
	return s
}

// comeBack reconnects one camera with the waits of pkg/mqttclient: between a quarter and all of a bound that
// doubles from 0.2 to 8 s.
func (p *process) comeBack(t *testing.T, n int, hello []byte, attempts *int64) *wire {
	for bound := 200 * time.Millisecond; ; bound = min(2*bound, 8*time.Second) {
		time.Sleep(bound/4 + rand.N(bound*3/4))
		atomic.AddInt64(attempts, 1)
		c, err := p.dial()
		if err != nil {
			continue
		}
		w := &wire{Conn: c, t: t, version: 5}
		_, err = w.Write(hello)
		if err == nil {
			var answer packets.Packet
			if answer, err = w.next(); err == nil && answer.FixedHeader.Type == packets.Connack && answer.ReasonCode == 0 {
				w.settle(n)
				return w
			}
		}
		_ = c.Close()
	}
}
