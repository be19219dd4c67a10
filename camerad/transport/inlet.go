package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of what is read with one call: pion, too, cuts off what is longer.
const (
	inletPackets = 16
	inletBytes   = 8192
)

// inlet reads what has come to a UDP socket, all with one recvmmsg(2). One goroutine may use it, but for
// interrupt and close. It has to be on the heap.
//
// The call does not block, so the scheduler is not told of it, as with [call.sendmmsg]: that would also wake
// the runtime's monitor, which then looks every 20 µs whether a call blocks, for some milliseconds. That
// costs more than reading does.
type inlet struct {
	raw     syscall.RawConn
	bell    *bell
	headers [inletPackets]messageHeader
	vectors [inletPackets]unix.Iovec
	names   [inletPackets]unix.RawSockaddrInet6 // or, which is smaller, unix.RawSockaddrInet4
	data    [inletPackets][inletBytes]byte
	zones   map[uint32]string // of interfaces

	count, next int // packets that were read, and the next to be given
	errno       syscall.Errno
	look        func(fd uintptr) // l.recvmmsg: kept, since making a method value allocates
}

func newInlet(raw syscall.RawConn) (*inlet, error) {
	bell, err := newBell(raw)
	if err != nil {
		return nil, err
	}
	l := &inlet{raw: raw, bell: bell, zones: map[uint32]string{}}
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

// take gives the next packet of those that fill has read, if there is one.
func (l *inlet) take(b []byte) (n int, from netip.AddrPort, ok bool) {
	if l.next == l.count {
		return 0, netip.AddrPort{}, false
	}
	i := l.next
	l.next++
	return copy(b, l.data[i][:l.headers[i].length]), l.sender(i), true
}

// drained reports whether the latest call has read all that waited.
func (l *inlet) drained() bool { return l.count < inletPackets }

// fill reads what has come, which may be nothing.
func (l *inlet) fill() error {
	l.next, l.count = 0, 0
	if err := l.raw.Control(l.look); err != nil {
		return err
	}
	if l.errno != 0 && l.errno != unix.EAGAIN {
		return l.errno
	}
	return nil
}

// wait returns when something has come.
func (l *inlet) wait() error { return l.bell.wait() }

// interrupt has wait fail, now and later, unless something has come.
func (l *inlet) interrupt() { _ = l.bell.poller.SetReadDeadline(time.Now()) } // a closed one fails anyway

func (l *inlet) close() error { return l.bell.close() }

func (l *inlet) recvmmsg(fd uintptr) {
	for i := range l.headers {
		l.headers[i].header.Namelen = unix.SizeofSockaddrInet6
	}
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&l.headers[0])), inletPackets,
			unix.MSG_DONTWAIT, 0, 0)
		if l.errno = errno; errno == 0 {
			l.count = int(n)
		}
		if errno != unix.EINTR {
			return
		}
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
