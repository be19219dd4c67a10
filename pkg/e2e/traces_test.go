package e2e

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/tracing/tracingtest"
)

// stagesOfAView are those of one that begins as it should: with the one that each is in, and in the order in which each
// service goes through them.
var stagesOfAView = []struct{ service, name, parent string }{
	{"seccam-browser", "view", ""},
	{"seccam-browser", "prepare", "view"}, {"seccam-browser", "answer", "view"}, {"seccam-browser", "connect", "view"}, {"seccam-browser", "picture", "view"},
	{"seccam-portal", "offer", "view"}, {"seccam-portal", "allow", "offer"}, {"seccam-portal", "publish", "offer"}, {"seccam-portal", "answer", "view"},
	{"seccam-broker", "to-camera", "view"}, {"seccam-broker", "to-viewer", "view"},
	{"seccam-camera", "offer", "view"}, {"seccam-camera", "ice", "view"}, {"seccam-camera", "dtls", "view"}, {"seccam-camera", "first-packet", "view"},
}

// requireTrace looks for what the programs tell of a session: all in one trace, each in its place and order, and nothing
// that is nobody's business.
func requireTrace(t *testing.T, c *tracingtest.Collector, session, camera string) {
	t.Helper()
	of := func(all []tracingtest.Span) (spans []tracingtest.Span) {
		return slices.DeleteFunc(all, func(s tracingtest.Span) bool { return s.Attributes["seccam.session"] != session })
	}
	spans := of(c.Await(t, patience, func(all []tracingtest.Span) bool { return len(of(all)) >= len(stagesOfAView) }))
	require.Len(t, spans, len(stagesOfAView), "%+v", spans)
	find := func(service, name string) tracingtest.Span {
		i := slices.IndexFunc(spans, func(s tracingtest.Span) bool { return s.Service == service && s.Name == name })
		require.GreaterOrEqual(t, i, 0, "%s %s is missing", service, name)
		return spans[i]
	}
	view := find("seccam-browser", "view")
	var before tracingtest.Span
	for _, stage := range stagesOfAView {
		span := find(stage.service, stage.name)
		require.Equal(t, view.Trace, span.Trace, stage)
		require.Empty(t, span.Error, stage)
		require.False(t, span.Ended.Before(span.Began), stage)
		switch stage.parent {
		case "":
			require.Empty(t, span.Parent)
		case "view":
			require.Equal(t, view.ID, span.Parent, stage)
		default:
			require.Equal(t, find(stage.service, stage.parent).ID, span.Parent, stage)
		}
		if before.Service == span.Service {
			require.False(t, span.Began.Before(before.Began), "%s comes after %s", stage, before.Name)
		}
		before = span
		names := slices.Sorted(maps.Keys(span.Attributes))
		assert.Subset(t, []string{"seccam.camera", "seccam.session"}, names, "what a trace tells is known")
	}
	require.Equal(t, camera, view.Attributes["seccam.camera"])
	require.False(t, find("seccam-portal", "answer").Began.Before(find("seccam-portal", "offer").Began))
	require.False(t, view.Ended.Before(find("seccam-portal", "answer").Began), "the first frame follows the answer")
}
