package sound

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLostDevices pulls out or stops cards while they are used, in their own format and in another.
func TestLostDevices(t *testing.T) {
	for _, state := range []string{"unplugged", "stalled"} {
		t.Run(state, func(t *testing.T) {
			card := newCard(t, map[string]string{"default": mono, "usb": wide})
			mics := []*Microphone{openMic(t, ""), openMic(t, "wide")}
			speakers := []*Speaker{openLoudspeaker(t, ""), openLoudspeaker(t, "wide")}
			for _, m := range mics {
				listen(t, m, 5)
			}
			card.set(state)
			for _, m := range mics {
				lost(t, m.stream)
				err := readToTheEnd(t, m)
				assert.ErrorContains(t, err, "pulled out")
				assert.Equal(t, err, m.ReadSound(make([]int16, frameSamples)), "for good")
			}
			for _, s := range speakers {
				lost(t, s.stream)
				assert.ErrorContains(t, s.Err(), "pulled out")
				s.Play(make([]int16, frameSamples)) // is harmless
			}
			card.unset(state)
			requireMostlyTone(t, listen(t, openMic(t, ""), 20), cardHertz, cardLoud)
			assert.NoError(t, openLoudspeaker(t, "").Err())
		})
	}
}

// lost waits until the stream has noticed and, without being closed, freed the device.
func lost(t *testing.T, s *stream) {
	select {
	case <-s.released:
	case <-time.After(20 * time.Second):
		require.Fail(t, "nobody noticed", s.name)
	}
}

// readToTheEnd reads what is left, and returns the error after it.
func readToTheEnd(t *testing.T, m *Microphone) error {
	for range maxWaiting/frameSamples + 1 {
		if err := m.ReadSound(make([]int16, frameSamples)); err != nil {
			return err
		}
	}
	require.Fail(t, "there is no end")
	return nil
}

func TestLostDeviceIsNotOpened(t *testing.T) {
	card := newCard(t, map[string]string{"usb": mono})
	card.set("unplugged")
	_, err := OpenMicrophone("mono")
	assert.ErrorContains(t, err, `open the microphone "Mono card"`)
	assert.ErrorContains(t, err, "is it connected?")
	_, err = OpenSpeaker("mono")
	assert.ErrorContains(t, err, `open the loudspeaker "Mono card"`)
}
