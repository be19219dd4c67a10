package source

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctl sends a request to a device; arg points to the request's struct.
type ioctl func(request uintptr, arg unsafe.Pointer) error

// node is an opened V4L2 device file. All of it may be used from any goroutine.
type node struct {
	name string // for people

	mu sync.RWMutex // locked to close
	fd int          // -1 is closed
}

// openNode opens a device file without disturbing another program that uses it.
func openNode(path, name string) (*node, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, cameraError(name, "open", err)
	}
	return &node{name: name, fd: fd}, nil
}

// ioctl implements [ioctl]. Its errors are a [unix.Errno] or [os.ErrClosed].
func (n *node) ioctl(request uintptr, arg unsafe.Pointer) error {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.fd < 0 {
		return os.ErrClosed
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(n.fd), request, uintptr(arg))
		if errno == 0 {
			return nil
		}
		if errno != unix.EINTR {
			return errno
		}
	}
}

// poll waits for a picture, for a short time. It reports whether the device says that it has failed.
// A driver may look at who waits only if it has no picture at that moment, so Go's own poller, which
// registers once, could miss one.
func (n *node) poll(wait time.Duration) (failed bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.fd < 0 {
		return true
	}
	events := []unix.PollFd{{Fd: int32(n.fd), Events: unix.POLLIN}}
	ready, err := unix.Poll(events, int(wait.Milliseconds()))
	return err == nil && ready > 0 && events[0].Revents&unix.POLLIN == 0
}

func (n *node) mmap(offset int64, length int) ([]byte, error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.fd < 0 {
		return nil, os.ErrClosed
	}
	return unix.Mmap(n.fd, offset, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// close may be called again, with no effect.
func (n *node) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fd < 0 {
		return nil
	}
	fd := n.fd
	n.fd = -1
	return unix.Close(fd)
}

// capability asks what the device is.
func (n *node) capability() (v4l2Capability, error) {
	var c v4l2Capability
	if err := n.ioctl(v4l2QueryCap, unsafe.Pointer(&c)); err != nil {
		return c, cameraError(n.name, "ask", err)
	}
	if c.capabilities&v4l2CapDevice == 0 {
		c.deviceCaps = c.capabilities // a driver from before Linux 3.4
	}
	return c, nil
}

// isCamera reports whether pictures can be had from the device as it is. Of the files of one USB
// camera only the first gives pictures; a Raspberry Pi's codecs and scaler have no inputs.
func isCamera(ask ioctl, c v4l2Capability) bool {
	const needed, unwanted = v4l2CapCapture | v4l2CapStreaming, v4l2CapM2M | v4l2CapMedia
	if c.deviceCaps&needed != needed || c.deviceCaps&unwanted != 0 {
		return false
	}
	var input int32
	return ask(v4l2GetInput, unsafe.Pointer(&input)) == nil
}

// isBusy reports whether another open file is streaming. Asking for no buffers is what every driver
// refuses then, and otherwise changes nothing.
func (n *node) isBusy() bool {
	none := v4l2RequestBuffers{kind: v4l2Capture, memory: v4l2Mmap}
	return errors.Is(n.ioctl(v4l2RequestBufs, unsafe.Pointer(&none)), unix.EBUSY)
}

// cameraError says in words what went wrong with a camera, and wraps the cause.
func cameraError(name, doing string, err error) error {
	for _, known := range []struct {
		errno unix.Errno
		words string
	}{
		{unix.EBUSY, "camera %s is in use by another program; close that one, then try again"},
		{unix.EACCES, "no permission to use camera %s; add the user that runs camerad to the group video"},
		{unix.EPERM, "no permission to use camera %s; add the user that runs camerad to the group video"},
		{unix.ENODEV, "camera %s is gone; plug it in again"},
		{unix.ENXIO, "camera %s is gone; plug it in again"},
		{unix.ENOENT, "camera %s is gone; plug it in again"},
		{unix.ENOSPC, "camera %s does not get enough of the USB bus; use another port, or a lower width, height or fps"},
		{unix.EIO, "camera %s has failed; unplug it and plug it in again"},
		{unix.EPROTO, "camera %s has failed; unplug it and plug it in again"},
	} {
		if errors.Is(err, known.errno) {
			return fmt.Errorf(known.words+" (%s: %w)", name, doing, err)
		}
	}
	return fmt.Errorf("%s camera %s: %w; if it stays so, unplug it and plug it in again", doing, name, err)
}

// cString is the text of a fixed C array.
func cString(text []byte) string {
	text, _, _ = bytes.Cut(text, []byte{0})
	return string(bytes.ToValidUTF8(text, []byte("?")))
}
