package relay

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"unsafe"

	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"
)

const (
	// maxTrain is what one system call sends at most, in bytes: a UDP payload.
	maxTrain = 65507
	// maxCars is how many packets Linux cuts one payload into (UDP_MAX_SEGMENTS, before Linux 6.9).
	maxCars = 64
	// maxOverhead is what a Data indication adds to a packet at most, in bytes; ChannelData adds less.
	maxOverhead = stunHeader + 2*attributeHeader + 4 + 16 + 3

	attributeHeader = 4          // type and length in bytes (RFC 8489, section 14)
	magicCookie     = 0x2112a442 // RFC 8489, section 5
)

var dataIndication = stun.NewType(stun.MethodData, stun.ClassIndication).Value()

// train is packets of one size, of which only the last may be smaller, that go to one address: the kernel
// is given one payload to cut (UDP_SEGMENT).
type train struct {
	data []byte
	car  int // size of the packets in bytes

	header  unix.Msghdr
	vector  unix.Iovec
	control segmentControl
	name4   unix.RawSockaddrInet4
	name6   unix.RawSockaddrInet6
	run     func(fd uintptr) // t.sendmsg: kept, since making a method value allocates
	errno   syscall.Errno
}

// segmentControl is the control message UDP_SEGMENT with its padding (cmsg(3)).
type segmentControl struct {
	header unix.Cmsghdr
	size   uint16
}

// trains keeps them between uses; one is 64 KB.
var trains = make(chan *train, 16)

func newTrain() *train {
	select {
	case t := <-trains:
		t.data = t.data[:0]
		return t
	default:
	}
	t := &train{data: make([]byte, 0, maxMessage+maxCars*maxOverhead)}
	t.run = t.sendmsg
	t.header.Iov = &t.vector
	t.header.SetIovlen(1)
	t.control.header.Level, t.control.header.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	t.control.header.SetLen(unix.CmsgLen(2))
	t.name4.Family, t.name6.Family = unix.AF_INET, unix.AF_INET6
	return t
}

func (t *train) free() {
	select {
	case trains <- t:
	default:
	}
}

// fits reports whether a packet of n bytes can be added.
func (t *train) fits(n int) bool {
	return len(t.data) == 0 || n <= t.car && len(t.data)%t.car == 0
}

// add appends a packet that fits.
func (t *train) add(packet []byte) {
	if len(t.data) == 0 {
		t.car = len(packet)
	}
	t.data = append(t.data, packet...)
}

// addFrames makes ChannelData messages of packets of car bytes. They are padded, as TCP needs it and UDP
// allows it (RFC 8656, section 12.5).
func (t *train) addFrames(number uint16, packets []byte, car int) {
	t.car = channelHeader + padded(car)
	for a := (arrival{rest: packets, car: car}); len(a.rest) > 0; {
		packet := a.next()
		t.data = binary.BigEndian.AppendUint16(t.data, number)
		t.data = binary.BigEndian.AppendUint16(t.data, uint16(len(packet)))
		t.data = append(t.data, packet...)
		t.pad()
	}
}

// addIndications makes Data indications (RFC 8656, section 11.4) of a peer's packets of car bytes.
func (t *train) addIndications(peer netip.AddrPort, packets []byte, car int) {
	raw := peer.Addr().As16()
	addr, family := raw[:], byte(2)
	if peer.Addr().Is4() {
		addr, family = raw[12:], 1
	}
	overhead := 2*attributeHeader + 4 + len(addr)
	t.car = stunHeader + overhead + padded(car)
	for a := (arrival{rest: packets, car: car}); len(a.rest) > 0; {
		packet := a.next()
		t.data = binary.BigEndian.AppendUint16(t.data, dataIndication)
		t.data = binary.BigEndian.AppendUint16(t.data, uint16(overhead+padded(len(packet))))
		mask := len(t.data) // cookie and transaction id, with which the address is veiled
		t.data = binary.BigEndian.AppendUint32(t.data, magicCookie)
		t.data = binary.BigEndian.AppendUint64(t.data, rand.Uint64())
		t.data = binary.BigEndian.AppendUint32(t.data, rand.Uint32())
		t.attribute(stun.AttrXORPeerAddress, 4+len(addr))
		t.data = append(t.data, 0, family)
		t.data = binary.BigEndian.AppendUint16(t.data, peer.Port()^magicCookie>>16)
		for i, b := range addr {
			t.data = append(t.data, b^t.data[mask+i])
		}
		t.attribute(stun.AttrData, len(packet))
		t.data = append(t.data, packet...)
		t.pad()
	}
}

func (t *train) attribute(kind stun.AttrType, length int) {
	t.data = binary.BigEndian.AppendUint16(t.data, uint16(kind))
	t.data = binary.BigEndian.AppendUint16(t.data, uint16(length))
}

// pad makes the data, of which all messages but the last are padded, a multiple of four bytes.
func (t *train) pad() { t.data = append(t.data, make([]byte, padded(len(t.data))-len(t.data))...) }

func padded(n int) int { return (n + 3) &^ 3 }

// send sends a part of t's data.
func (t *train) send(s *socket, part []byte, to netip.AddrPort) error {
	t.vector.Base = unsafe.SliceData(part)
	t.vector.SetLen(len(part))
	if s.v6 {
		t.name6.Addr = to.Addr().As16()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&t.name6.Port))[:], to.Port())
		t.header.Name, t.header.Namelen = (*byte)(unsafe.Pointer(&t.name6)), unix.SizeofSockaddrInet6
	} else if to.Addr().Is4() {
		t.name4.Addr = to.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&t.name4.Port))[:], to.Port())
		t.header.Name, t.header.Namelen = (*byte)(unsafe.Pointer(&t.name4)), unix.SizeofSockaddrInet4
	} else {
		return unix.EAFNOSUPPORT
	}
	t.header.Control = nil
	t.header.SetControllen(0)
	if len(part) > t.car {
		t.control.size = uint16(t.car)
		t.header.Control = (*byte)(unsafe.Pointer(&t.control))
		t.header.SetControllen(int(unsafe.Sizeof(t.control)))
	}
	if err := s.raw.Control(t.run); err != nil {
		return err
	}
	if t.errno != 0 {
		return t.errno
	}
	return nil
}

// sendmsg makes the system call. It does not block, so the scheduler is not told of it.
func (t *train) sendmsg(fd uintptr) {
	for {
		_, _, t.errno = unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&t.header)), unix.MSG_DONTWAIT)
		if t.errno != unix.EINTR {
			return
		}
	}
}
