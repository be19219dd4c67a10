package media

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSoundOfTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, source.TestPattern(), func(cfg *Config) { cfg.Mute = false })
		listen(t, e)
	})
}

// listen checks that a viewer hears something.
func listen(t *testing.T, e *Engine) {
	v, unuse := e.NewViewer(H264)
	defer unuse()
	sounds := make(chan rtp.Packet, 1000)
	_, err := v.Audio.Bind(fakeContext{codec: AudioCapability(), write: func(h *rtp.Header, p []byte) {
		sounds <- rtp.Packet{Header: h.Clone(), Payload: p}
	}})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { v.Run(ctx) })
	v.SetLive(true)
	defer e.Hold()()
	first, second := next(t, "sound", sounds), next(t, "sound", sounds)
	assert.True(t, first.Marker && !second.Marker)
	assert.EqualValues(t, audioClock/50, second.Timestamp-first.Timestamp)
	assert.NotEmpty(t, first.Payload)
}

// stubMicrophone hears silence, and fails as told.
type stubMicrophone struct{ read func() error }

func (m stubMicrophone) ReadSound(samples []int16) error {
	time.Sleep(time.Duration(len(samples)) * time.Second / source.SoundRate)
	clear(samples)
	return m.read()
}

func (stubMicrophone) Close() error { return nil }

// TestMicrophoneIsTriedAgain has one that is not there, then one that dies, then one that works. There
// is a picture all the while.
func TestMicrophoneIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened []time.Time
		e := runEngine(t, plainSource(), func(cfg *Config) {
			cfg.Mute = false
			cfg.Microphone = func(context.Context) (SoundStream, error) {
				switch opened = append(opened, time.Now()); len(opened) {
				case 1:
					return nil, errors.New("busy")
				case 2:
					return stubMicrophone{func() error { return errors.New("unplugged") }}, nil
				}
				return stubMicrophone{func() error { return nil }}, nil
			}
		})
		release := e.Hold()
		e.await(t, signaling.PictureLive)
		time.Sleep(3 * micRestart)
		state, _ := e.State()
		assert.Equal(t, signaling.PictureLive, state)
		require.Len(t, opened, 3)
		for i, at := range opened[1:] {
			assert.GreaterOrEqual(t, at.Sub(opened[i]), micRestart)
		}
		listen(t, e)
		release()
		e.await(t, signaling.PictureResting)
	})
}

// TestMutedEngineOpensNoMicrophone and gives its viewers no sound.
func TestMutedEngineOpensNoMicrophone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, source.TestPattern(), func(cfg *Config) {
			cfg.Microphone = func(context.Context) (SoundStream, error) {
				t.Error("opened")
				return nil, errors.New("opened")
			}
		})
		defer e.Hold()()
		e.await(t, signaling.PictureLive)
		v, unuse := e.NewViewer(H264)
		defer unuse()
		assert.Nil(t, v.Audio)
	})
}
