package sound

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gen2brain/malgo"
)

// A device that neither gives nor takes sound for patience is lost, and one that does not let go within
// releaseTime is left to itself.
const (
	patience    = 3 * time.Second
	releaseTime = 5 * time.Second
)

var errClosed = errors.New("the microphone or loudspeaker was closed; open it again to use it")

// handler gets the sound of a microphone in in, or fills out for a loudspeaker, in the format that the
// device was opened with. It runs on a thread of the sound library.
type handler func(out, in []byte)

// stream is a device that runs. When the device is lost, the stream frees it by itself: miniaudio would
// poll a card that was pulled out without a pause.
type stream struct {
	name    string
	device  *malgo.Device
	handler handler
	began   time.Time
	heard   atomic.Int64 // when the device last did something, in nanoseconds since began

	stopped  chan struct{} // miniaudio gave up; size 1
	quit     func()        // by close
	quitting chan struct{}
	lost     chan struct{} // closed when err is valid
	released chan struct{}
	err      error
}

// openStream opens the first device that is meant by want and works. begin is told how it was opened and
// says what handles its sound.
func openStream(config malgo.DeviceConfig, want string, begin func(*malgo.Device) (handler, error)) (*stream, error) {
	devices, err := list(config.DeviceType)
	if err != nil {
		return nil, err
	}
	devices, err = choose(config.DeviceType, devices, want)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, d := range devices {
		s, err := newStream(config, d, begin)
		if err == nil {
			s.heard.Store(int64(time.Since(s.began)))
			go s.watch()
			return s, nil
		}
		errs = append(errs, fmt.Errorf("open the %s %q: %w", noun(config.DeviceType), d.Name, explain(err)))
	}
	return nil, errors.Join(errs...)
}

func newStream(config malgo.DeviceConfig, d Device, begin func(*malgo.Device) (handler, error)) (*stream, error) {
	s := &stream{
		name: noun(config.DeviceType) + " " + d.Name, began: time.Now(), stopped: make(chan struct{}, 1),
		quitting: make(chan struct{}), lost: make(chan struct{}), released: make(chan struct{}),
	}
	s.quit = sync.OnceFunc(func() { close(s.quitting) })
	library.Lock()
	defer library.Unlock()
	context, err := start()
	if err != nil {
		return nil, err
	}
	id := d.id // alone, since what C is given may not be part of something with pointers
	var pinner runtime.Pinner
	defer pinner.Unpin() // the library has copied it
	if id != systemDefault.id {
		pinner.Pin(&id)
		config.Capture.DeviceID, config.Playback.DeviceID = unsafe.Pointer(&id), unsafe.Pointer(&id)
	}
	s.device, err = malgo.InitDevice(context, config, malgo.DeviceCallbacks{Data: s.data, Stop: s.stop})
	if err != nil {
		return nil, err
	}
	if s.handler, err = begin(s.device); err == nil {
		err = s.device.Start()
	}
	if err != nil {
		s.device.Uninit()
		return nil, err
	}
	return s, nil
}

// explain says what to do about what the library says.
func explain(err error) error {
	switch {
	case errors.Is(err, malgo.ErrBusy), errors.Is(err, malgo.ErrAlreadyInUse):
		return fmt.Errorf("%w: another program uses it; end that, or choose another", err)
	case errors.Is(err, malgo.ErrAccessDenied):
		return fmt.Errorf("%w: add camerad's user to the group audio and start camerad anew", err)
	default:
		return fmt.Errorf("%w; is it connected? `camerad sources` lists what is there", err)
	}
}

func (s *stream) data(out, in []byte, _ uint32) {
	s.heard.Store(int64(time.Since(s.began)))
	s.handler(out, in)
}

func (s *stream) stop() {
	select {
	case s.stopped <- struct{}{}:
	default:
	}
}

// watch frees the device when it is lost or closed.
func (s *stream) watch() {
	defer close(s.released)
	s.err = s.wait()
	close(s.lost)
	// Uninit alone would wait forever for a device that is silent, and Stop may wait for a driver, for
	// which others must not wait.
	_ = s.device.Stop()
	library.Lock()
	defer library.Unlock()
	s.device.Uninit()
}

// wait returns why the stream is over.
func (s *stream) wait() error {
	look := time.NewTicker(patience / 6)
	defer look.Stop()
	for {
		select {
		case <-s.quitting:
			return errClosed
		case <-s.stopped:
			return fmt.Errorf("the %s stopped: was it pulled out? Connect it again", s.name)
		case <-look.C:
			if time.Since(s.began)-time.Duration(s.heard.Load()) > patience {
				return fmt.Errorf("the %s has done nothing for %v: was it pulled out? Connect it again", s.name, patience)
			}
		}
	}
}

// close frees the device, and returns an error if the driver does not let go of it.
func (s *stream) close() error {
	s.quit()
	select {
	case <-s.released:
		return nil
	case <-time.After(releaseTime):
		return fmt.Errorf("the driver of the %s does not let go of it: connect it again, or restart the machine", s.name)
	}
}
