package sound

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gen2brain/malgo"
)

// converter turns a microphone's own format into mono at [Rate].
type converter struct {
	value    func([]byte) float64 // of one sample, full scale is ±32768
	size     int                  // of one sample, in bytes
	channels int
	step     float64    // samples of the microphone for one of ours
	phase    float64    // where between past[1] and past[2] our next sample is
	past     [4]float64 // the microphone's newest samples
}

func newConverter(format malgo.FormatType, channels, rate int) (converter, error) {
	c := converter{channels: channels, step: float64(rate) / Rate}
	switch format { // all machines that this runs on are little-endian
	case malgo.FormatU8:
		c.size, c.value = 1, func(b []byte) float64 { return (float64(b[0]) - 128) * 256 }
	case malgo.FormatS16:
		c.size, c.value = 2, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }
	case malgo.FormatS24:
		c.size, c.value = 3, func(b []byte) float64 {
			return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / 65536
		}
	case malgo.FormatS32:
		c.size, c.value = 4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) / 65536 }
	case malgo.FormatF32:
		c.size, c.value = 4, func(b []byte) float64 {
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) * 32768
		}
	}
	if c.size == 0 || channels < 1 || rate < 1 {
		return c, fmt.Errorf("it gives sound in a form that is not known (format %d, %d channels, %d Hz); choose another",
			format, channels, rate)
	}
	return c, nil
}

// convert appends what is in frames to out.
func (c *converter) convert(out []int16, frames []byte) []int16 {
	for width := c.size * c.channels; len(frames) >= width; frames = frames[width:] {
		sum := 0.0
		for i := range c.channels {
			sum += c.value(frames[i*c.size:])
		}
		out = c.resample(out, sum/float64(c.channels))
	}
	return out
}

// resample appends the samples of ours that the microphone's next one completes. It interpolates with
// cubic polynomials (Catmull-Rom), which is enough for speech.
func (c *converter) resample(out []int16, next float64) []int16 {
	if c.step == 1 {
		return append(out, clip(next))
	}
	p := &c.past
	p[0], p[1], p[2], p[3] = p[1], p[2], p[3], next
	for ; c.phase < 1; c.phase += c.step {
		x := c.phase
		out = append(out, clip(p[1]+x/2*(p[2]-p[0]+x*(2*p[0]-5*p[1]+4*p[2]-p[3]+x*(3*(p[1]-p[2])+p[3]-p[0])))))
	}
	c.phase--
	return out
}

func clip(value float64) int16 {
	return int16(math.Round(max(math.MinInt16, min(math.MaxInt16, value))))
}
