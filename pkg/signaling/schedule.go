package signaling

import (
	"slices"
	"time"
)

// interval is a time of a schedule, begin included, end not.
type interval struct{ begin, end time.Time }

// The days around today whose spans matter: one may have begun yesterday, and what begins within a
// week is the next.
const daysBefore, daysAfter = 2, 9

// endless is how long an interval is at least that never ends: every week is the same.
const endless = 8 * 24 * time.Hour

// InSchedule reports whether a weekly schedule holds at now, and until when that stays so; the zero time is
// for ever. The spans must have no problems (see [PrivacySettings.Problems]). Privacy mode goes by it, and
// the hours of those with whom a camera is shared.
func InSchedule(spans []PrivacySpan, zone *time.Location, now time.Time) (active bool, until time.Time) {
	for _, i := range intervals(spans, zone, now) {
		switch {
		case !i.end.After(now):
		case i.begin.After(now):
			return false, i.begin
		case i.end.Sub(now) >= endless:
			return true, time.Time{}
		default:
			return true, i.end
		}
	}
	return false, time.Time{}
}

// intervals returns the schedule's times around now in order; those that touch are one.
func intervals(spans []PrivacySpan, zone *time.Location, now time.Time) (merged []interval) {
	var all []interval
	year, month, today := now.In(zone).Date()
	for day := today - daysBefore; day <= today+daysAfter; day++ {
		weekday := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()
		for _, span := range spans {
			if !begins(span, weekday) {
				continue
			}
			from, _ := ParseTimeOfDay(span.From)
			to, _ := ParseTimeOfDay(span.To)
			if to <= from {
				to += 24 * 60
			}
			begin, _ := instants(time.Date(year, month, day, 0, from, 0, 0, time.UTC), zone)
			_, end := instants(time.Date(year, month, day, 0, to, 0, 0, time.UTC), zone)
			if end.After(begin) { // not if the change of the clocks skips all of it
				all = append(all, interval{begin, end})
			}
		}
	}
	slices.SortFunc(all, func(a, b interval) int { return a.begin.Compare(b.begin) })
	for _, i := range all {
		last := len(merged) - 1
		if last >= 0 && !i.begin.After(merged[last].end) {
			merged[last].end = later(merged[last].end, i.end)
			continue
		}
		merged = append(merged, i)
	}
	return merged
}

func begins(span PrivacySpan, weekday time.Weekday) bool {
	return slices.ContainsFunc(span.Days, func(name string) bool {
		day, known := Weekday(name)
		return known && day == weekday
	})
}

// instants returns the first and the last moment at which clocks in zone show the date and time that
// wall has in UTC: the same one, but where clocks are set back. A time that clocks skip is the moment
// at which they do.
func instants(wall time.Time, zone *time.Location) (first, last time.Time) {
	year, month, day := wall.Date()
	near := time.Date(year, month, day, wall.Hour(), wall.Minute(), 0, 0, zone)
	start, end := near.ZoneBounds() // of the zone's offset at near; zero without a bound
	for _, moment := range []time.Time{near, start.Add(-time.Second), end} {
		_, offset := moment.In(zone).Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if _, actual := candidate.Zone(); actual != offset {
			continue
		}
		if first.IsZero() || candidate.Before(first) {
			first = candidate
		}
		last = later(last, candidate)
	}
	if first.IsZero() {
		first = nearest(near, start, end)
		last = first
	}
	return first, last
}

func nearest(to, a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && to.Sub(a) < b.Sub(to) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
