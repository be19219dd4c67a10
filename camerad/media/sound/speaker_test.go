package sound

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func openLoudspeaker(t *testing.T, name string) *Speaker {
	s, err := OpenSpeaker(name)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// speak plays a tone in real time until that is enough.
func speak(t *testing.T, s *Speaker, hertz float64, enough func() bool) {
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for i := 0; i%10 != 0 || !enough(); i++ {
		require.Less(t, i, 1000, "20 s are enough for everything")
		<-tick.C
		s.Play(sine(hertz, 8000, i*frameSamples, frameSamples))
	}
}

// heard returns the sound in what was played, without the silence before, after and, on a busy machine,
// within it. There is no silence shorter than a piece.
func heard(all []int16) (sound []int16) {
	for piece := range slices.Chunk(all, piece/10) {
		if slices.ContainsFunc(piece, func(sample int16) bool { return sample != 0 }) {
			sound = append(sound, piece...)
		}
	}
	return sound
}

func TestSpeakerPlays(t *testing.T) {
	card := newCard(t, map[string]string{"default": mono})
	s := openLoudspeaker(t, "")
	soon(t, "silence", func() bool { return len(card.played()) > Rate/10 })
	assert.Empty(t, heard(card.played()))
	speak(t, s, 440, func() bool { return len(heard(card.played())) > Rate })
	requireMostlyTone(t, heard(card.played()), 440, 8000)
	require.NoError(t, s.Close())
	s.Play(make([]int16, 10)) // is harmless
	assert.ErrorIs(t, s.Err(), errClosed)
}

func TestSpeakerOfAnotherKind(t *testing.T) {
	card := newCard(t, map[string]string{"usb": wide})
	s := openLoudspeaker(t, "wide card")
	var left []int16
	speak(t, s, 440, func() bool {
		left = nil
		for all := card.played(); len(all) >= 4; all = all[4:] { // the upper half of 32 bits, one of two channels
			left = append(left, all[1])
		}
		left = heard(left)
		return len(left) > 44100/2
	})
	const hertz = 440.0 * Rate / 44100 // as the test counts
	requireMostlyTone(t, left, hertz, 8000)
}

func TestSpeakerDelay(t *testing.T) {
	card := newCard(t, map[string]string{"default": mono})
	s := openLoudspeaker(t, "")
	soon(t, "silence", func() bool { return len(card.played()) > Rate/5 })
	before := len(card.played())
	speak(t, s, 440, func() bool { return len(heard(card.played())) > 0 })
	at := slices.IndexFunc(card.played(), func(sample int16) bool { return sample != 0 })
	delay := time.Duration(at-before)*time.Second/Rate - frameTime // before the first Play
	t.Log("from Play to the driver", delay)
	assert.Greater(t, delay, 50*time.Millisecond)
	assert.Less(t, delay, 200*time.Millisecond)
}
