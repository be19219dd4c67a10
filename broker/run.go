package broker

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	stdlog "log"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Mochi's settings.
const (
	maximumQoS      = 1
	receiveMaximum  = 64  // QoS 1 publications of a client that are not acknowledged yet
	maximumInflight = 256 // the same, to a client
	writesPending   = 128 // a channel of pointers, allocated before authentication
	readBuffer      = 512
	writeBuffer     = 2048 // allocated only while a client is behind
	minimumProtocol = 4    // MQTT 3.1.1
)

// newServer returns a Mochi without listeners. Its log is discarded: it prints whole packets, with
// passwords in them; the hook and the guard report what matters.
func newServer(cfg Config) *mqtt.Server {
	return mqtt.New(&mqtt.Options{
		Capabilities: &mqtt.Capabilities{
			MaximumClients:               int64(cfg.MaxClients),
			MaximumMessageExpiryInterval: 0, // 24 h, the default, would delete retained status
			MaximumClientWritesPending:   writesPending,
			MaximumSessionExpiryInterval: 0,
			MaximumPacketSize:            uint32(cfg.MaxPacketBytes),
			ReceiveMaximum:               receiveMaximum,
			MaximumInflight:              maximumInflight,
			TopicAliasMaximum:            0, // the ACL would see the topic ""
			SharedSubAvailable:           0,
			MinimumProtocolVersion:       minimumProtocol,
			MaximumQos:                   maximumQoS,
			RetainAvailable:              1,
			WildcardSubAvailable:         1,
			SubIDAvailable:               1,
			// Not ObscureNotAuthorized: our clients are told 0x87. Not PassiveClientDisconnect: it
			// leaves it to a client that was disconnected to close its connection.
			Compatibilities: mqtt.Compatibilities{NoInheritedPropertiesOnAck: true},
		},
		ClientNetReadBufferSize:  readBuffer,
		ClientNetWriteBufferSize: writeBuffer,
		SysTopicResendInterval:   int64(24 * time.Hour / time.Second), // never: Serve is not called
		Logger:                   slog.New(slog.DiscardHandler),
	})
}

// debugLog hides net/http's remarks on broken handshakes at the debug level.
func debugLog(log *slog.Logger) *stdlog.Logger {
	return slog.NewLogLogger(log.Handler(), slog.LevelDebug)
}

// sweeper is one goroutine and one ticker for all clients: a timer in each would cost memory.
func (b *Broker) sweeper() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	var memory trimmer
	for {
		select {
		case <-b.life.Done():
			return
		case <-ticker.C:
			if memory.due(b.sweep()) {
				trim()
			}
		}
	}
}

// sweep ends connections whose token has, and returns how many sessions have begun and ended.
func (b *Broker) sweep() uint64 {
	now := b.now()
	for _, s := range b.sessions.matching(func(s *session) bool { return !s.expires.After(now) }) {
		if s.cut(codeExpired) {
			b.stats.expired.Add(1)
		}
	}
	b.gate.sweep(time.Now())
	return b.sessions.sweep(now)
}

// sleep waits unless the broker ends first.
func (b *Broker) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-b.life.Done():
		return false
	}
}

func (b *Broker) closeListeners() {
	for _, l := range []net.Listener{b.tcp, b.tls, b.webSocket} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// shutdown says goodbye to those who can hear it, closes every connection and waits.
func (b *Broker) shutdown(web *http.Server) error {
	b.end()
	b.closeListeners()
	_ = web.Close()
	b.mu.Lock()
	conns := b.conns
	b.conns = nil // from here on nothing begins
	b.mu.Unlock()
	b.farewell(conns)

	done := make(chan struct{})
	go func() { b.work.Wait(); close(done) }()
	timeout := time.NewTimer(shutdownTimeout)
	defer timeout.Stop()
	select {
	case <-done:
		return nil
	case <-timeout.C:
		return errors.New("broker: some connections did not end in time")
	}
}

// farewell closes connections, several at a time: a client that does not read delays only a few.
func (b *Broker) farewell(conns map[*conn]struct{}) {
	const workers = 64
	queue := make(chan *conn)
	var group sync.WaitGroup
	for range min(workers, len(conns)) {
		group.Go(func() {
			for c := range queue {
				if s := c.session.Load(); s != nil {
					s.cut(packets.ErrServerShuttingDown)
				}
				_ = c.Close()
			}
		})
	}
	for c := range conns {
		queue <- c
	}
	close(queue)
	group.Wait()
}
