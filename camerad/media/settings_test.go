package media

import (
	"context"
	"errors"
	"image"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// adjustable is a camera with settings, which forgets them when it is closed.
type adjustable struct {
	stubStream
	mu       *sync.Mutex
	controls []source.Control
	set      *[]string // names, in order
}

func (s adjustable) Controls() []source.Control {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.controls)
}

func (s adjustable) Set(name string, value int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.set = append(*s.set, name)
	for i := range s.controls {
		if c := &s.controls[i]; c.Name == name && name != "stuck" {
			if !c.Relative {
				c.Value = value
			}
			return nil
		}
	}
	return errors.New("the motor is stuck")
}

// adjustableSource returns the camera and what is set on it.
func adjustableSource() (from source.Source, set *[]string) {
	set = &[]string{}
	return source.Source{Name: "ptz", Open: func(ctx context.Context, _ source.Video) (source.Stream, error) {
		picture := plain(320, 180, 120, 128, 128)
		return adjustable{
			stubStream: stubStream{format: rawFormat(), read: func() (source.Frame, error) {
				return source.Frame{Image: picture, At: time.Now()}, pause(ctx, time.Second/30)
			}},
			mu: new(sync.Mutex), set: set,
			controls: []source.Control{
				{Name: "brightness", Min: 0, Max: 255, Step: 1, Value: 128}, {Name: "contrast", Min: -5, Max: 5, Step: 1},
				{Name: "pan", Min: -10, Max: 10, Step: 1, Relative: true}, {Name: "stuck", Max: 9, Step: 1},
			},
		}, nil
	}}, set
}

// value returns a control's; the test fails if there is none.
func value(t *testing.T, e *Engine, name string) int {
	t.Helper()
	i := slices.IndexFunc(e.Controls(), func(c Control) bool { return c.Name == name })
	require.GreaterOrEqual(t, i, 0, "no %s", name)
	return e.Controls()[i].Value
}

func TestSettingsOfTheCamera(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, set := adjustableSource()
		var saved []map[string]int
		e := runEngine(t, from, func(cfg *Config) {
			cfg.Settings = map[string]int{"contrast": 3, "pan": 4, "stuck": 5, "gone": 6}
			cfg.Save = func(values map[string]int) { saved = append(saved, values) }
		})
		assert.Empty(t, e.Controls(), "not known before it was opened")
		assert.ErrorIs(t, e.Set("brightness", 7), ErrNoControl)
		release := e.Hold()
		e.await(t, signaling.PictureLive)
		assert.Equal(t, []string{"contrast", "stuck"}, *set, "those of earlier runs that it has, but for steps")
		assert.Equal(t, 3, value(t, e, "contrast"))

		changed := e.Changed()
		require.NoError(t, e.Set("brightness", 7))
		next(t, "news", changed)
		require.NoError(t, e.Set("pan", -10))
		assert.ErrorContains(t, e.Set("stuck", 1), "the camera did not take stuck: the motor is stuck")
		assert.ErrorContains(t, e.Set("contrast", 6), "contrast: 6 is not from -5 to 5")
		assert.ErrorIs(t, e.Set("gone", 1), ErrNoControl)
		assert.Equal(t, []map[string]int{{"brightness": 7, "contrast": 3, "pan": 4, "stuck": 5, "gone": 6}}, saved,
			"what was taken, once, and no steps")
		saved[0]["brightness"] = 99 // it is the receiver's own
		assert.Equal(t, []int{7, 3, 0}, []int{value(t, e, "brightness"), value(t, e, "contrast"), value(t, e, "pan")})

		release()
		e.await(t, signaling.PictureResting)
		assert.ErrorIs(t, e.Set("brightness", 8), ErrNoControl, "it rests")
		*set = nil
		defer e.Hold()()
		e.await(t, signaling.PictureLive)
		assert.Equal(t, 7, value(t, e, "brightness"), "set again")
		assert.Equal(t, []string{"brightness", "contrast", "stuck"}, *set)
	})
}

// openEngine returns an engine whose source was opened, and rests.
func openEngine(t *testing.T, format source.Format, change func(*Config)) *Engine {
	e := runEngine(t, stubSource(format, func(ctx context.Context) (source.Frame, error) {
		<-ctx.Done()
		return source.Frame{}, ctx.Err()
	}), change)
	release := e.Hold()
	_, err := e.Codecs(t.Context())
	require.NoError(t, err)
	release()
	e.await(t, signaling.PictureResting)
	return e
}

func TestSettingsOfTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openEngine(t, source.Format{Codec: source.Raw, Width: 1280, Height: 720, FPS: 25}, func(cfg *Config) { cfg.Video.Bitrate = 2 * mbit })
		assert.Equal(t, []Control{
			{Name: "rotation", Options: []int{0, 90, 180, 270}, Value: 0},
			{Name: "resolution", Options: []int{720, 480, 360}, Value: 720},
			{Name: "quality", Options: []int{0, 1, 2}, Value: 1},
		}, e.Controls(), "also while it rests")
		assert.Equal(t, Rate{1280, 720, 25, 2 * mbit}, e.limits())
		for _, c := range []struct {
			name  string
			value int
			want  Rate
		}{
			{"quality", 0, Rate{1280, 720, 25, 800 * kbit}}, {"quality", 2, Rate{1280, 720, 25, 4 * mbit}},
			{"resolution", 480, Rate{852, 480, 25, 4 * mbit}}, {"resolution", 720, Rate{1280, 720, 25, 4 * mbit}},
			{"rotation", 90, Rate{1280, 720, 25, 4 * mbit}}, {"quality", 1, Rate{1280, 720, 25, 2 * mbit}},
		} {
			require.NoError(t, e.Set(c.name, c.value))
			assert.Equal(t, c.value, value(t, e, c.name))
			assert.Equal(t, c.want, e.limits())
		}
		assert.EqualError(t, e.Set("rotation", 45), "rotation: 45 is not one of [0 90 180 270]")
		assert.EqualError(t, e.Set("resolution", 1080), "resolution: 1080 is not one of [720 480 360]")
		assert.ErrorContains(t, e.Set("quality", 3), "[0 1 2]")
		assert.Equal(t, 90, value(t, e, "rotation"))
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wide := source.Format{Codec: source.Raw, Width: 3840, Height: 2160, FPS: 60}
		for name, c := range map[string]struct {
			format   source.Format
			settings map[string]int
			bitrate  int
			want     Rate
		}{
			"the source's size":          {wide, nil, 2 * mbit, Rate{3840, 2160, 30, 2 * mbit}},
			"never too many bits":        {wide, map[string]int{"quality": 2}, 15 * mbit, Rate{3840, 2160, 30, maxBitrate}},
			"of another camera":          {rawFormat(), map[string]int{"resolution": 720, "quality": 9}, 2 * mbit, Rate{320, 180, 30, 4 * mbit}},
			"a file that was edited":     {rawFormat(), map[string]int{"quality": -1}, mbit, Rate{320, 180, 30, 400 * kbit}},
			"a slow camera":              {source.Format{Codec: source.Raw, Width: 640, Height: 480, FPS: 5}, nil, mbit, Rate{640, 480, 5, mbit}},
			"a coded stream, size known": {source.Format{Codec: source.H264, Width: 640, Height: 480, FPS: 25}, nil, mbit, Rate{640, 480, 25, mbit}},
			"a coded stream, unknown":    {source.Format{Codec: source.H264}, nil, mbit, Rate{320, 180, 30, mbit}},
		} {
			e := openEngine(t, c.format, func(cfg *Config) { cfg.Settings, cfg.Video.Bitrate = c.settings, c.bitrate })
			assert.Equal(t, c.want, e.limits(), name)
			if c.format.Codec != source.Raw {
				assert.Empty(t, e.Controls(), name)
				assert.ErrorIs(t, e.Set(controlRotation, 90), ErrNoControl)
			}
		}
	})
}

// TestRotationAndResolutionChangeTheEncodedPicture while somebody watches.
func TestRotationAndResolutionChangeTheEncodedPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		picture := plain(640, 480, 120, 128, 128)
		e := runEngine(t, stubSource(source.Format{Codec: source.Raw, Width: 640, Height: 480, FPS: 30}, func(ctx context.Context) (source.Frame, error) {
			return source.Frame{Image: picture, At: time.Now()}, pause(ctx, time.Second/30)
		}), func(cfg *Config) { cfg.Video.Bitrate = 2 * mbit })
		defer e.Hold()()
		v, unuse := e.NewViewer(H264)
		defer unuse()
		e.await(t, signaling.PictureLive)
		for _, c := range []struct {
			name  string
			value int
			want  image.Point
		}{
			{"rotation", 0, image.Pt(640, 480)}, {"rotation", 90, image.Pt(480, 640)}, {"resolution", 360, image.Pt(360, 480)},
			{"rotation", 180, image.Pt(480, 360)}, {"resolution", 480, image.Pt(640, 480)},
		} {
			require.NoError(t, e.Set(c.name, c.value))
			time.Sleep(2 * steerInterval)
			synctest.Wait()
			group := e.full.hub.cached()
			require.NotEmpty(t, group)
			assert.Equal(t, c.want, size(t, H264, group[0].Data), "%s %d", c.name, c.value)
			rate := v.Stats().Rate
			assert.Equal(t, c.want, image.Pt(rate.Width, rate.Height))
		}
	})
}
