package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// onLinks has a person's camera and portal on one host, and returns others for viewers.
func onLinks(t *testing.T, viewers int) (*camera, *client, []*host) {
	t.Helper()
	hosts := newLAN(t, viewers+1)
	l := newLabOn(t, hosts[0])
	c := l.provisionWith("testpattern", shippedVideo)
	l.startCamera(c)
	return c, l.signUp("owner", c), hosts[1:]
}

// One of five viewers has a link of 1 Mbit/s: he keeps a moving picture within 3 s, and the others keep
// theirs in full.
func TestWeakLinkHurtsOnlyItsViewer(t *testing.T) {
	c, person, hosts := onLinks(t, 2)
	weak, strong := hosts[0], hosts[1]
	const seconds = 20
	others := startHerd(t, person, herdPlan{Camera: c.id, Viewers: 4, Seconds: seconds}, strong.prefix()...)
	one := startHerd(t, person, herdPlan{Camera: c.id, Browser: true, Seconds: seconds}, weak.prefix()...)
	weak.limit("1mbit")
	for _, r := range others.reports() {
		t.Logf("strong: %+v", r)
		require.Equal(t, []string{"full"}, r.Qualities)
		require.Zero(t, r.Lost)
		require.Less(t, r.LongestGap, 1.0)
		require.Greater(t, r.Frames, 10*seconds, "a busy machine encodes fewer, for all of them")
	}
	r := one.reports()[0]
	t.Logf("weak: %+v", r)
	require.Less(t, r.LongestGap, 3.0, "a moving picture within 3 s")
	require.Greater(t, r.Frames, 10*seconds)
	require.Less(t, r.Width, 1280, "it is smaller")
}

func TestTwoPercentLoss(t *testing.T) { testLoss(t, 2, 1.0) }

func TestTenPercentLoss(t *testing.T) { testLoss(t, 10, 5.0) }

// testLoss watches through a link that loses packets at random. gap is the longest freeze allowed, in s.
func testLoss(t *testing.T, percent int, gap float64) {
	t.Helper()
	c, person, hosts := onLinks(t, 1)
	const seconds = 20
	hosts[0].lose(percent)
	one := startHerd(t, person, herdPlan{Camera: c.id, Browser: true, Seconds: seconds}, hosts[0].prefix()...)
	r := one.reports()[0]
	t.Logf("%d %% loss: %+v", percent, r)
	require.Less(t, r.LongestGap, gap)
	require.Greater(t, r.Frames, 10*seconds)
}
