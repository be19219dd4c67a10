package sound

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// arrival is a frame: read returned at got, after waiting.
type arrival struct{ got, waited int } // ms

func TestPace(t *testing.T) {
	const skipped = -1
	steady := func(from, count int) (a []arrival) {
		for i := range count {
			a = append(a, arrival{from + 20*i, 20})
		}
		return a
	}
	atOnce := func(at, count int) []arrival {
		a := make([]arrival, count)
		for i := range a {
			a[i].got = at
		}
		return a
	}
	for name, test := range map[string]struct {
		arrivals []arrival
		at       []int // ms, or skipped
	}{
		"in time":                    {steady(0, 4), []int{0, 20, 40, 60}},
		"uneven, counted evenly":     {[]arrival{{0, 20}, {28, 28}, {35, 7}, {70, 35}, {80, 10}}, []int{0, 20, 40, 60, 80}},
		"five at a time each 100 ms": {append([]arrival{{100, 100}, {100, 0}, {100, 0}, {100, 0}, {100, 0}}, arrival{200, 100}, arrival{200, 0}, arrival{200, 0}, arrival{200, 0}), []int{100, 120, 140, skipped, skipped, 160, 180, 200, 220}},
		"old sound at the beginning": {append(atOnce(0, 6), steady(20, 3)...), []int{0, 20, 40, skipped, skipped, skipped, 60, 80, 100}},
		"held up, backlog":           {append(append(steady(0, 2), atOnce(240, 10)...), steady(240, 2)...), []int{0, 20, skipped, skipped, skipped, skipped, skipped, 140, 160, 180, 200, 220, 240, 260}},
		"sound is missing":           {append(steady(0, 2), steady(320, 3)...), []int{0, 20, 320, 340, 360}},
		"a little is missing":        {append(steady(0, 2), steady(120, 3)...), []int{0, 20, 40, 60, 80}},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			var p pace
			var at []int
			for _, a := range test.arrivals {
				got := began.Add(time.Duration(a.got) * time.Millisecond)
				if p.keep(got.Add(-time.Duration(a.waited)*time.Millisecond), got) {
					at = append(at, int(p.at.Sub(began)/time.Millisecond))
				} else {
					at = append(at, skipped)
				}
			}
			assert.Equal(t, test.at, at)
		})
	}
}
