package sound

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFromMicrophoneToLoudspeaker sends a tone all the way, through real ALSA on both ends.
func TestFromMicrophoneToLoudspeaker(t *testing.T) {
	card := newCard(t, map[string]string{"default": mono, "usb": wide})
	for _, microphone := range []string{"default", "wide"} {
		t.Run(microphone, func(t *testing.T) {
			mic, speaker := openMic(t, microphone), openLoudspeaker(t, "default")
			soon(t, "silence", func() bool { return len(card.played()) > 0 })
			before := len(card.played())
			talk := NewTalk(speaker)
			var played []int16
			sequence := uint16(0)
			enough := errors.New("enough")
			read := func(samples []int16) error {
				if played = heard(card.played()[before:]); len(played) > Rate || sequence > 1000 {
					return enough
				}
				return mic.ReadSound(samples)
			}
			err := Encode(t.Context(), read, func(payload []byte, _ time.Time) {
				talk.Push(payload, sequence, uint32(sequence)*frameSamples)
				sequence++
			})
			require.ErrorIs(t, err, enough)
			require.Greater(t, len(played), Rate)
			requireMostlyTone(t, played, cardHertz, cardLoud)
		})
	}
}
