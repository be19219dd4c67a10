package source

import (
	"context"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeControls is a driver with the controls of a map.
type fakeControls map[uint32]*fakeControl

type fakeControl struct {
	v4l2QueryControl
	now      int32
	getError error
	setError error
	refused  []int32 // menu entries that the camera does not have
}

func (f fakeControls) ioctl(request uintptr, arg unsafe.Pointer) error {
	switch request {
	case v4l2QueryCtrl:
		q := (*v4l2QueryControl)(arg)
		if c := f[q.id]; c != nil {
			id := q.id
			*q = c.v4l2QueryControl
			q.id = id
			return nil
		}
	case v4l2GetControl:
		v := (*v4l2Control)(arg)
		if c := f[v.id]; c != nil {
			v.value = c.now
			return c.getError
		}
	case v4l2SetControl:
		v := (*v4l2Control)(arg)
		if c := f[v.id]; c != nil && !slices.Contains(c.refused, v.value) {
			if c.setError == nil {
				c.now = v.value
			}
			return c.setError
		}
	}
	return unix.EINVAL
}

func intControl(low, high, step, now int32) *fakeControl {
	return &fakeControl{v4l2QueryControl: v4l2QueryControl{kind: v4l2ControlInteger, min: low, max: high, step: step}, now: now}
}

func withFlags(c *fakeControl, flags uint32) *fakeControl {
	c.flags = flags
	return c
}

const (
	cidBrightness, cidContrast, cidSaturation, cidSharpness = 0x980900, 0x980901, 0x980902, 0x98091b

	cidPanRelative, cidTiltRelative, cidZoomRelative = 0x9a0904, 0x9a0905, 0x9a090e
	cidPanAbsolute, cidTiltAbsolute, cidZoomAbsolute = 0x9a0908, 0x9a0909, 0x9a090d
)

func controlled(f fakeControls) *cameraStream {
	s := &cameraStream{node: &node{name: "x", fd: -1}, ask: f.ioctl}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

func TestControls(t *testing.T) {
	const readOnly, writeOnly, inactive, disabled, grabbed, volatile = 0x04, 0x40, 0x10, 0x01, 0x02, 0x80
	text := intControl(0, 10, 1, 0)
	text.kind = 7 // a string
	for name, c := range map[string]struct {
		camera fakeControls
		want   []Control
	}{
		"none": {nil, nil},
		"in the order of our list": {
			fakeControls{cidContrast: intControl(0, 100, 10, 50), cidBrightness: intControl(-64, 64, 1, 3), 0x980905: intControl(0, 9, 1, 1)},
			[]Control{{Name: "brightness", Min: -64, Max: 64, Step: 1, Value: 3}, {Name: "contrast", Max: 100, Step: 10, Value: 50}},
		},
		"what cannot be set is left out": {
			fakeControls{
				cidBrightness: withFlags(intControl(0, 10, 1, 0), readOnly), cidContrast: withFlags(intControl(0, 10, 1, 0), inactive),
				cidSaturation: withFlags(intControl(0, 10, 1, 0), disabled), cidSharpness: withFlags(intControl(0, 10, 1, 0), grabbed),
				cidPanAbsolute: intControl(5, 5, 1, 5), cidTiltAbsolute: text,
				cidZoomAbsolute: withFlags(intControl(100, 400, 0, 100), volatile),
			},
			[]Control{{Name: "zoom", Min: 100, Max: 400, Step: 1, Value: 100}},
		},
		"absolute before relative": {
			fakeControls{
				cidPanAbsolute: intControl(-36000, 36000, 3600, 7200), cidPanRelative: intControl(-1, 1, 1, 0),
				cidTiltRelative: withFlags(intControl(-2, 2, 1, 9), writeOnly),
				cidZoomAbsolute: withFlags(intControl(1, 4, 1, 1), readOnly), cidZoomRelative: intControl(-3, 3, 1, 0),
			},
			[]Control{
				{Name: "pan", Min: -36000, Max: 36000, Step: 3600, Value: 7200},
				{Name: "tilt", Min: -2, Max: 2, Step: 1, Relative: true},
				{Name: "zoom", Min: -3, Max: 3, Step: 1, Relative: true},
			},
		},
		"one that fails is left out": {
			fakeControls{cidBrightness: {v4l2QueryControl: intControl(0, 9, 1, 0).v4l2QueryControl, getError: unix.EIO}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, controlled(c.camera).Controls())
		})
	}
}

func TestSet(t *testing.T) {
	busy, gone := intControl(0, 9, 1, 0), intControl(0, 9, 1, 0)
	busy.setError, gone.setError = unix.EBUSY, unix.ENODEV
	camera := fakeControls{
		cidBrightness: intControl(-64, 64, 1, 0), cidPanRelative: intControl(-10, 10, 1, 0),
		cidContrast: busy, cidSaturation: gone, cidSharpness: withFlags(intControl(0, 9, 1, 0), 0x10),
	}
	s := controlled(camera)
	require.NoError(t, s.Set("brightness", -64))
	assert.EqualValues(t, -64, camera[cidBrightness].now)
	require.NoError(t, s.Set("pan", 10))
	assert.EqualValues(t, 10, camera[cidPanRelative].now)
	for name, c := range map[string]struct {
		value int
		want  string
	}{
		"brightness": {65, "brightness of camera x is from -64 to 64, not 65"},
		"pan":        {-11, "pan of camera x is from -10 to 10, not -11"},
		"contrast":   {1, "contrast of camera x cannot be changed at the moment; try again later: device or resource busy"},
		"saturation": {1, "camera x is gone; plug it in again (set saturation of: no such device)"},
		"sharpness":  {1, `camera x has no setting "sharpness" that can be changed now`},
		"zoom":       {1, `camera x has no setting "zoom" that can be changed now`},
		"gamma":      {1, `camera x has no setting "gamma" that can be changed now`},
		"":           {1, `camera x has no setting "" that can be changed now`},
	} {
		assert.EqualError(t, s.Set(name, c.value), c.want)
	}
	assert.EqualValues(t, -64, camera[cidBrightness].now)
}

func TestSteer(t *testing.T) {
	want := Video{Width: 1280, Height: 720, FPS: 30, Bitrate: 2_000_000, KeyFrameInterval: 2 * time.Second}
	full := func() fakeControls {
		profile := intControl(0, 4, 1, 4)
		profile.kind = v4l2ControlMenu
		headers := intControl(0, 1, 1, 0)
		headers.kind = v4l2ControlBoolean
		return fakeControls{
			controlBitrate: intControl(25_000, 1_500_000, 25_000, 10_000_000), controlIPeriod: intControl(0, 1000, 1, 60),
			controlRepeatHeaders: headers, controlProfile: profile,
		}
	}
	camera := full()
	assert.True(t, steerableH264(camera.ioctl))
	steerH264(camera.ioctl, want, 25)
	assert.EqualValues(t, 1_500_000, camera[controlBitrate].now, "as much as it can")
	assert.EqualValues(t, 50, camera[controlIPeriod].now, "pictures in 2 s")
	assert.EqualValues(t, 1, camera[controlRepeatHeaders].now)
	assert.EqualValues(t, profileConstrainedBaseline, camera[controlProfile].now)

	delete(camera, controlIPeriod)
	assert.False(t, steerableH264(camera.ioctl))
	camera[controlGOPSize] = intControl(1, 300, 1, 12)
	assert.True(t, steerableH264(camera.ioctl))
	want.KeyFrameInterval = 0
	steerH264(camera.ioctl, want, 25)
	assert.EqualValues(t, 1, camera[controlGOPSize].now)
	delete(camera, controlBitrate)
	assert.False(t, steerableH264(camera.ioctl))

	old := full() // without the constrained profile
	old[controlProfile].refused = []int32{profileConstrainedBaseline}
	steerH264(old.ioctl, want, 25)
	assert.EqualValues(t, profileBaseline, old[controlProfile].now)
	steerH264(fakeControls{}.ioctl, want, 25) // is not an error
}
