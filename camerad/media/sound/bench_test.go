package sound

import (
	"testing"

	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/wave"
	"github.com/stretchr/testify/require"
)

// BenchmarkEncode encodes a second of sound each time.
func BenchmarkEncode(b *testing.B) {
	voice := sine(440, 8192, 0, frameSamples)
	encoder, err := Encoder{}.build(audio.ReaderFunc(func() (wave.Audio, func(), error) { return frame(voice), func() {}, nil }))
	require.NoError(b, err)
	for b.Loop() {
		for range 50 {
			_, _, err := encoder.Read()
			require.NoError(b, err)
		}
	}
	require.NoError(b, encoder.Close())
}

// BenchmarkTalk decodes a second of sound each time.
func BenchmarkTalk(b *testing.B) {
	for _, name := range []string{"celt", "hybrid", "silk"} {
		b.Run(name, func(b *testing.B) {
			packets := readOgg(b, name)[1:26]
			talk := NewTalk(silence{})
			sequence := uint16(0)
			for b.Loop() {
				for i := range 50 {
					talk.Push(packets[i%len(packets)], sequence, uint32(sequence)*frameSamples)
					sequence++
				}
			}
		})
	}
}

type silence struct{}

func (silence) Play([]int16) {}
