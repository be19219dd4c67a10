package media

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"seccam/camerad/media/source"
)

// Names of the engine's own controls, for sources that give raw pictures.
const (
	controlRotation   = "rotation"   // degrees clockwise
	controlResolution = "resolution" // lines
	controlQuality    = "quality"    // index of qualityBits
)

var (
	rotations   = []int{0, 90, 180, 270}
	resolutions = []int{2160, 1440, 1080, 720, 480, 360}
	// qualityBits is the share of the configured bitrate: saving data, balanced, best.
	qualityBits = []float64{0.4, 1, 2}
)

const qualityBalanced = 1

// maxBitrate bounds what the best quality may want, in bit/s.
const maxBitrate = 20_000_000

// ErrNoControl means that the camera does not have this setting, at least not now.
var ErrNoControl = errors.New("this camera does not have that setting")

// Control is a setting that viewers may change: a value from Min to Max in steps, or one of Options.
type Control struct {
	Name     string `json:"name"`
	Min      int    `json:"min"`
	Max      int    `json:"max"`
	Step     int    `json:"step,omitempty"`
	Options  []int  `json:"options,omitempty"`
	Value    int    `json:"value"`
	Relative bool   `json:"relative,omitempty"` // a value is a step to take, and not a state
}

// check says what is wrong with a value.
func (c Control) check(value int) error {
	if len(c.Options) > 0 && !slices.Contains(c.Options, value) {
		return fmt.Errorf("%s: %d is not one of %v", c.Name, value, c.Options)
	}
	if len(c.Options) == 0 && (value < c.Min || value > c.Max) {
		return fmt.Errorf("%s: %d is not from %d to %d", c.Name, value, c.Min, c.Max)
	}
	return nil
}

// settings are what viewers changed, kept over restarts, and the source's own controls while it is
// open.
type settings struct {
	mu     sync.Mutex
	values map[string]int
	save   func(map[string]int)
	stream source.Adjustable // nil while there is none
}

func (s *settings) init(values map[string]int, save func(map[string]int)) {
	s.values, s.save = maps.Clone(values), save
	if s.values == nil {
		s.values = map[string]int{}
	}
	if s.save == nil {
		s.save = func(map[string]int) {}
	}
}

// attach gives a newly opened source the values that were set before.
func (s *settings) attach(stream source.Stream) {
	adjustable, ok := stream.(source.Adjustable)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream = adjustable
	for _, c := range adjustable.Controls() {
		if value, known := s.values[c.Name]; known && !c.Relative && value != c.Value {
			_ = adjustable.Set(c.Name, value) // the camera may be another one now
		}
	}
}

func (s *settings) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stream = nil
}

func (s *settings) get(name string, fallback int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.values[name]; ok {
		return value
	}
	return fallback
}

func (s *settings) keep(name string, value int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = value
	s.save(maps.Clone(s.values))
}

func (s *settings) rotation() int { return s.get(controlRotation, 0) }

// own returns the source's controls, and by whom they are set; nil if it has none.
func (s *settings) own() ([]source.Control, source.Adjustable) {
	s.mu.Lock()
	stream := s.stream
	s.mu.Unlock()
	if stream == nil {
		return nil, nil
	}
	return stream.Controls(), stream
}

// Controls returns the settings that the source offers now. A source that rests offers none of its
// own.
func (e *Engine) Controls() []Control {
	controls := []Control{}
	own, _ := e.settings.own()
	for _, c := range own {
		controls = append(controls, Control{
			Name: c.Name, Min: c.Min, Max: c.Max, Step: c.Step, Value: c.Value, Relative: c.Relative,
		})
	}
	format := e.format.Load()
	if format == nil || format.Codec != source.Raw {
		return controls
	}
	lines := min(format.Width, format.Height)
	smaller := []int{lines}
	for _, n := range resolutions {
		if n < lines {
			smaller = append(smaller, n)
		}
	}
	return append(controls,
		Control{Name: controlRotation, Options: rotations, Value: e.settings.rotation()},
		Control{Name: controlResolution, Options: smaller, Value: min(lines, e.settings.get(controlResolution, lines))},
		Control{Name: controlQuality, Options: []int{0, 1, 2}, Value: e.settings.get(controlQuality, qualityBalanced)})
}

// Set changes one of [Engine.Controls] for all viewers, for good. Its error is fit for a person.
func (e *Engine) Set(name string, value int) error {
	controls := e.Controls()
	i := slices.IndexFunc(controls, func(c Control) bool { return c.Name == name })
	if i < 0 {
		return ErrNoControl
	}
	if err := controls[i].check(value); err != nil {
		return err
	}
	own, stream := e.settings.own()
	if slices.ContainsFunc(own, func(c source.Control) bool { return c.Name == name }) {
		if err := stream.Set(name, value); err != nil {
			return fmt.Errorf("the camera did not take %s: %w", name, err)
		}
	}
	if !controls[i].Relative {
		e.settings.keep(name, value)
	}
	e.changes.signal()
	return nil
}

// limits is the most that is encoded, by configuration and settings.
func (e *Engine) limits() Rate {
	video := e.video.Load()
	limits := Rate{Width: video.Width, Height: video.Height, FPS: video.FPS, Bitrate: video.Bitrate}
	if format := e.format.Load(); format != nil && format.Width > 0 {
		limits.Width, limits.Height, limits.FPS = format.Width, format.Height, min(limits.FPS, max(1, format.FPS))
	}
	quality := min(max(0, e.settings.get(controlQuality, qualityBalanced)), len(qualityBits)-1)
	limits.Bitrate = min(maxBitrate, int(float64(limits.Bitrate)*qualityBits[quality]))
	lines := e.settings.get(controlResolution, min(limits.Width, limits.Height))
	return within(limits, lines, limits.FPS, limits.Bitrate)
}
