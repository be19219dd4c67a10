package sound

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// open opens the microphone, which is closed at the end of the test.
func openMic(t *testing.T, name string) *Microphone {
	m, err := OpenMicrophone(name)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

// listen reads that many frames one after the other.
func listen(t *testing.T, m *Microphone, frames int) (heard []int16) {
	for range frames {
		samples := make([]int16, frameSamples)
		require.NoError(t, m.ReadSound(samples))
		heard = append(heard, samples...)
	}
	return heard
}

func TestMicrophoneHears(t *testing.T) {
	newCard(t, map[string]string{"default": mono, "usb": wide})
	for _, name := range []string{"", "wide"} { // as it is, and with another rate, format and channels
		t.Run(name, func(t *testing.T) {
			m := openMic(t, name)
			listen(t, m, 5)
			began := time.Now()
			heard := listen(t, m, 50)
			requireMostlyTone(t, heard, cardHertz, cardLoud)
			assert.Greater(t, time.Since(began), 700*time.Millisecond, "in real time")
			assert.NoError(t, m.Close())
			assert.ErrorIs(t, m.ReadSound(make([]int16, frameSamples*10)), errClosed)
		})
	}
}

func TestMicrophoneKeepsTheNewest(t *testing.T) {
	newCard(t, map[string]string{"default": mono})
	m := openMic(t, "")
	m.mu.Lock()
	m.waiting.push(constant(1, maxWaiting))
	m.mu.Unlock()
	full := func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.waiting.count == maxWaiting && m.waiting.ring[(m.waiting.first+maxWaiting/2)%maxWaiting] != 1
	}
	soon(t, "the oldest make room", full)
	assert.NotContains(t, listen(t, m, 5)[maxWaiting/2:], int16(1))
}

func TestMicrophoneClosedWhileRead(t *testing.T) {
	card := newCard(t, map[string]string{"default": mono})
	for range 10 {
		m := openMic(t, "")
		listen(t, m, 1)
		card.set("stalled")
		var reading sync.WaitGroup
		reading.Go(func() {
			for m.ReadSound(make([]int16, frameSamples)) == nil {
			}
		})
		require.NoError(t, m.Close())
		reading.Wait()
		require.NoError(t, m.Close(), "again")
		card.unset("stalled")
	}
}
