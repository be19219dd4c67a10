package relay

import (
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// socketBuffer is asked for in bytes, for the packets of a key frame; the system may give less.
const socketBuffer = 1 << 20

// socket is a UDP socket that reads all that waits, and sends all of one size that goes to one address, by
// one system call each: these are most of what relaying costs. One goroutine may read.
type socket struct {
	*net.UDPConn
	// take is given each train that was read. It must not block. It returns true when the next packet is to be
	// returned to pion, and leaves that in the train; else it leaves nothing there.
	take func(*arrival) bool

	raw  syscall.RawConn
	v6   bool               // the socket's family; it may take IPv4 too
	step func(uintptr) bool // s.readStep: kept, since making a method value allocates
	in   *intake            // what was read; nil: all of it was taken
	now  arrival            // the train that is being taken
	fail syscall.Errno      // of the last read
}

func newSocket(conn *net.UDPConn) (*socket, error) {
	_, _ = conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer)
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{UDPConn: conn, raw: raw}
	s.step = s.readStep
	err = raw.Control(func(fd uintptr) {
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		s.v6 = err == nil && domain == unix.AF_INET6
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1) // Linux 5.0; else packets come singly
	})
	return s, err
}

// await reads until there is a packet for pion, and returns the train that it is in.
func (s *socket) await() (*arrival, error) {
	for !s.unload() {
		s.fail = 0
		if err := s.raw.Read(s.step); err != nil {
			return nil, err
		}
		if s.fail != 0 {
			return nil, s.fail
		}
	}
	return &s.now, nil
}

// readStep reads until nothing waits, and reports whether await has something to do. If not, the runtime calls
// it again when more has come. That may be between two calls, so that none is in vain; but it must have left
// nothing behind, for which nobody would call.
func (s *socket) readStep(fd uintptr) bool {
	for {
		in := takeIntake()
		if s.fail = in.receive(fd); s.fail != 0 {
			in.free()
			return s.fail != unix.EAGAIN
		}
		s.in = in
		all := in.count < intakeMessages
		if s.unload() {
			return true
		}
		if all {
			return false
		}
	}
}

// unload has take see what was read, and reports whether there is a packet for pion.
func (s *socket) unload() bool {
	for len(s.now.rest) == 0 || !s.take(&s.now) {
		if s.in == nil {
			return false
		}
		if !s.in.next(&s.now) {
			s.in.free()
			s.in = nil
		}
	}
	return true
}

// sendTrain sends t's packets. What cannot be sent at once is lost, as it could be on the way.
func (s *socket) sendTrain(t *train, to netip.AddrPort) {
	for rest := t.data; len(rest) > 0; {
		whole := rest[:min(len(rest), t.car*min(maxCars, maxTrain/t.car))]
		rest = rest[len(whole):]
		if t.send(s, whole, to) == nil || len(whole) <= t.car {
			continue
		}
		// A kernel that cannot cut (before Linux 4.18), or a route for which the packets are too large.
		for len(whole) > 0 {
			n := min(len(whole), t.car)
			_ = t.send(s, whole[:n], to)
			whole = whole[n:]
		}
	}
}
