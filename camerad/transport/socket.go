package transport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pion/ice/v4"
	"golang.org/x/sys/unix"
)

// readPause is how long reading pauses after an error.
const readPause = 50 * time.Millisecond

// socket is the UDP socket of one local address, made to fit under pion's mux.
type socket struct {
	owner    *Transport
	local    *net.UDPAddr
	v4       bool
	kernel   sendFunc
	segments bool // the kernel can cut messages
	inlet    *inlet
	heard    time.Duration // when the latest packet came, by the transport's clock; of the reading goroutine

	stopping chan struct{} // closed by stop
	closed   chan struct{} // closed by Close
	stopOnce sync.Once
	close    func() error // closes the descriptors and then closed, once
}

var (
	_ net.PacketConn           = (*socket)(nil)
	_ ice.AddrPortReaderWriter = (*socket)(nil)
)

// newSocket closes udp and has its descriptor from then on, also if it fails.
func newSocket(owner *Transport, udp *net.UDPConn) (*socket, error) {
	local := udp.LocalAddr().(*net.UDPAddr)
	file, raw, err := takeOver(udp)
	if err != nil {
		return nil, err
	}
	v4 := local.AddrPort().Addr().Unmap().Is4()
	kernel, segments, err := newKernel(raw, v4)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	inlet, err := newInlet(raw)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	s := &socket{
		owner: owner, local: local, v4: v4, kernel: kernel, segments: segments, inlet: inlet,
		stopping: make(chan struct{}), closed: make(chan struct{}),
	}
	s.close = sync.OnceValue(func() error {
		defer close(s.closed)
		return errors.Join(inlet.close(), file.Close())
	})
	return s, nil
}

// takeOver makes a socket one that the runtime's poller does not know; see [bell].
func takeOver(udp *net.UDPConn) (*os.File, syscall.RawConn, error) {
	defer udp.Close()
	before, err := udp.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	fd := -1
	if closed := before.Control(func(own uintptr) { fd, err = duplicate(own) }); closed != nil {
		return nil, nil, closed
	}
	if err != nil {
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "udp")
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, raw, nil
}

// duplicate makes a descriptor that may block, since package os has the poller know the others. It does not,
// since each call says that it must not.
func duplicate(own uintptr) (int, error) {
	fd, err := unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// WriteToAddrPort implements ice.AddrPortReaderWriter. A packet of a picture may wait for the rest of
// it; b is not used after the return.
func (s *socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	err := error(syscall.EAFNOSUPPORT)
	if to.Addr().Is4() == s.v4 {
		err = s.route(b, to)
	}
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
		n, from, err := s.read(b)
		if err == nil {
			if s.owner.hear(s, b[:n], from, s.heard) {
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

// read gives the next packet, for which it waits.
func (s *socket) read(b []byte) (int, netip.AddrPort, error) {
	for {
		if n, from, ok := s.inlet.take(b); ok {
			s.heard = s.owner.clock()
			s.owner.gather.note(s.heard)
			return n, from, nil
		}
		if s.inlet.drained() {
			if err := s.wait(); err != nil {
				return 0, netip.AddrPort{}, err
			}
		}
		if err := s.inlet.fill(); err != nil {
			return 0, netip.AddrPort{}, err
		}
	}
}

// wait returns when it is time to look what has come.
func (s *socket) wait() error {
	select {
	case <-s.stopping:
		return net.ErrClosed
	default:
	}
	if pause := s.owner.gather.pause(s.heard, s.owner.clock()); pause > 0 {
		time.Sleep(pause)
		return nil
	}
	return s.inlet.wait()
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
	s.inlet.interrupt()
}

// Close implements net.PacketConn.
func (s *socket) Close() error { return s.close() }

// LocalAddr implements net.PacketConn.
func (s *socket) LocalAddr() net.Addr { return s.local }

func (s *socket) port() uint16 { return uint16(s.local.Port) }

// SetDeadline implements net.PacketConn for what there is to set: nothing, since only
// [socket.stop] interrupts reading and a write ends by itself.
func (s *socket) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn like [socket.SetDeadline].
func (s *socket) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn like [socket.SetDeadline]. pion's mux expires it to free
// writers that are stuck, which here none is for long (fullRetries).
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
