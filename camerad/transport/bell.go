package transport

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bell rings when something has come to a socket, once for each time that it is waited for. One goroutine may
// wait.
//
// In the runtime's poller a socket wakes a thread for each packet, whether or not somebody waits for it. A
// hundred viewers send a thousand a second, and to wake for them took a tenth of what the camera needs for such
// a crowd. So the socket is in a poller of its own, which tells one event at a time, and that is in the
// runtime's.
type bell struct {
	poller *os.File // an epoll instance
	raw    syscall.RawConn
	socket syscall.RawConn

	number uintptr         // of the poller, during a call
	event  unix.EpollEvent // memory
	errno  syscall.Errno   // of set
	failed error           // the socket is closed

	// The methods: kept, since making a method value allocates.
	set, watch func(fd uintptr)
	rings      func(fd uintptr) bool
}

func newBell(socket syscall.RawConn) (*bell, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else the runtime's poller would not take it
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	b := &bell{poller: os.NewFile(uintptr(fd), "epoll"), socket: socket}
	b.set, b.watch, b.rings = b.setSocket, b.watchSocket, b.collect
	if b.raw, err = b.poller.SyscallConn(); err != nil {
		return nil, errors.Join(err, b.poller.Close())
	}
	return b, nil
}

// wait returns when something is there to be read, or with an error, which may be that of a deadline.
func (b *bell) wait() error {
	if err := b.raw.Control(b.watch); err != nil {
		return err
	}
	switch {
	case b.failed != nil:
		return b.failed
	case b.errno != 0:
		return os.NewSyscallError("epoll_ctl", b.errno)
	}
	return b.raw.Read(b.rings)
}

// watchSocket has the poller tell the next event, which may be one of before.
func (b *bell) watchSocket(poller uintptr) {
	b.number = poller
	b.failed = b.socket.Control(b.set)
}

func (b *bell) setSocket(fd uintptr) {
	b.event.Events, b.event.Fd = unix.EPOLLIN|unix.EPOLLONESHOT, int32(fd)
	b.errno = b.control(unix.EPOLL_CTL_MOD, fd)
	if b.errno == unix.ENOENT {
		b.errno = b.control(unix.EPOLL_CTL_ADD, fd)
	}
}

func (b *bell) control(operation, fd uintptr) syscall.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, b.number, operation, fd, uintptr(unsafe.Pointer(&b.event)), 0, 0)
	return errno
}

// collect reports whether the event was there, of which the poller tells nothing more then. The call does not
// block, so the scheduler is not told of it, as with [call.sendmmsg].
func (b *bell) collect(poller uintptr) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, poller, uintptr(unsafe.Pointer(&b.event)), 1, 0, 0, 0)
	return n == 1 && errno == 0
}

func (b *bell) close() error { return b.poller.Close() }
