package web

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/camerad/seal"
	"seccam/pkg/signaling"
)

// fakeCameras are the methods of every camera of a test: pictures sealed as a camera does it, and
// privacy settings.
type fakeCameras struct {
	t *testing.T

	mu       sync.Mutex
	picture  []byte
	err      error                     // of every call
	settings signaling.PrivacySettings //
	asked    []signaling.SnapshotRequest
	during   func() // while a call is on its way
}

func newFakeCameras(t *testing.T) *fakeCameras {
	return &fakeCameras{t: t, picture: jpegOf(t, color.RGBA{R: 40, G: 110, B: 140, A: 255})}
}

// jpegOf is a picture of 64×36 pixels: a colour, and a lighter square in its middle.
func jpegOf(t testing.TB, c color.Color) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 64, 36))
	draw.Draw(picture, picture.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	draw.Draw(picture, image.Rect(26, 12, 38, 24), image.NewUniform(color.RGBA{R: 240, G: 230, B: 200, A: 255}), image.Point{}, draw.Src)
	var data bytes.Buffer
	require.NoError(t, jpeg.Encode(&data, picture, nil))
	return data.Bytes()
}

// call is what every method does first.
func (f *fakeCameras) call() error {
	f.mu.Lock()
	during, err := f.during, f.err
	f.mu.Unlock()
	if during != nil {
		during()
	}
	return err
}

// Snapshot implements Cameras.
func (f *fakeCameras) Snapshot(_ context.Context, camera string, request signaling.SnapshotRequest) ([]byte, error) {
	f.mu.Lock()
	f.asked = append(f.asked, request)
	picture := f.picture
	f.mu.Unlock()
	if err := f.call(); err != nil {
		return nil, err
	}
	return seal.Seal(picture, request.Key, camera)
}

// Privacy implements Cameras.
func (f *fakeCameras) Privacy(_ context.Context, _ string, settings *signaling.PrivacySettings) (signaling.PrivacyReply, error) {
	if err := f.call(); err != nil {
		return signaling.PrivacyReply{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if settings != nil {
		f.settings = *settings
	}
	reply := signaling.PrivacyReply{V: signaling.Version, Settings: f.settings, Active: f.settings.On, Text: "Privacy mode is off"}
	if reply.Active {
		reply.Text = "Privacy mode is on"
	} else if len(f.settings.Schedule) > 0 {
		reply.Text += " until " + f.settings.Schedule[0].From
		reply.Until = 1_800_000_000_000
	}
	return reply, nil
}

// set changes what the cameras do.
func (f *fakeCameras) set(change func(f *fakeCameras)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeCameras) snapshots() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

func (f *fakeCameras) saved() signaling.PrivacySettings {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settings
}
