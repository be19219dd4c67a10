package broker

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeBuffer is how much one side of an in-process connection may be ahead of the other, in bytes.
// Without it (as in net.Pipe) two ends that both write before they read stop each other.
const pipeBuffer = 1 << 20

// stream is one direction of an in-process connection.
type stream struct {
	mu     sync.Mutex
	change sync.Cond
	data   []byte
	closed bool
	read   deadline
	write  deadline
}

type deadline struct {
	at    time.Time
	timer *time.Timer
}

func newStream() *stream {
	s := new(stream)
	s.change.L = &s.mu
	return s
}

func (d deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func (s *stream) setDeadline(d *deadline, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.at = at
	if !at.IsZero() && !s.closed {
		d.timer = time.AfterFunc(time.Until(at), s.wake)
	}
	s.change.Broadcast()
}

// wake takes the lock: without it, it could fall between a look at the deadline and the wait.
func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change.Broadcast()
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.data) == 0 {
		switch {
		case s.closed:
			return 0, io.EOF
		case s.read.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		}
		s.change.Wait()
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	if len(s.data) == 0 {
		s.data = nil // an idle connection keeps no buffer
	}
	s.change.Broadcast()
	return n, nil
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for {
		switch {
		case s.closed:
			return written, io.ErrClosedPipe
		case s.write.passed():
			return written, os.ErrDeadlineExceeded
		}
		n := min(len(p)-written, pipeBuffer-len(s.data))
		s.data = append(s.data, p[written:written+n]...)
		written += n
		s.change.Broadcast()
		if written == len(p) {
			return written, nil
		}
		s.change.Wait()
	}
}

// close lets the reader have what was written before it.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, d := range []*deadline{&s.read, &s.write} {
		if d.timer != nil {
			d.timer.Stop()
		}
	}
	s.change.Broadcast()
}

// pipeConn is one end of an in-process connection.
type pipeConn struct{ in, out *stream }

func newPipe() (client, server net.Conn) {
	a, b := newStream(), newStream()
	return pipeConn{a, b}, pipeConn{b, a}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "in-process" }

// The methods of net.Conn.
func (c pipeConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c pipeConn) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c pipeConn) LocalAddr() net.Addr         { return pipeAddr{} }
func (c pipeConn) RemoteAddr() net.Addr        { return pipeAddr{} }

func (c pipeConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}

func (c pipeConn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.read, t)
	return nil
}

func (c pipeConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.write, t)
	return nil
}

func (c pipeConn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}
