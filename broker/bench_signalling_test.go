//go:build bench

package broker

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// trip is one offer with its answer. Its delay is from when the offer was due, so that a stall counts
// for all that it held up.
type trip struct {
	due   time.Time
	delay time.Duration
}

// percentile of the trips' delays, in ms.
func percentile(trips []trip, percent int) float64 {
	slices.SortFunc(trips, func(a, b trip) int { return cmp.Compare(a.delay, b.delay) })
	return trips[len(trips)*percent/100].delay.Seconds() * 1000
}

// echoCamera is one of those that answer.
func echoCamera(n int) credential.Identity { return benchCamera(1_000_000 + n%echoCameras) }

// roundTrips offers at a steady rate for a time. It calls answered at the first answer.
func (p *process) roundTrips(t *testing.T, perSecond int, load time.Duration, answered func()) (trips []trip, lost int) {
	var clients []*wire
	for n := range echoCameras {
		w := p.connect(t, p.login(t, echoCamera(n)))
		w.subscribe(0, signaling.ToCameraFilter(echoCamera(n).ID))
		clients = append(clients, w)
		go echo(w, toViewer(echoCamera(n).ID, "p1"))
	}
	viewers := p.connect(t, p.login(t, portal("p1")))
	viewers.subscribe(0, signaling.ToViewerFilter("p1"))
	total := int(load.Seconds()) * perSecond
	began := time.Now().Add(50 * time.Millisecond)
	due := func(n int) time.Time { return began.Add(time.Duration(n) * time.Second / time.Duration(perSecond)) }
	go func() {
		offer := strings.Repeat("o", 4<<10-8)
		for n := range total {
			time.Sleep(time.Until(due(n)))
			viewers.publish(toCamera(echoCamera(n).ID, "p1"), fmt.Sprintf("%08d", n)+offer, 0, false)
		}
	}()
	_ = viewers.SetReadDeadline(began.Add(load + benchLate))
	for len(trips) < total {
		pk, err := viewers.next()
		if err != nil {
			break // lost ones are reported below
		}
		if n, err := strconv.Atoi(string(pk.Payload[:min(8, len(pk.Payload))])); err == nil {
			if trips = append(trips, trip{due(n), time.Since(due(n))}); len(trips) == 1 {
				answered()
			}
		}
	}
	require.NotEmpty(t, trips)
	for _, w := range append(clients, viewers) {
		_ = w.Close()
	}
	return trips, total - len(trips)
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
		own, lost := ours.roundTrips(t, rate, benchLoad, func() {})
		report(figure{Name: fmt.Sprintf("broker_signalling_lost_at_%d_per_second", rate), Value: float64(lost), Unit: "messages"})
		var other []trip
		if theirs != nil {
			other, _ = theirs.roundTrips(t, rate, benchLoad, func() {})
		}
		for name, percent := range map[string]int{"p50": 50, "p99": 99} {
			f := figure{Name: fmt.Sprintf("broker_signalling_%s_at_%d_per_second", name, rate), Value: percentile(own, percent), Unit: "ms"}
			if other != nil {
				f.Ratio, f.Peer = f.Value/percentile(other, percent), "mosquitto"
			}
			report(f)
		}
	}
}
