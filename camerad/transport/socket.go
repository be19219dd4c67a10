package transport

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/ice/v4"
)

// readPause is how long reading pauses after an error.
const readPause = 50 * time.Millisecond

// socket is the UDP socket of one local address, made to fit under pion's mux.
type socket struct {
	owner    *Transport
	udp      *net.UDPConn
	v4       bool
	kernel   sendFunc
	segments bool // the kernel can cut messages
	inlet    *inlet
	gather   gathering

	stopping chan struct{} // closed by stop
	closed   chan struct{} // closed by Close
	stopOnce sync.Once
	close    func() error // closes udp and then closed, once
}

var (
	_ net.PacketConn           = (*socket)(nil)
	_ ice.AddrPortReaderWriter = (*socket)(nil)
)

func newSocket(owner *Transport, udp *net.UDPConn, v4 bool) (*socket, error) {
	kernel, segments, err := newKernel(udp, v4)
	if err != nil {
		return nil, err
	}
	inlet, err := newInlet(udp)
	if err != nil {
		return nil, err
	}
	s := &socket{
		owner: owner, udp: udp, v4: v4, kernel: kernel, segments: segments, inlet: inlet,
		stopping: make(chan struct{}), closed: make(chan struct{}),
	}
	s.close = sync.OnceValue(func() error {
		defer close(s.closed)
		return udp.Close()
	})
	return s, nil
}

// WriteToAddrPort implements ice.AddrPortReaderWriter. A packet of a picture may wait for the rest of
// it; b is not used after the return.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if to.Addr().Is4() != s.v4 || to.Addr().Zone() != "" {
		return s.udp.WriteToUDPAddrPort(b, to) // refuses the one, and knows the other's interface
	}
	err := s.route(b, to)
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: s.LocalAddr(), Addr: net.UDPAddrFromAddrPort(to), Err: err}
	}
	return len(b), nil
}

func (s *socket) route(b []byte, to netip.AddrPort) error {
	if header, ok := parseRTP(b); ok {
		if stream := s.owner.streams.get(header.ssrc); stream != nil {
			return stream.write(s, b, header, to)
		}
	}
	return s.send(b, to)
}

// send sends one packet at once.
func (s *socket) send(packet []byte, to netip.AddrPort) error {
	b := s.owner.takeBatch()
	defer s.owner.putBatch(b)
	b.only(packet)
	p := path{socket: s, to: to}
	return p.transmit(b)
}

// WriteTo implements net.PacketConn like [socket.WriteToAddrPort].
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	address, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: s.LocalAddr(), Addr: to, Err: os.ErrInvalid}
	}
	return s.WriteToAddrPort(b, address.AddrPort())
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter, without what [Express] takes. It returns io.EOF after [socket.stop]. Other
// errors it waits out: they would end pion's mux, for all viewers.
func (s *socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for failed := false; ; {
		s.gatherMore()
		n, from, err := s.inlet.read(b)
		if err == nil {
			now := s.owner.clock()
			s.gather.note(now)
			if s.owner.hear(s, b[:n], from, now) {
				continue
			}
			return n, from, nil
		}
		select {
		case <-s.stopping:
			return 0, netip.AddrPort{}, io.EOF
		case <-s.closed:
			return 0, netip.AddrPort{}, net.ErrClosed
		case <-time.After(readPause):
		}
		if !failed {
			failed = true
			s.owner.log.Warn("viewers are not heard: the UDP socket cannot be read; trying on", "error", err)
		}
	}
}

// gatherMore pauses if much comes and all that came was read.
func (s *socket) gatherMore() {
	if !s.inlet.drained() {
		return
	}
	if pause := s.gather.pause(s.owner.clock()); pause > 0 {
		time.Sleep(pause)
	}
}

// ReadFrom implements net.PacketConn like [socket.ReadFromAddrPort].
func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// stop ends reading. pion's mux then closes itself, and at last s, in its reading goroutine.
func (s *socket) stop() {
	s.stopOnce.Do(func() { close(s.stopping) })
	_ = s.udp.SetReadDeadline(time.Now()) // fails only if s is closed
}

// Close implements net.PacketConn.
func (s *socket) Close() error { return s.close() }

// LocalAddr implements net.PacketConn.
func (s *socket) LocalAddr() net.Addr { return s.udp.LocalAddr() }

func (s *socket) port() uint16 { return s.udp.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

// SetDeadline implements net.PacketConn for what there is to set: nothing, since only
// [socket.stop] interrupts reading and a write ends by itself.
func (s *socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn like [socket.SetDeadline].
func (s *socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn like [socket.SetDeadline]. pion's mux expires it to free
// writers that are stuck, which here none is for long (fullRetries).
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
