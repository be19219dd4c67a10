package broker

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
	"seccam/pkg/tracing"
	"seccam/pkg/tracing/tracingtest"
)

// A view's offer and answer are timed, and neither what follows them at once nor anything else that is published.
func TestTraces(t *testing.T) {
	collector := tracingtest.New(t)
	cfg := testConfig()
	cfg.Tracer = tracing.New(tracing.Config{URL: collector.URL}, tracing.Options{Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- cfg.Tracer.Run(ctx) }()
	require.Eventually(t, cfg.Tracer.Running, patience, time.Millisecond)
	f := start(t, cfg, nil)
	a, p := f.connectAs(t, camera(cameraA)), f.connectAs(t, portal("p1"))
	require.Equal(t, []byte{0}, a.subscribe(0, signaling.ToCameraFilter(cameraA)))
	require.Equal(t, []byte{0, 1}, append(p.subscribe(0, signaling.ToViewerFilter("p1")), p.subscribe(1, signaling.AllStatusFilter())...))
	for range 3 {
		p.publish(toCamera(cameraA, "p1"), "offer", 0, false)
		a.expect(packets.Publish)
		a.publish(toViewer(cameraA, "p1"), "answer", 0, false)
		p.expect(packets.Publish)
	}
	a.publish(signaling.StatusTopic(cameraA), "online", 0, false)
	p.expect(packets.Publish)
	require.NoError(t, f.stop())
	stop()
	require.NoError(t, <-ended)

	var names []string
	for _, span := range collector.Spans() {
		names = append(names, span.Service+" "+span.Name)
		require.Equal(t, string(viewer), span.Attributes["seccam.session"])
		require.False(t, span.Ended.Before(span.Began))
	}
	require.ElementsMatch(t, []string{"seccam-broker to-camera", "seccam-broker to-viewer"}, names)
}

func TestTransit(t *testing.T) {
	var known transit
	began := time.Unix(1000, 0)
	_, timed := known.left("a")
	require.False(t, timed, "nothing came")
	known.came("a", began)
	known.came("a", began.Add(time.Second))
	came, timed := known.left("a")
	require.True(t, timed)
	require.Equal(t, began, came)
	known.came("a", began.Add(2*time.Second))
	_, timed = known.left("a")
	require.False(t, timed, "it follows the first one")
	known.came("a", began.Add(3*transitTime))
	_, timed = known.left("a")
	require.False(t, timed, "it is remembered once more")
	known.came("a", began.Add(6*transitTime))
	_, timed = known.left("a")
	require.True(t, timed)
}
