package source

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
)

// rpiSettings are what viewers have set.
type rpiSettings struct {
	mu       sync.Mutex
	controls []Control
}

// Controls of rpicam-vid: brightness is hundredths from -1 to 1, contrast per cent, and rotation
// degrees.
const (
	brightness = "brightness"
	contrast   = "contrast"
	rotation   = "rotation"
)

// reset gives all settings their first values.
func (s *rpiSettings) reset() {
	s.controls = []Control{
		{Name: brightness, Min: -100, Max: 100, Step: 5},
		{Name: contrast, Min: 0, Max: 200, Step: 5, Value: 100},
		{Name: rotation, Min: 0, Max: 180, Step: 180},
	}
}

func (s *rpiSettings) list() []Control {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.controls)
}

// set reports whether something changed. The error says what would be right.
func (s *rpiSettings) set(name string, value int) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.controls, func(c Control) bool { return c.Name == name })
	if i < 0 {
		return false, fmt.Errorf("the camera has no control %q; it has %s, %s and %s", name, brightness, contrast, rotation)
	}
	c := &s.controls[i]
	if value < c.Min || value > c.Max || name == rotation && value%c.Step != 0 {
		return false, fmt.Errorf("%s: %d is not from %d to %d in steps of %d", name, value, c.Min, c.Max, c.Step)
	}
	changed, c.Value = c.Value != value, value
	return changed, nil
}

// options are those of rpicam-vid.
func (s *rpiSettings) options() []string {
	var options []string
	for _, c := range s.list() {
		value := strconv.Itoa(c.Value)
		if c.Name != rotation {
			value = strconv.FormatFloat(float64(c.Value)/100, 'f', 2, 64)
		}
		options = append(options, "--"+c.Name, value)
	}
	return options
}
