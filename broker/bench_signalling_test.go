//go:build bench

package broker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// roundTrips offers at a steady rate for benchLoad and returns the delays, sorted: from when each
// offer was due, so that a stall counts for all that it held up.
func (p *process) roundTrips(t *testing.T, perSecond int) (delays []time.Duration, lost int) {
	var clients []*wire
	for n := range echoCameras {
		w := p.connect(t, p.login(t, benchCamera(n)))
		w.subscribe(0, signaling.ToCameraFilter(benchCamera(n).ID))
		clients = append(clients, w)
		go echo(w, toViewer(benchCamera(n).ID, "p1"))
	}
	viewers := p.connect(t, p.login(t, portal("p1")))
	viewers.subscribe(0, signaling.ToViewerFilter("p1"))
	total := int(benchLoad.Seconds()) * perSecond
	began := time.Now().Add(50 * time.Millisecond)
	due := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second / time.Duration(perSecond)) }
	go func() {
		offer := strings.Repeat("o", 4<<10-8)
		for n := range total {
			time.Sleep(time.Until(due(n)))
			viewers.publish(toCamera(benchCamera(n%echoCameras).ID, "p1"), fmt.Sprintf("%08d", n)+offer, 0, false)
		}
	}()
	_ = viewers.SetReadDeadline(began.Add(benchLoad + benchLate))
	for len(delays) < total {
		pk, err := viewers.next()
		if err != nil {
			break // lost ones are reported below
		}
		if n, err := strconv.Atoi(string(pk.Payload[:min(8, len(pk.Payload))])); err == nil {
			delays = append(delays, time.Since(due(n)))
		}
	}
	require.NotEmpty(t, delays)
	for _, w := range append(clients, viewers) {
		_ = w.Close()
	}
	slices.Sort(delays)
	return delays, total - len(delays)
}

func echo(w *wire, topic string) {
	for {
		pk, err := w.next()
		if err != nil {
			return
		}
		answer := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish}, TopicName: topic, Payload: pk.Payload, ProtocolVersion: 5}
		if _, err := w.Write(encode(w.t, answer)); err != nil {
			return
		}
	}
}

func TestBenchSignalling(t *testing.T) {
	ours, theirs := startOurs(t), startMosquitto(t)
	for _, rate := range []int{100, 2000} {
		own, lost := ours.roundTrips(t, rate)
		report(figure{Name: fmt.Sprintf("broker_signalling_lost_at_%d_per_second", rate), Value: float64(lost), Unit: "messages"})
		var other []time.Duration
		if theirs != nil {
			other, _ = theirs.roundTrips(t, rate)
		}
		for name, percent := range map[string]int{"p50": 50, "p99": 99} {
			at := func(d []time.Duration) float64 { return d[len(d)*percent/100].Seconds() * 1000 }
			f := figure{Name: fmt.Sprintf("broker_signalling_%s_at_%d_per_second", name, rate), Value: at(own), Unit: "ms"}
			if other != nil {
				f.Ratio, f.Peer = f.Value/at(other), "mosquitto"
			}
			report(f)
		}
	}
}
