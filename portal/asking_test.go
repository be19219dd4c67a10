package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/portal/presence"
)

// Who wants to know of a camera of which nothing was heard has it asked, now and then.
func TestCamerasThatNobodyHeardOfAreAsked(t *testing.T) {
	now := time.Now()
	a := newAsking(presence.New(nil, func(string) {}, func() time.Time { return now }, slog.New(slog.DiscardHandler)))
	waiting := func() (n int) {
		n = len(a.asks)
		for range n {
			<-a.asks
		}
		return n
	}
	require.False(t, a.Of("c").Online)
	a.Of("c")
	require.Equal(t, 1, waiting(), "once for all who look at the same time")
	require.True(t, a.due("c", now.Add(2*askAgain)))

	a.Handle("c", signaling.EncodeStatus(signaling.Status{Online: true, Boot: "b", At: now.UnixMilli()}))
	require.True(t, a.Of("c").Online)
	a.Handle("off", signaling.EncodeStatus(signaling.Status{Boot: "b", Reason: signaling.OfflineShutdown, At: now.UnixMilli()}))
	require.False(t, a.Of("off").Online)
	require.Zero(t, waiting(), "a camera that said that it leaves is not asked")
	for i := range 2 * askedMost {
		a.due(string(rune(i))+"x", now)
	}
	require.LessOrEqual(t, len(a.asked), askedMost)
}
