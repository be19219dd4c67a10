//go:build v4l2

package source

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestV4L2Busy(t *testing.T) {
	d := vivid(t, webcam)
	s := openCamera(t, d.Path, smallVideo)
	readPicture(t, s)
	assert.True(t, vivid(t, webcam).Busy)
	_, err := Camera(d.Path, FormatAuto).Open(t.Context(), smallVideo)
	require.ErrorIs(t, err, unix.EBUSY)
	assert.ErrorContains(t, err, "in use by another program")
	t.Log(err)
	readPicture(t, s)
	require.NoError(t, s.Close())
	assert.False(t, vivid(t, webcam).Busy)
	readPicture(t, openCamera(t, d.Path, smallVideo))
}

// readUntilError reads in a goroutine and gives the error.
func readUntilError(s Stream) <-chan error {
	failed := make(chan error, 1)
	go func() {
		for {
			if _, err := s.Read(); err != nil {
				failed <- err
				return
			}
		}
	}()
	return failed
}

func within(t *testing.T, limit time.Duration, failed <-chan error) error {
	t.Helper()
	began := time.Now()
	select {
	case err := <-failed:
		t.Logf("after %v: %v", time.Since(began).Round(time.Millisecond), err)
		return err
	case <-time.After(limit):
		t.Fatalf("no error within %v", limit)
		return nil
	}
}

// TestV4L2Unplugged takes the driver away, as pulling a plug does, and gives it back.
func TestV4L2Unplugged(t *testing.T) {
	const driver = "/sys/bus/platform/drivers/vivid/"
	s := openCamera(t, vivid(t, webcam).Path, smallVideo)
	readPicture(t, s)
	failed := readUntilError(s)
	require.NoError(t, os.WriteFile(driver+"unbind", []byte("vivid.0"), 0))
	err := within(t, 3*time.Second, failed)
	assert.ErrorIs(t, err, unix.ENODEV)
	assert.ErrorContains(t, err, "is gone; plug it in again")
	assert.Error(t, s.Set("brightness", 100))
	assert.Empty(t, s.Controls())
	_, err = Camera("", FormatAuto).Open(t.Context(), smallVideo)
	require.ErrorIs(t, err, ErrNoCamera)
	t.Log(err)
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(driver+"bind", []byte("vivid.0"), 0))
	capturePictures(t, openCamera(t, vivid(t, webcam).Path, smallVideo), 5)
}

// TestV4L2Disconnected is a camera whose file stays, but fails.
func TestV4L2Disconnected(t *testing.T) {
	path := vivid(t, webcam).Path
	s := openCamera(t, path, smallVideo)
	failed := readUntilError(s)
	simulate(t, path, "Disconnect", 1)
	assert.ErrorIs(t, within(t, 3*time.Second, failed), unix.ENODEV)
	require.NoError(t, s.Close()) // after which vivid is back
	readPicture(t, openCamera(t, path, smallVideo))
}

func TestV4L2Fails(t *testing.T) {
	path := vivid(t, webcam).Path
	s := openCamera(t, path, smallVideo)
	failed := readUntilError(s)
	simulate(t, path, "Inject Fatal Streaming Error", 1)
	err := within(t, 3*time.Second, failed)
	assert.ErrorIs(t, err, unix.EIO)
	assert.ErrorContains(t, err, "has failed")
	require.NoError(t, s.Close())
	simulate(t, path, "Inject VIDIOC_STREAMON Error", 1)
	_, err = Camera(path, FormatAuto).Open(t.Context(), smallVideo)
	require.Error(t, err)
	t.Log(err)
	readPicture(t, openCamera(t, path, smallVideo))
}

func TestV4L2DamagedPicturesAreSkipped(t *testing.T) {
	path := vivid(t, webcam).Path
	s := openCamera(t, path, smallVideo)
	var damaged []time.Time
	s.ask = func(request uintptr, arg unsafe.Pointer) error {
		err := s.node.ioctl(request, arg)
		if err == nil && request == v4l2Dequeue {
			if b := (*v4l2Buffer)(arg); b.flags&v4l2BufferError != 0 {
				damaged = append(damaged, capturedAt(b))
			}
		}
		return err
	}
	for count := 1; count <= 5; count++ {
		simulate(t, path, "Inject V4L2_BUF_FLAG_ERROR", 1)
		for len(damaged) < count {
			f, _ := readPicture(t, s)
			for _, at := range damaged {
				assert.Greater(t, f.At.Sub(at).Abs(), 5*time.Millisecond, "it is another picture")
			}
		}
	}
}

func TestV4L2Silent(t *testing.T) {
	path := vivid(t, webcam).Path
	s := openCamera(t, path, smallVideo)
	readPicture(t, s)
	simulate(t, path, "Percentage of Dropped Buffers", 100)
	defer simulate(t, path, "Percentage of Dropped Buffers", 0)
	assert.ErrorContains(t, within(t, 9*time.Second, readUntilError(s)), "no picture for 5s")
}

// TestV4L2Ends ends a Read that waits, by the context and by Close.
func TestV4L2Ends(t *testing.T) {
	path := vivid(t, webcam).Path
	simulate(t, path, "Percentage of Dropped Buffers", 100)
	defer simulate(t, path, "Percentage of Dropped Buffers", 0)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Camera(path, FormatAuto).Open(ctx, smallVideo)
	require.NoError(t, err)
	failed := readUntilError(s)
	cancel()
	assert.ErrorIs(t, within(t, 3*time.Second, failed), context.Canceled)
	require.NoError(t, s.Close())
	s, err = Camera(path, FormatAuto).Open(t.Context(), smallVideo)
	require.NoError(t, err)
	failed = readUntilError(s)
	require.NoError(t, s.Close())
	assert.ErrorIs(t, within(t, 3*time.Second, failed), os.ErrClosed)
	assert.NoError(t, s.Close(), "again")
}

func TestV4L2NothingIsLeft(t *testing.T) {
	path := vivid(t, webcam).Path
	count := func() (files, maps int) {
		fds, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		mapped, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		return len(fds), bytes.Count(mapped, []byte("/dev/video"))
	}
	files, maps := count()
	assert.Zero(t, maps)
	for range 5 {
		s, err := Camera(path, FormatAuto).Open(t.Context(), smallVideo)
		require.NoError(t, err)
		readPicture(t, s)
		_, open := count()
		assert.Equal(t, cameraBuffers, open)
		_, err = Camera(path, FormatAuto).Open(t.Context(), smallVideo) // busy
		require.Error(t, err)
		require.NoError(t, s.Close())
		_, err = Camera(path, FormatMJPEG).Open(t.Context(), smallVideo) // not offered
		require.ErrorContains(t, err, "no mjpeg")
	}
	filesAfter, maps := count()
	assert.Equal(t, files, filesAfter)
	assert.Zero(t, maps)
	goleak.VerifyNone(t)
}

// TestV4L2Permission runs itself as nobody, who may not open a camera.
func TestV4L2Permission(t *testing.T) {
	if os.Getuid() != 0 {
		_, err := Camera("", FormatAuto).Open(t.Context(), smallVideo)
		require.ErrorContains(t, err, "group video")
		d := Devices()
		require.NotEmpty(t, d)
		require.ErrorIs(t, d[0].Problem, unix.EACCES)
		fmt.Println(err)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestV4L2Permission$", "-test.v")
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := child.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	assert.Contains(t, string(out), "--- PASS")
}
