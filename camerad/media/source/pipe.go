package source

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pipe reads what a program writes.
//
// Its system calls do not block, so the scheduler is not told of them. Of one that might, it would tell the
// runtime's monitor, which then looks every 20 µs whether it does, for a millisecond: for each picture, that
// costs more than to send it to ten viewers. One that does block, as ppoll(2) with a timeout, costs more still.
type pipe struct {
	*os.File
	raw syscall.RawConn
}

// newPipe takes the reading end of a pipe of os.Pipe.
func newPipe(file *os.File) (*pipe, error) {
	raw, err := file.SyscallConn()
	return &pipe{file, raw}, err
}

// Read implements io.Reader, with the deadline of SetReadDeadline. b is not empty.
func (p *pipe) Read(b []byte) (n int, err error) {
	var errno syscall.Errno
	err = p.raw.Read(func(fd uintptr) (done bool) {
		n, errno = rawCall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		return errno != unix.EAGAIN
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, err
	case err != nil:
		return 0, os.ErrClosed
	case errno != 0:
		return 0, os.NewSyscallError("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Wait returns true as soon as a read would not block, and false if that is not within d. It does not mistake
// a late goroutine for a silent pipe: it looks once more at the end. It changes the deadline of reads.
func (p *pipe) Wait(d time.Duration) (ready bool) {
	look := func(fd uintptr) bool {
		ready = readable(fd)
		return ready
	}
	_ = p.SetReadDeadline(time.Now().Add(d)) // a closed file says so when read
	err := p.raw.Read(look)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = p.raw.Control(func(fd uintptr) { look(fd) })
	}
	return ready || err != nil // a read will tell the error
}

// readable reports whether a read of fd would not block.
func readable(fd uintptr) bool {
	fds, now := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}, unix.Timespec{}
	n, errno := rawCall(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds)), 1, uintptr(unsafe.Pointer(&now)))
	return n != 0 || errno != 0
}

// rawCall is a system call that does not block.
func rawCall(number, a, b, c uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(number, a, b, c, 0, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
