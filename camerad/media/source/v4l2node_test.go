package source

import (
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestCameraErrorsAreInWords(t *testing.T) {
	for errno, want := range map[unix.Errno]string{
		unix.EBUSY:  "camera x is in use by another program; close that one, then try again (start: device or resource busy)",
		unix.EACCES: "no permission to use camera x; add the user that runs camerad to the group video (start: permission denied)",
		unix.EPERM:  "no permission to use camera x; add the user that runs camerad to the group video (start: operation not permitted)",
		unix.ENODEV: "camera x is gone; plug it in again (start: no such device)",
		unix.ENOENT: "camera x is gone; plug it in again (start: no such file or directory)",
		unix.ENOSPC: "camera x does not get enough of the USB bus; use another port, or a lower width, height or fps (start: no space left on device)",
		unix.EIO:    "camera x has failed; unplug it and plug it in again (start: input/output error)",
		unix.EINVAL: "start camera x: invalid argument; if it stays so, unplug it and plug it in again",
	} {
		err := cameraError("x", "start", errno)
		assert.EqualError(t, err, want)
		assert.ErrorIs(t, err, errno)
	}
}

func TestNode(t *testing.T) {
	_, err := openNode(filepath.Join(t.TempDir(), "video0"), "x")
	require.ErrorIs(t, err, unix.ENOENT)

	file := filepath.Join(t.TempDir(), "video0")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	n, err := openNode(file, "x")
	require.NoError(t, err)
	_, err = n.capability()
	require.ErrorIs(t, err, unix.ENOTTY, "a file is no camera")
	assert.False(t, isCamera(n.ioctl, v4l2Capability{deviceCaps: v4l2CapCapture | v4l2CapStreaming}), "it has no input")
	assert.False(t, n.isBusy())

	require.NoError(t, n.close())
	require.NoError(t, n.close(), "again")
	_, err = n.capability()
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = n.mmap(0, 1)
	assert.ErrorIs(t, err, os.ErrClosed)
	assert.True(t, n.poll(time.Minute))
}

// TestPoll uses a FIFO in place of a camera: like one, it can be waited for.
func TestPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	n, err := openNode(path, "x")
	require.NoError(t, err)
	defer func() { require.NoError(t, n.close()) }()
	began := time.Now()
	assert.False(t, n.poll(20*time.Millisecond), "nothing has come, which is no failure")
	assert.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	require.NoError(t, os.WriteFile(path, []byte("picture"), 0))
	assert.False(t, n.poll(time.Minute))
	assert.Less(t, time.Since(began), time.Minute)
}

func TestIsCamera(t *testing.T) {
	const output, metadata, multiPlanar = 0x02, 0x0080_0000, 0x1000
	for name, c := range map[string]struct {
		caps uint32
		want bool
	}{
		"camera":               {v4l2CapCapture | v4l2CapStreaming, true},
		"loopback":             {v4l2CapCapture | v4l2CapStreaming | output, true},
		"metadata of a camera": {metadata | v4l2CapStreaming, false},
		"display":              {output | v4l2CapStreaming, false},
		"codec":                {v4l2CapCapture | v4l2CapStreaming | v4l2CapM2M, false},
		"sensor":               {v4l2CapCapture | v4l2CapStreaming | v4l2CapMedia, false},
		"multi-planar":         {multiPlanar | v4l2CapStreaming, false},
		"without streaming":    {v4l2CapCapture, false},
	} {
		assert.Equal(t, c.want, isCamera(func(uintptr, unsafe.Pointer) error { return nil }, v4l2Capability{deviceCaps: c.caps}), name)
	}
	noInput := func(uintptr, unsafe.Pointer) error { return unix.ENOTTY }
	assert.False(t, isCamera(noInput, v4l2Capability{deviceCaps: v4l2CapCapture | v4l2CapStreaming}))
}

func TestCString(t *testing.T) {
	assert.Equal(t, "Cam", cString([]byte("Cam\x00rest")))
	assert.Equal(t, "Cam", cString([]byte("Cam")))
	assert.Equal(t, "C?m", cString([]byte("C\xffm")))
}
