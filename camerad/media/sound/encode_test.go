package sound

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/opus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// toneReader reads a tone in real time; its end is the end of sound.
type toneReader struct {
	hertz  float64
	frames int
	read   int
	due    time.Time
}

var errEnd = errors.New("the end")

func (r *toneReader) next(samples []int16) error {
	if r.read == r.frames {
		return errEnd
	}
	if r.read == 0 {
		r.due = time.Now()
	}
	r.due = r.due.Add(frameTime)
	time.Sleep(time.Until(r.due))
	copy(samples, sine(r.hertz, 8192, r.read*frameSamples, len(samples)))
	r.read++
	return nil
}

type packetAt struct {
	payload []byte
	at      time.Time
}

// encodeTone encodes a tone without taking the time.
func encodeTone(t testing.TB, e Encoder, hertz float64, frames int) (packets []packetAt) {
	encode := func() {
		source := toneReader{hertz: hertz, frames: frames}
		err := e.Encode(context.Background(), source.next, func(payload []byte, at time.Time) {
			packets = append(packets, packetAt{payload, at})
		})
		require.ErrorIs(t, err, errEnd)
	}
	if tt, ok := t.(*testing.T); ok {
		synctest.Test(tt, func(*testing.T) { encode() })
	} else {
		encode()
	}
	return packets
}

func TestEncode(t *testing.T) {
	for _, bitrate := range []int{0, 12_000, 32_000, 64_000} {
		packets := encodeTone(t, Encoder{Bitrate: bitrate}, 440, 100)
		require.Len(t, packets, 100)
		decoder, err := opus.NewDecoderWithOutput(Rate, 1)
		require.NoError(t, err)
		var all []int16
		bytes := 0
		for i, p := range packets {
			assert.Equal(t, packets[0].at.Add(time.Duration(i)*frameTime), p.at)
			bytes += len(p.payload)
			out := make([]int16, maxPacket)
			n, err := decoder.DecodeToInt16(p.payload, out)
			require.NoError(t, err)
			require.Equal(t, frameSamples, n, "20 ms")
			all = append(all, out[:n]...)
		}
		requireTone(t, all[Rate/10:], 440, 8192)
		if bitrate == 0 {
			bitrate = DefaultBitrate
		}
		assert.InEpsilon(t, bitrate, bytes*8/2, 0.4, "bit/s")
	}
}

func TestEncodeSkipsWhatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := toneReader{hertz: 440, frames: 100}
		n := 0
		err := Encode(t.Context(), source.next, func(_ []byte, at time.Time) {
			n++
			assert.LessOrEqual(t, time.Since(at), maxLag)
			if n == 10 {
				time.Sleep(time.Second) // somebody is held up, and the sound of a second waits
			}
		})
		assert.ErrorIs(t, err, errEnd)
		assert.Equal(t, 100-int((time.Second-frameTime-maxLag)/frameTime), n, "the rest was skipped")
	})
}

func TestEncodeEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := Encode(ctx, func([]int16) error { return nil }, func([]byte, time.Time) { cancel() })
	assert.ErrorIs(t, err, context.Canceled)
	err = Encode(t.Context(), func([]int16) error { return errEnd }, nil)
	assert.ErrorIs(t, err, errEnd)
	err = Encoder{Bitrate: -7}.Encode(t.Context(), nil, nil)
	assert.ErrorContains(t, err, "choose a bitrate")
}
