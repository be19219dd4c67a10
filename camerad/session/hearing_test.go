package session

import (
	"testing"
	"testing/synctest"
	"time"

	"seccam/pkg/signaling"

	"github.com/stretchr/testify/assert"
)

func TestHearing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hearing
		time.Sleep(2 * silenceTime)
		assert.False(t, h.silent(), "never heard of")
		h.note()
		time.Sleep(2 * silenceTime)
		h.note()
		time.Sleep(2 * silenceTime)
		assert.False(t, h.silent(), "not heard of often")
		h.note()
		time.Sleep(oftenTime - time.Millisecond)
		h.note()
		time.Sleep(silenceTime)
		assert.False(t, h.silent())
		time.Sleep(time.Millisecond)
		assert.True(t, h.silent())
	})
}

// Each time that a viewer falls silent, the camera doubts its network once.
func TestSilentViewersAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doubts := 0
		m := &Manager{cfg: Config{Silent: func() { doubts++ }}, sessions: map[signaling.SessionID]*entry{}}
		viewers := []*session{{}, {}, {}}
		for i, s := range viewers {
			m.sessions[sessionID(i)] = &entry{session: s}
		}
		listen := func(to ...*session) {
			for range 8 {
				for _, s := range to {
					s.heard.note()
				}
				time.Sleep(listenEvery)
				m.listenToAll()
			}
		}
		listen(viewers...)
		assert.Equal(t, 0, doubts)
		listen(viewers[0])
		assert.Equal(t, 1, doubts, "two at once")
		listen(viewers[:2]...)
		assert.Equal(t, 1, doubts)
		listen()
		assert.Equal(t, 2, doubts)
	})
}
