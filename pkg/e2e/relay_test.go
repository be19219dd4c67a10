package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/tracing/tracingtest"
)

// relayOnly is a portal whose views all go through its own relay, on this machine.
const relayOnly = `
ice_policy: relay
metrics: 127.0.0.1:0
turn:
  udp: 127.0.0.1:0
  tcp: 127.0.0.1:0
  public_address: [127.0.0.1]
  allow_peers: [127.0.0.0/8]
`

// figure reads one of the portal's metrics, whatever its labels.
func (l *lab) figure(name string) int {
	l.t.Helper()
	n := figureIn(l.t, l.portal.figures(), name)
	require.GreaterOrEqual(l.t, n, 0.0, "%s is not told", name)
	return int(n)
}

// allocations is how many relayed addresses there are.
func (l *lab) allocations() int { return l.figure("seccam_relay_allocations") }

// With ice_policy relay no view is direct; what was allocated for it ends with it. Every log names the view alike,
// and what every program tells of it is one trace.
func TestRelayedView(t *testing.T) {
	collector := tracingtest.New(t)
	traced := "traces: {url: \"" + collector.URL + "\"}\n"
	l := newLabWith(t, "127.0.0.1", relayOnly+traced)
	c := l.provisionWith("testpattern", videoConfig+"metrics: 127.0.0.1:0\n"+traced)
	l.startCamera(c)
	person := l.signUp("owner", c)
	p := newPage(t)
	p.openAs(person, "/cameras/"+c.id)
	p.await(isLive)
	p.awaitAdvance(30)
	p.await(`document.querySelector('#player').dataset.path === 'relayed'`)
	p.screenshot("relayed")
	require.Positive(t, l.allocations())
	require.Positive(t, l.figure("seccam_portal_watched_total"))
	id := eval[string](p, `document.querySelector('#player').dataset.session`)
	requireTrace(t, collector, id, c.id)
	session := `.*session=` + id
	l.portal.await(`view began` + session)
	l.portal.await(`broker: session message` + session)
	c.process.await(`viewer arrives` + session)
	requireShippedFigures(t, l.portal.figures()+c.process.figures())
	p.click(`#diagnosis summary`)
	p.await(`document.querySelector('[data-verdict]').textContent.includes('goes through a relay')`)
	for check, want := range map[string]string{"stun": "unknown", "relay-udp": "good", "relay-tcp": "good", "relay-tls": "unknown", "there": "good"} {
		require.Equal(t, want, eval[string](p, `document.querySelector('[data-check="`+check+`"]').dataset.state`), check)
	}
	p.click(`#play`)
	p.await(`document.querySelector('#player').dataset.state === 'idle'`)
	p.open("about:blank")
	require.Eventually(t, func() bool { return l.allocations() == 0 }, patience, 50*time.Millisecond)
}
