package session

import (
	"testing"
	"time"

	"seccam/pkg/signaling"
	"seccam/pkg/tracing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// told is what traces were told, in order.
type told chan tracing.Stage

func (s told) Stage(session string, stage tracing.Stage) {
	if session == string(sessionID(1)) {
		s <- stage
	}
}

// Each stage is told once, and begins where the one before ended.
func TestStagesOfAView(t *testing.T) {
	traces := make(told, 16)
	r := newRig(t, smallVideo(), func(cfg *Config) { cfg.Traces = traces })
	v := r.newViewer(sessionID(1))
	v.call(nil)
	next(t, "key frame", v.keys)
	var last time.Time
	for _, name := range []string{"offer", "ice", "dtls", "first-packet"} {
		stage := next(t, name, traces)
		require.Equal(t, tracing.Camera, stage.Service)
		require.Equal(t, name, stage.Name)
		require.Empty(t, stage.Refused)
		require.False(t, stage.Ended.Before(stage.Began), name)
		if !last.IsZero() {
			assert.Equal(t, last, stage.Began, name)
		}
		last = stage.Ended
	}
	v.bye()
	r.awaitViewers(0)
	require.Empty(t, traces)
}

func TestStagesOfARefusedOffer(t *testing.T) {
	traces := make(told, 16)
	r := newRig(t, smallVideo(), func(cfg *Config) { cfg.Traces = traces })
	r.deliver(signaling.Message{Type: signaling.TypeOffer, Session: sessionID(1), SDP: "this is none"})
	stage := next(t, "offer", traces)
	require.Equal(t, "offer", stage.Name)
	require.Equal(t, string(signaling.CodeBadMessage), stage.Refused)
	r.expectError(sessionID(1), signaling.CodeBadMessage)
}
