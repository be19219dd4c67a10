package relay

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// intakeMessages is how many messages one system call reads.
	intakeMessages = 32
	// maxMessage is the largest of them in bytes.
	maxMessage = 1 << 16
)

// messageHeader is struct mmsghdr of recvmmsg(2).
type messageHeader struct {
	header unix.Msghdr
	length uint32 // set by the kernel
}

// intake is the memory of one recvmmsg(2): 2 MB, of which only what is written to is real. A socket has one
// only while there is something in it.
type intake struct {
	headers  [intakeMessages]messageHeader
	vectors  [intakeMessages]unix.Iovec
	names    [intakeMessages]unix.RawSockaddrInet6 // or an RawSockaddrInet4, which is shorter
	controls [intakeMessages][32]byte
	memory   []byte
	count    int // of messages that were read
	taken    int
}

// intakes keeps them; with sync.Pool the collector would have 2 MB cleared again and again.
var intakes = make(chan *intake, 16)

func takeIntake() *intake {
	select {
	case in := <-intakes:
		return in
	default:
	}
	in := &intake{memory: make([]byte, intakeMessages*maxMessage)}
	for i := range in.headers {
		h := &in.headers[i].header
		in.vectors[i].Base = &in.memory[i*maxMessage]
		in.vectors[i].SetLen(maxMessage)
		h.Iov = &in.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
		h.Control = &in.controls[i][0]
	}
	return in
}

func (in *intake) free() {
	select {
	case intakes <- in:
	default:
	}
}

// receive reads what waits. It does not block, so the scheduler is not told of the call.
func (in *intake) receive(fd uintptr) syscall.Errno {
	for i := range in.headers {
		h := &in.headers[i].header
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(len(in.controls[i]))
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&in.headers[0])), intakeMessages, unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			in.count, in.taken = int(n), 0
			return errno
		}
	}
}

// next sets a to the next train that is not empty, if there is one.
func (in *intake) next(a *arrival) bool {
	for in.taken < in.count {
		i := in.taken
		in.taken++
		m := &in.headers[i]
		if m.length == 0 || m.header.Flags&unix.MSG_TRUNC != 0 {
			continue
		}
		n := int(m.length)
		*a = arrival{
			rest: in.memory[i*maxMessage:][:n], from: sender(&in.names[i]),
			car: carSize(in.controls[i][:m.header.Controllen], n),
		}
		return true
	}
	return false
}

// sender returns who a packet is from; link-local addresses lose their zone.
func sender(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), port)
}

// carSize returns the size of the packets that a message of n bytes was put together from (UDP_GRO).
func carSize(control []byte, n int) int {
	if len(control) < unix.CmsgLen(4) {
		return n
	}
	header, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || header.Level != unix.IPPROTO_UDP || header.Type != unix.UDP_GRO || len(data) < 4 {
		return n
	}
	return int(binary.NativeEndian.Uint32(data))
}

// arrival is a train that is being unloaded: packets of one size, of which the last may be smaller.
type arrival struct {
	rest []byte
	car  int // size of the packets in bytes
	from netip.AddrPort
}

// peek returns the next packet; there must be one. next also takes it.
func (a *arrival) peek() []byte { return a.rest[:min(len(a.rest), a.car)] }

func (a *arrival) next() []byte {
	packet := a.peek()
	a.rest = a.rest[len(packet):]
	return packet
}

// channelData takes the packets up to the first that is not in a channel.
func (a *arrival) channelData() []byte {
	n := 0
	for n < len(a.rest) && isChannelData(a.rest[n:]) {
		n = min(n+a.car, len(a.rest))
	}
	frames := a.rest[:n]
	a.rest = a.rest[n:]
	return frames
}
