package broker

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"golang.org/x/time/rate"
)

// Limits of a connection that nobody needs to configure.
const (
	burstSeconds  = 5                      // of its rates, that a client may send at once
	minBurstBytes = 128 << 10              // above the largest read
	minBurst      = 512                    // above the packets in one read of readBuffer bytes
	portalFactor  = 100                    // a portal's rates, in those of a camera
	farewellTime  = 250 * time.Millisecond // for the last packet to a client that is being cut
)

// conn stands between a network connection and Mochi. Mochi reads and writes it as a [net.Conn];
// the read deadline is attach's, the write deadline its own.
type conn struct {
	net.Conn
	broker   *Broker
	ticket   *ticket
	frame    framer // owned by the reading goroutine
	messages *rate.Limiter
	bytes    *rate.Limiter // both nil until authenticated
	session  atomic.Pointer[session]
	hurried  atomic.Bool
	deaf     atomic.Pointer[time.Time] // set when the client no longer takes anything: until when it is read
	once     sync.Once
	closed   chan struct{}
}

func newConn(raw net.Conn, b *Broker, t *ticket) *conn {
	c := &conn{
		Conn: raw, broker: b, ticket: t,
		frame:  framer{limit: b.cfg.MaxPacketBytes},
		closed: make(chan struct{}),
	}
	_ = raw.SetReadDeadline(time.Now().Add(b.cfg.ConnectTimeout))
	return c
}

// authenticated gives the connection its rates and its place in the gate back. The reading
// goroutine calls it.
func (c *conn) authenticated(s *session) {
	factor := 1
	if s.isPortal() {
		factor = portalFactor
	}
	messages, bytes := c.broker.cfg.MessagesPerSecond*factor, c.broker.cfg.BytesPerSecond*factor
	c.messages = rate.NewLimiter(rate.Limit(messages), max(messages*burstSeconds, minBurst))
	c.bytes = rate.NewLimiter(rate.Limit(bytes), max(bytes*burstSeconds, minBurstBytes))
	c.ticket.leave()
}

// Read passes on what has been judged: packets that are too large end the connection before Mochi
// sees their header, and a client that sends too much is read more slowly.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) > minBurstBytes {
		p = p[:minBurstBytes]
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	begun, bad := c.frame.scan(p[:n])
	if bad != nil {
		c.reject(bad)
		return 0, bad
	}
	if c.messages == nil {
		return n, err
	}
	if slow := c.throttle(begun, n); slow != nil {
		return 0, slow
	}
	return n, err
}

func (c *conn) reject(bad error) {
	c.broker.stats.malformed.Add(1)
	var code packets.Code
	if s := c.session.Load(); s != nil && errors.As(bad, &code) {
		s.cut(code) // [MQTT-3.1.2-24] the client hears why
	}
	_ = c.Close()
}

// throttle waits until the client may have sent what it has. Other connections do not notice: the
// sender's own window fills.
func (c *conn) throttle(begun, n int) error {
	now := time.Now()
	delay := c.messages.ReserveN(now, min(begun, minBurst)).DelayFrom(now)
	delay = max(delay, c.bytes.ReserveN(now, n).DelayFrom(now))
	if delay <= 0 {
		return nil
	}
	c.broker.stats.throttled.Add(1)
	return c.wait(delay)
}

func (c *conn) wait(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.closed:
		return net.ErrClosed
	}
}

// Write gives the client WriteTimeout to make room, then closes the connection. Mochi holds the
// client's lock across this call, and publishers to it wait for that lock.
//
// A client that has closed its end is not known to have gone before all it sent has been read: the
// DISCONNECT, which voids its Will [MQTT-3.14.4-3], may be waiting. Such a client takes whatever is
// written, and the end is for the reader to find.
func (c *conn) Write(p []byte) (int, error) {
	if c.deaf.Load() != nil {
		return len(p), nil // a packet may have been cut in half: nothing can follow it
	}
	limit := c.broker.cfg.WriteTimeout
	if c.hurried.Load() {
		limit = min(limit, farewellTime)
	}
	_ = c.Conn.SetWriteDeadline(time.Now().Add(limit))
	n, err := c.Conn.Write(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		if !c.hurried.Load() {
			c.broker.stats.slow.Add(1)
		}
		_ = c.Close()
		return n, err
	}
	until := time.Now().Add(c.broker.cfg.WriteTimeout)
	c.deaf.Store(&until)
	_ = c.Conn.SetReadDeadline(until)
	return len(p), nil
}

// SetReadDeadline does not put off the end of a client that takes nothing any more.
func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.Conn.SetReadDeadline(t)
	if until := c.deaf.Load(); until != nil {
		err = c.Conn.SetReadDeadline(*until)
	}
	return err
}

// hurry shortens what is left of a pending write, before the connection is cut.
func (c *conn) hurry() {
	c.hurried.Store(true)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(farewellTime))
}

// Close may be called from anywhere, any number of times.
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		close(c.closed)
		c.ticket.leave()
		err = c.Conn.Close()
	})
	return err
}
