package broker

import "runtime/debug"

const (
	trimAfter = 1000 // sessions begun or ended before memory is worth giving back
	quietLoad = 50   // fewer than this in a sweep interval: the wave is over
)

// trimmer decides when to give memory back to the system. When thousands of cameras lose their
// network and return, the dead connections are garbage at the same time as the new ones are made:
// the heap grows and the runtime would keep it for minutes. One collection after the wave undoes it.
type trimmer struct {
	churn, seen, trimmed uint64
}

// due takes the number of sessions begun and ended so far, once per sweep interval.
func (t *trimmer) due(churn uint64) bool {
	t.seen, t.churn = t.churn, churn
	quiet := t.churn-t.seen < quietLoad
	if !quiet || churn-t.trimmed < trimAfter {
		return false
	}
	t.trimmed = churn
	return true
}

// trim collects garbage and returns free pages.
func trim() { debug.FreeOSMemory() }
