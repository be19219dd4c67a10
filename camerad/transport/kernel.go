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

// call is the memory of a sendmmsg(2). It has to be on the heap.
type call struct {
	headers  [maxPackets]messageHeader
	vectors  [maxPackets]unix.Iovec
	controls [maxPackets]segmentControl
	name4    unix.RawSockaddrInet4
	name6    unix.RawSockaddrInet6

	run   func(fd uintptr) // c.sendmmsg: kept, since making a method value allocates
	count int              // of messages
	sent  int
	errno syscall.Errno
}

// messageHeader is struct mmsghdr.
type messageHeader struct {
	header unix.Msghdr
	length uint32 // set by the kernel
}

// segmentControl is the control message UDP_SEGMENT with its padding (cmsg(3)).
type segmentControl struct {
	header unix.Cmsghdr
	size   uint16 // of all segments but the last, in bytes
}

func (c *call) init() {
	c.run = c.sendmmsg
	c.name4.Family = unix.AF_INET
	c.name6.Family = unix.AF_INET6
	for i := range c.controls {
		control := &c.controls[i].header
		control.Level, control.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		control.SetLen(unix.CmsgLen(2))
		c.headers[i].header.Iov = &c.vectors[i]
		c.headers[i].header.SetIovlen(1)
	}
}

// newKernel returns the function that sends on a socket, and whether the kernel can cut messages (Linux
// 4.18; one that cannot would ignore the wish and send the whole as one packet).
func newKernel(raw syscall.RawConn, v4 bool) (sendFunc, bool, error) {
	segments := false
	err := raw.Control(func(fd uintptr) {
		_, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		segments = err == nil
	})
	return func(c *call, messages []message, to netip.AddrPort) (int, error) {
		name, size := c.destination(to, v4)
		for i := range messages {
			c.describe(i, &messages[i], name, size)
		}
		c.count = len(messages)
		// Unlike raw.Write, Control does not make the viewers queue for a lock.
		if raw.Control(c.run) != nil {
			return 0, net.ErrClosed // there is no other reason, and pion knows this one
		}
		if c.errno != 0 {
			return 0, c.errno
		}
		return c.sent, nil
	}, segments, err
}

// destination returns the address and size of to as a socket address.
func (c *call) destination(to netip.AddrPort, v4 bool) (*byte, uint32) {
	if v4 {
		c.name4.Addr = to.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&c.name4.Port))[:], to.Port())
		return (*byte)(unsafe.Pointer(&c.name4)), unix.SizeofSockaddrInet4
	}
	c.name6.Addr, c.name6.Scope_id = to.Addr().As16(), scopeOf(to.Addr())
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&c.name6.Port))[:], to.Port())
	return (*byte)(unsafe.Pointer(&c.name6)), unix.SizeofSockaddrInet6
}

// scopeOf is the number of the interface that a link-local address is of.
func scopeOf(address netip.Addr) uint32 {
	zone := address.Zone()
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index)
	}
	index, _ := strconv.ParseUint(zone, 10, 32) // 0, with which the kernel refuses, if it is no number
	return uint32(index)
}

// describe fills in the i-th header.
func (c *call) describe(i int, m *message, name *byte, size uint32) {
	header := &c.headers[i].header
	header.Name, header.Namelen = name, size
	c.vectors[i].Base = unsafe.SliceData(m.payload)
	c.vectors[i].SetLen(len(m.payload))
	header.Control = nil
	header.SetControllen(0)
	if m.segment != 0 {
		c.controls[i].size = uint16(m.segment)
		header.Control = (*byte)(unsafe.Pointer(&c.controls[i]))
		header.SetControllen(int(unsafe.Sizeof(c.controls[i])))
	}
}

// sendmmsg makes the system call on a socket. It does not block, so the scheduler is not told of it:
// that would have it find other threads work after 20 µs, for which a picture is enough.
func (c *call) sendmmsg(fd uintptr) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&c.headers[0])), uintptr(c.count),
			unix.MSG_DONTWAIT, 0, 0)
		c.sent, c.errno = int(n), errno
		if errno != unix.EINTR {
			return
		}
	}
}
