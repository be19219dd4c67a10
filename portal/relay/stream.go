package relay

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
)

const (
	// idleTimeout is how long a connection may be without an allocation, from its first packet or from the
	// end of its last allocation on.
	idleTimeout = 10 * time.Second
	// stallTimeout is about how long a client may leave a write pending before it is cut.
	stallTimeout = 10 * time.Second
	// maxFrame is the largest message of a client, in bytes: a Send indication of maxPacket.
	maxFrame = 1599
	// streamBuffer bounds what waits for a slow client, in bytes, here and again in the system: media that is
	// old is worth nothing.
	streamBuffer = 256 << 10
)

var errFrame = errors.New("relay: neither STUN nor channel data, or too large")

// stream is a client's TCP or TLS connection. Pion reads whole STUN messages from it, so that it need not
// put pieces together: it does so by recursion, and a client that sends single bytes would choose how deep.
type stream struct {
	net.Conn          // above TLS
	raw      net.Conn // below it: closing TLS says goodbye, for which a client can make one wait
	server   *Server
	remote   *net.TCPAddr // what pion knows it by
	in       *bufio.Reader
	relay    atomic.Pointer[relayed]
	last     transaction  // of the request that pion is at
	extended atomic.Int64 // when the write deadline was last moved, as of [Server.elapsed]
	leave    func()       // gives back the place in the gate

	wake    chan struct{} // something waits for flush
	closed  chan struct{}
	ended   sync.Once
	flushed sync.Once  // flush has been started
	mu      sync.Mutex // guards waiting, and keeps relay and the read deadline together
	waiting []byte
}

// newStream takes over conn, which is raw or TLS on it, and whose deadline is running.
func newStream(s *Server, conn, raw net.Conn, leave func()) *stream {
	remote, _ := raw.RemoteAddr().(*net.TCPAddr)
	return &stream{
		Conn: conn, raw: raw, server: s, remote: remote, in: bufio.NewReader(conn), leave: leave,
		wake: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// RemoteAddr returns the same pointer each time; pion's callbacks find the stream by it.
func (c *stream) RemoteAddr() net.Addr { return c.remote }

// Read forwards channel data and returns one STUN message.
func (c *stream) Read(p []byte) (int, error) {
	for {
		frame, err := c.frame()
		if err != nil {
			return 0, err
		}
		if isChannelData(frame) {
			if r := c.relay.Load(); r != nil {
				r.forward(frame, len(frame))
			}
			_, _ = c.in.Discard(len(frame))
			continue
		}
		c.last.copy(frame)
		n := copy(p, frame)
		_, _ = c.in.Discard(len(frame))
		return n, nil
	}
}

// frame waits for the next whole message. It is valid until the next Discard.
func (c *stream) frame() ([]byte, error) {
	head, err := c.in.Peek(channelHeader)
	if err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	if isChannelData(head) {
		size = channelHeader + padded(size) // RFC 8656, section 12.5
	} else if head, err = c.in.Peek(stunHeader); err != nil {
		return nil, err
	} else if size += stunHeader; !stun.IsMessage(head) {
		return nil, errFrame
	}
	if size > maxFrame {
		return nil, errFrame
	}
	return c.in.Peek(size)
}

// Write sends one message of pion's.
func (c *stream) Write(p []byte) (int, error) {
	if isDenial(p) {
		p = c.server.corrected(p, c.relay.Load())
	}
	return c.write(p)
}

// write closes the connection of a client that does not read. The deadline is not moved for each packet.
func (c *stream) write(p []byte) (int, error) {
	now := c.server.elapsed()
	if last := c.extended.Load(); last == 0 || now-last > int64(time.Second) {
		c.extended.Store(now)
		_ = c.SetWriteDeadline(time.Now().Add(stallTimeout))
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		_ = c.raw.Close()
	}
	return n, err
}

// deliver leaves messages to flush, all or none.
func (c *stream) deliver(t *train) {
	c.mu.Lock()
	full := len(c.waiting)+len(t.data) > streamBuffer
	if !full {
		c.waiting = append(c.waiting, t.data...)
	}
	c.mu.Unlock()
	if full {
		c.server.counts.dropped[toClient].Add(count(len(t.data), t.car))
		return
	}
	select {
	case c.wake <- struct{}{}:
	default: // flush will look anyway
	}
}

// flush writes what waits until the connection is closed.
func (c *stream) flush() {
	var spare []byte
	for {
		select {
		case <-c.wake:
		case <-c.closed:
			return
		}
		c.mu.Lock()
		c.waiting, spare = spare[:0], c.waiting
		c.mu.Unlock()
		_, _ = c.write(spare)
	}
}

func (c *stream) hold(r *relayed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.relay.Store(r)
	_ = c.SetReadDeadline(time.Time{})
	// Pion's goroutine, which is here, keeps the count above zero.
	c.flushed.Do(func() { c.server.work.Go(c.flush) })
}

func (c *stream) release(r *relayed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.relay.CompareAndSwap(r, nil) {
		_ = c.SetReadDeadline(time.Now().Add(c.server.idle))
	}
}

// Close is what pion does last with a connection.
func (c *stream) Close() error {
	err := c.raw.Close()
	c.ended.Do(func() {
		close(c.closed)
		c.server.forget(c)
		c.leave()
		c.server.work.Done()
	})
	return err
}
