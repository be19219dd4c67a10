package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of what is read with one call: pion, too, cuts off what is longer.
const (
	inletPackets = 16
	inletBytes   = 8192
)

// inlet reads what has come to a UDP socket, all with one recvmmsg(2). One goroutine may use it. It has to be
// on the heap.
//
// The call does not block, so the scheduler is not told of it, as with [call.sendmmsg]: that would also wake
// the runtime's monitor, which then looks every 20 µs whether a call blocks, for some milliseconds. That
// costs more than reading does.
type inlet struct {
	raw     syscall.RawConn
	headers [inletPackets]messageHeader
	vectors [inletPackets]unix.Iovec
	names   [inletPackets]unix.RawSockaddrInet6 // or, which is smaller, unix.RawSockaddrInet4
	data    [inletPackets][inletBytes]byte
	zones   map[uint32]string // of interfaces

	count, next int // packets that were read, and the next to be given
	errno       syscall.Errno
	look        func(fd uintptr) bool // l.recvmmsg: kept, since making a method value allocates
}

func newInlet(udp *net.UDPConn) (*inlet, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := &inlet{raw: raw, zones: map[uint32]string{}}
	l.look = l.recvmmsg
	for i := range l.headers {
		l.vectors[i].Base = &l.data[i][0]
		l.vectors[i].SetLen(inletBytes)
		header := &l.headers[i].header
		header.Iov = &l.vectors[i]
		header.SetIovlen(1)
		header.Name = (*byte)(unsafe.Pointer(&l.names[i]))
	}
	return l, nil
}

// drained reports whether nothing is left of what the latest call has read, which was all that waited.
func (l *inlet) drained() bool { return l.next == l.count && l.count < inletPackets }

// read gives the next packet, for which it waits.
func (l *inlet) read(b []byte) (int, netip.AddrPort, error) {
	if l.next == l.count {
		l.next, l.count = 0, 0
		if err := l.raw.Read(l.look); err != nil {
			return 0, netip.AddrPort{}, err
		}
		if l.errno != 0 {
			return 0, netip.AddrPort{}, l.errno
		}
	}
	i := l.next
	l.next++
	return copy(b, l.data[i][:l.headers[i].length]), l.sender(i), nil
}

// recvmmsg reports whether there is a result: packets or an error.
func (l *inlet) recvmmsg(fd uintptr) bool {
	for i := range l.headers {
		l.headers[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&l.headers[0])), inletPackets,
			unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			l.count = int(n)
		}
		l.errno = errno
		return true
	}
}

// sender is the address from which packet i came.
func (l *inlet) sender(i int) netip.AddrPort {
	name := &l.names[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == unix.AF_INET {
		name4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(name4.Addr), port)
	}
	address := netip.AddrFrom16(name.Addr)
	if name.Scope_id != 0 {
		address = address.WithZone(l.zone(name.Scope_id))
	}
	return netip.AddrPortFrom(address, port)
}

// zone names an interface as package net does.
func (l *inlet) zone(index uint32) string {
	zone, known := l.zones[index]
	if !known {
		zone = strconv.Itoa(int(index))
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			zone = i.Name
		}
		l.zones[index] = zone
	}
	return zone
}
