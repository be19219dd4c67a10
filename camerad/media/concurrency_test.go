package media

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
)

// TestEverybodyAtOnce is for the race detector.
func TestEverybodyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, plainSource(), nil)
		var running sync.WaitGroup
		for _, task := range []func(n int){
			func(n int) { assert.NoError(t, ignore(e.Set(controlRotation, rotations[n%4]), ErrNoControl)) },
			func(n int) { assert.NoError(t, ignore(e.Set(controlQuality, n%3), ErrNoControl)) },
			func(int) { e.Controls() },
			func(int) { e.Stats() },
			func(int) { e.Changed() },
			func(n int) { e.SetPrivate([]string{"", "", "", "on"}[n%4]) },
			func(int) {
				ctx, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
				defer stop()
				_, err := e.Snapshot(ctx, 100)
				assert.NoError(t, ignore(ignore(err, ErrPrivate), ErrNoPicture))
			},
			func(n int) {
				defer e.Hold()()
				v, unuse := e.NewViewer([]Codec{H264, VP8}[n%2])
				defer unuse()
				r := receive(t, v, fakeContext{codec: v.codec.Capability(), apt: withRTX, numbered: true}, 1000)
				defer r.stop()
				r.SetLive(true)
				time.Sleep(100 * time.Millisecond)
				v.steerTo([]Quality{QualityLow, QualityFull}[n%2])
				v.RequestKeyFrame()
				v.Resend([]uint16{1})
				v.Stats()
				time.Sleep(100 * time.Millisecond)
			},
		} {
			running.Go(func() {
				for n := range 40 {
					task(n)
					time.Sleep(17 * time.Millisecond)
				}
			})
		}
		running.Wait()
		e.SetPrivate("")
		release := e.Hold()
		e.await(t, signaling.PictureLive)
		release()
		e.await(t, signaling.PictureResting)
		assert.Zero(t, users(e.full)+users(e.low)+users(e.vp8)+members(e.full.hub, e.low.hub, e.vp8.hub))
	})
}

// ignore returns err unless it is the one that may be.
func ignore(err, allowed error) error {
	if errors.Is(err, allowed) {
		return nil
	}
	return err
}
