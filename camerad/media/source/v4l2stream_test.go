package source

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeDriver is a driver that has some pictures and then none, or an error.
type fakeDriver struct {
	t        *testing.T
	pictures []fakePicture
	end      error // once there are no pictures
	failed   bool  // what poll says
	memory   [][]byte
	queued   []uint32 // buffers that the driver has
	given    map[uint32]bool
}

// fakePicture is one that waits to be taken.
type fakePicture struct {
	data   string
	flags  uint32
	age    time.Duration // of its timestamp
	broken bool          // its buffer does not exist
}

func (f *fakeDriver) ioctl(request uintptr, arg unsafe.Pointer) error {
	switch request {
	case v4l2Dequeue:
		return f.dequeue((*v4l2Buffer)(arg))
	case v4l2Queue:
		index := (*v4l2Buffer)(arg).index
		require.True(f.t, f.given[index], "only what was taken is given back")
		delete(f.given, index)
		f.queued = append(f.queued, index)
		copy(f.memory[index], "OVERWRITTEN BY THE DRIVER")
	}
	return nil
}

func (f *fakeDriver) dequeue(b *v4l2Buffer) error {
	if len(f.pictures) == 0 {
		return f.end
	}
	require.NotEmpty(f.t, f.queued, "the driver needs a buffer")
	picture := f.pictures[0]
	f.pictures = f.pictures[1:]
	if picture.broken {
		b.index = 99
		return nil
	}
	b.index, f.queued = f.queued[0], f.queued[1:]
	f.given[b.index] = true
	b.bytesUsed = uint32(copy(f.memory[b.index], picture.data))
	b.flags = picture.flags
	var now unix.Timespec
	require.NoError(f.t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	b.timestamp = unix.NsecToTimeval(now.Nano() - picture.age.Nanoseconds())
	return nil
}

// stream is a stream of the driver, whose pictures come as units.
func (f *fakeDriver) stream(ctx context.Context) *cameraStream {
	f.given = map[uint32]bool{}
	for i := range uint32(cameraBuffers) {
		memory, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		require.NoError(f.t, err)
		f.memory, f.queued = append(f.memory, memory), append(f.queued, i)
	}
	if f.end == nil {
		f.end = unix.EAGAIN
	}
	s := &cameraStream{node: &node{name: "x", fd: -1}, ask: f.ioctl, newest: true, buffers: slices.Clone(f.memory)}
	s.ctx, s.end = context.WithCancelCause(ctx)
	s.poll = func(wait time.Duration) bool {
		time.Sleep(wait)
		return f.failed
	}
	s.decode = func(data []byte) (Frame, error) {
		if string(data) == "bad" {
			return Frame{}, errors.New("cannot be decoded")
		}
		return Frame{Unit: slices.Clone(data)}, nil
	}
	f.t.Cleanup(func() { assert.NoError(f.t, s.Close()) })
	return s
}

func TestReadTakesTheNewest(t *testing.T) {
	f := &fakeDriver{t: t, pictures: []fakePicture{{data: "1"}, {data: "2"}, {data: "3"}}}
	s := f.stream(t.Context())
	got, err := s.Read()
	require.NoError(t, err)
	assert.Equal(t, "3", string(got.Unit))
	assert.Len(t, f.queued, cameraBuffers, "all buffers are given back")
}

func TestReadTakesEveryCodedPicture(t *testing.T) {
	f := &fakeDriver{t: t, pictures: []fakePicture{{data: "1"}, {data: "2"}, {data: "3"}}}
	s := f.stream(t.Context())
	s.newest = false
	for _, want := range []string{"1", "2", "3"} {
		got, err := s.Read()
		require.NoError(t, err)
		assert.Equal(t, want, string(got.Unit))
	}
	assert.Len(t, f.queued, cameraBuffers)
}

func TestReadSkipsWhatIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeDriver{t: t, pictures: []fakePicture{
			{data: ""}, {data: "1", flags: v4l2BufferError}, {data: "bad"}, {data: "2"}, {data: "3", flags: v4l2BufferError},
		}}
		s := f.stream(t.Context())
		s.newest = false
		got, err := s.Read()
		require.NoError(t, err)
		assert.Equal(t, "2", string(got.Unit))
		s.newest = true
		f.pictures = []fakePicture{{data: "4"}, {data: "5", flags: v4l2BufferError}, {data: ""}}
		got, err = s.Read()
		require.NoError(t, err)
		assert.Equal(t, "4", string(got.Unit))
		assert.Len(t, f.queued, cameraBuffers)
	})
}

func TestReadKnowsWhenAPictureWasCaptured(t *testing.T) {
	for name, c := range map[string]struct {
		flags     uint32
		age, want time.Duration
	}{
		"by the driver's clock": {v4l2BufferMonotonic, 100 * time.Millisecond, 100 * time.Millisecond},
		"a clock of its own":    {0x4000, 100 * time.Millisecond, 0},
		"no clock":              {0, 100 * time.Millisecond, 0},
		"absurd":                {v4l2BufferMonotonic, time.Hour, 0},
		"in the future":         {v4l2BufferMonotonic, -time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeDriver{t: t, pictures: []fakePicture{{data: "1", flags: c.flags, age: c.age}}}
			got, err := f.stream(t.Context()).Read()
			require.NoError(t, err)
			age := time.Since(got.At)
			assert.GreaterOrEqual(t, age, c.want-time.Millisecond)
			assert.Less(t, age, c.want+50*time.Millisecond)
		})
	}
}

func TestReadGivesUpOnASilentCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeDriver{t: t}
		s := f.stream(t.Context())
		began := time.Now()
		_, err := s.Read()
		assert.EqualError(t, err, "camera x has given no picture for 5s; unplug it and plug it in again")
		assert.InDelta(t, cameraPatience.Seconds(), time.Since(began).Seconds(), 0.1)
		s.poll = func(wait time.Duration) bool {
			time.Sleep(wait)
			f.pictures = append(f.pictures, fakePicture{data: "bad"})
			return false
		}
		_, err = s.Read()
		assert.ErrorContains(t, err, "cannot be decoded")
	})
}

func TestReadOfACameraThatIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		driver fakeDriver
		want   string
	}{
		"gone":             {fakeDriver{end: unix.ENODEV}, "camera x is gone; plug it in again (read: no such device)"},
		"failed":           {fakeDriver{failed: true}, "camera x has failed; unplug it and plug it in again (read: input/output error)"},
		"driver is broken": {fakeDriver{pictures: []fakePicture{{broken: true}}}, "camera x has failed; unplug it and plug it in again (read: protocol error)"},
	} {
		t.Run(name, func(t *testing.T) {
			c.driver.t = t
			_, err := c.driver.stream(t.Context()).Read()
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestReadEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := (&fakeDriver{t: t}).stream(ctx)
		failed := make(chan error)
		go func() {
			_, err := s.Read()
			failed <- err
		}()
		synctest.Wait()
		began := time.Now()
		cancel()
		assert.ErrorIs(t, <-failed, context.Canceled)
		assert.LessOrEqual(t, time.Since(began), cameraWait)
	})
}

func TestCloseEndsRead(t *testing.T) {
	f := &fakeDriver{t: t}
	s := f.stream(t.Context())
	waiting, failed := make(chan struct{}, 1), make(chan error)
	s.poll = func(time.Duration) bool {
		select {
		case waiting <- struct{}{}:
		default:
		}
		return false
	}
	go func() {
		_, err := s.Read()
		failed <- err
	}()
	<-waiting
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	assert.ErrorIs(t, <-failed, os.ErrClosed)
	assert.NoError(t, <-closed)
	assert.NoError(t, s.Close(), "again")
	_, err := s.Read()
	assert.ErrorIs(t, err, os.ErrClosed)
}

// TestConfigure checks what is made of a driver's answers.
func TestConfigure(t *testing.T) {
	for name, c := range map[string]struct {
		mode   cameraMode
		format v4l2Pixels   // that the driver gives; empty is what was asked for
		rate   v4l2Interval // that the driver gives
		want   Format
		err    string
	}{
		"as wanted":        {modeOf(1280, 720, 30, pixelsYUYV), v4l2Pixels{}, v4l2Interval{1, 30}, Format{Raw, 1280, 720, 30}, ""},
		"H264":             {modeOf(1280, 720, 30, pixelsH264), v4l2Pixels{}, v4l2Interval{1, 30}, Format{H264, 1280, 720, 30}, ""},
		"another size":     {modeOf(1280, 720, 30, pixelsMJPEG), v4l2Pixels{width: 640, height: 480, pixels: pixelsMJPEG}, v4l2Interval{1, 30}, Format{Raw, 640, 480, 30}, ""},
		"another rate":     {modeOf(1280, 720, 30, pixelsYUYV), v4l2Pixels{}, v4l2Interval{2, 25}, Format{Raw, 1280, 720, 13}, ""},
		"a slow one":       {modeOf(1280, 720, 0.2, pixelsYUYV), v4l2Pixels{}, v4l2Interval{5, 1}, Format{Raw, 1280, 720, 1}, ""},
		"no rate":          {modeOf(1280, 720, 60, pixelsYUYV), v4l2Pixels{}, v4l2Interval{}, Format{Raw, 1280, 720, 60}, ""},
		"no rate is known": {modeOf(1280, 720, 0, pixelsYUYV), v4l2Pixels{}, v4l2Interval{}, Format{Raw, 1280, 720, 25}, ""},
		"another format":   {modeOf(1280, 720, 30, pixelsYUYV), v4l2Pixels{width: 1280, height: 720, pixels: pixelsMJPEG}, v4l2Interval{}, Format{}, "asked for YUYV of (1280,720) and gave MJPG of 1280x720"},
		"an odd width":     {modeOf(1280, 720, 30, pixelsYUYV), v4l2Pixels{width: 639, height: 480, pixels: pixelsYUYV}, v4l2Interval{}, Format{}, "gave YUYV of 639x480"},
		"an odd height":    {modeOf(1280, 720, 30, pixelsYUYV), v4l2Pixels{width: 640, height: 481, pixels: pixelsYUYV}, v4l2Interval{}, Format{}, "gave YUYV of 640x481"},
		"nothing":          {modeOf(1280, 720, 30, pixelsYUYV), v4l2Pixels{pixels: pixelsYUYV}, v4l2Interval{}, Format{}, "gave YUYV of 0x0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &cameraStream{node: &node{name: "x", fd: -1}}
			s.ask = func(request uintptr, arg unsafe.Pointer) error {
				switch request {
				case v4l2SetFormat:
					f := (*v4l2Format)(arg)
					assert.Equal(t, c.mode, modeOf(int(f.width), int(f.height), c.mode.fps, f.pixels))
					if c.format != (v4l2Pixels{}) {
						f.v4l2Pixels = c.format
					}
				case v4l2SetParm:
					p := (*v4l2StreamParm)(arg)
					if c.mode.fps > 0 {
						assert.InDelta(t, c.mode.fps, p.interval.rate(), 0.001)
					}
					if c.rate == (v4l2Interval{}) {
						return unix.ENOTTY
					}
					p.interval = c.rate
				default:
					return unix.EINVAL
				}
				return nil
			}
			err := s.configure(c.mode, Video{Width: 1280, Height: 720, FPS: 25})
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, s.Format())
			assert.Equal(t, c.want.Codec == Raw, s.newest)
		})
	}
}
