//go:build bench

package broker

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	stormOffers = 200 // a second, of people who watch meanwhile
	// stormWithin is what the portal tells so many cameras, by the default of reconnects_per_second.
	stormWithin = benchCameras * time.Second / 500
	// stormLoss is the time within which the connections end: a switch closes none, so each end finds out when its next
	// keep-alive is due (mqttclient asks every 10 s). In a moment they could not, either: the loopback device's queue
	// (net.core.netdev_max_backlog) would overflow, and packets of others be lost with theirs.
	stormLoss = 10 * time.Second
	stormLoad = stormWithin + stormLoss + 10*time.Second
	stormAt   = "SECCAM_BENCH_CAMERAS_AT"
	stormKeys = "SECCAM_BENCH_CAMERAS_KEYS"
)

// TestStormChild is cameras in a process of their own, not a test. Told "storm" they lose their connections and
// come back; it says after how many seconds the last one was, and how many attempts that took.
func TestStormChild(t *testing.T) {
	p := &process{}
	if p.at(os.Getenv(stormAt)); p.addr == "" {
		t.Skip("started by the benchmarks")
	}
	if os.Getenv(stormKeys) == "true" {
		keys := benchKeys(t)
		p.keys = &keys
	}
	hellos := p.hellos(t, benchCameras)
	clients, _ := p.wave(t, hellos)
	fmt.Println("done", 0)
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		var attempts atomic.Int64
		var cameras sync.WaitGroup
		began := time.Now()
		for n, w := range clients {
			cameras.Go(func() {
				time.Sleep(rand.N(stormLoss))
				_ = w.Close()
				clients[n] = p.comeBack(t, n, hellos[n], &attempts)
			})
		}
		cameras.Wait()
		fmt.Println("done", time.Since(began).Seconds(), attempts.Load())
	}
	for _, w := range clients {
		_ = w.Close()
	}
}

// comeBack reconnects one camera with the waits of pkg/mqttclient: between a quarter and all of a bound that
// doubles from 0.1 to 8 s, and a random part of stormWithin.
func (p *process) comeBack(t *testing.T, n int, hello []byte, attempts *atomic.Int64) *wire {
	for bound := 100 * time.Millisecond; ; bound = min(2*bound, 8*time.Second) {
		time.Sleep(bound/4 + rand.N(bound*3/4) + rand.N(stormWithin))
		attempts.Add(1)
		if w := p.tryConnect(t, hello); w != nil {
			w.settle(n)
			return w
		}
	}
}

func (p *process) tryConnect(t *testing.T, hello []byte) *wire {
	c, err := p.dial()
	if err != nil {
		return nil
	}
	w := &wire{Conn: c, t: t, version: 5}
	if _, err = w.Write(hello); err == nil {
		var answer packets.Packet
		if answer, err = w.next(); err == nil && answer.FixedHeader.Type == packets.Connack && answer.ReasonCode == 0 {
			return w
		}
	}
	_ = c.Close()
	return nil
}

// TestBenchStorm ends the connections of all cameras, as a switch does that restarts, while people
// go on asking others.
func TestBenchStorm(t *testing.T) {
	ours := startOurs(t).storm(t)
	ours.report("broker", nil)
	if p := startMosquitto(t); p != nil {
		theirs := p.storm(t)
		theirs.report("mosquitto", nil)
		ours.report("broker_beside", theirs)
	}
}

type storm struct {
	seconds, attempts float64 // until the last camera was back
	before, during    []trip
	lost              int // offers without an answer
}

func (p *process) storm(t *testing.T) *storm {
	cameras := startChild(t, "TestStormChild", stormAt+"="+p.addr, stormKeys+"="+strconv.FormatBool(p.keys != nil))
	cameras.await()
	s := &storm{}
	s.before, _ = p.roundTrips(t, stormOffers, benchLoad, func() {})
	var back sync.WaitGroup
	var began, over time.Time
	trips, lost := p.roundTrips(t, stormOffers, stormLoad, func() {
		back.Go(func() {
			began = time.Now()
			numbers := cameras.tell("storm")
			over = time.Now()
			s.seconds, s.attempts = numbers[0], numbers[1]
		})
	})
	back.Wait()
	s.lost = lost
	for _, trip := range trips {
		if trip.due.After(began) && trip.due.Before(over) {
			s.during = append(s.during, trip)
		}
	}
	return s
}

// report reports the storm, or how it compares with the peer's.
func (s *storm) report(name string, peer *storm) {
	line := func(what, unit string, of func(*storm) float64) {
		f := figure{Name: name + what, Value: of(s), Unit: unit}
		if peer != nil {
			f.Ratio, f.Peer = f.Value/of(peer), "mosquitto"
		}
		report(f)
	}
	line("_storm_over_after", "s", func(s *storm) float64 { return s.seconds })
	line("_storm_attempts_per_camera", "", func(s *storm) float64 { return s.attempts / benchCameras })
	for _, percent := range []int{50, 99} {
		line(fmt.Sprintf("_signalling_before_storm_p%d", percent), "ms", func(s *storm) float64 { return percentile(s.before, percent) })
		line(fmt.Sprintf("_signalling_in_storm_p%d", percent), "ms", func(s *storm) float64 { return percentile(s.during, percent) })
	}
	if peer == nil {
		line("_signalling_lost_in_storm", "messages", func(s *storm) float64 { return float64(s.lost) })
	}
}
