package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"seccam/pkg/signaling"
	"seccam/pkg/tracing"
)

// trace lets the log at level debug, and traces, follow one view through the broker, by the session that the page, the
// portal and the camera name, too. What is said stays out of it.
func (b *Broker) trace(from *mqtt.Client, pk packets.Packet) {
	logged := b.log.Enabled(context.Background(), slog.LevelDebug)
	if !logged && b.cfg.Tracer == nil {
		return
	}
	topic, err := signaling.ParseTopic(pk.TopicName)
	if err != nil || topic.Session == "" {
		return
	}
	if logged {
		b.log.Debug("broker: session message", "session", topic.Session, "from", from.ID, "bytes", len(pk.Payload))
	}
	if b.cfg.Tracer != nil {
		b.transit.came(pk.TopicName, time.Now())
	}
}

// passedOn tells the trace of a view how long a message of its session was here.
func (b *Broker) passedOn(name string) {
	came, first := b.transit.left(name)
	if !first {
		return
	}
	topic, err := signaling.ParseTopic(name)
	if err != nil {
		return
	}
	stage := tracing.Stage{Service: tracing.Broker, Name: "to-viewer", Began: came, Ended: time.Now()}
	if topic.Kind == signaling.KindToCamera {
		stage.Name = "to-camera"
	}
	b.cfg.Tracer.Stage(string(topic.Session), stage)
}

// A view's messages come together, so of each topic only the first one in transitTime or two is timed: it is the offer, or
// the answer. maxTransit bounds how many topics are remembered.
const (
	transitTime = 30 * time.Second
	maxTransit  = 10_000
)

// transit knows when messages came in that are to be timed. Its zero value is ready for use.
type transit struct {
	mu             sync.Mutex
	recent, before map[string]time.Time // by topic; zero once the message has left
	turned         time.Time            // when recent became before
}

// came notes a message, if it is one to be timed.
func (t *transit) came(topic string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.turned) > transitTime {
		t.before, t.recent, t.turned = t.recent, map[string]time.Time{}, now
	}
	_, known := t.recent[topic]
	_, old := t.before[topic]
	if !known && !old && len(t.recent) < maxTransit {
		t.recent[topic] = now
	}
}

// left returns when the message came that has just left, and whether that is one to be timed.
func (t *transit) left(topic string) (came time.Time, timed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, of := range []map[string]time.Time{t.recent, t.before} {
		if came = of[topic]; !came.IsZero() {
			of[topic] = time.Time{}
			return came, true
		}
	}
	return came, false
}
