package signaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func zone(t require.TestingT, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// moment reads "2006-01-02 15:04 -0700".
func moment(t require.TestingT, text string) time.Time {
	at, err := time.Parse("2006-01-02 15:04 -0700", text)
	require.NoError(t, err)
	return at
}

func span(from, to string, days ...string) PrivacySpan {
	return PrivacySpan{Days: days, From: from, To: to}
}

func TestSchedule(t *testing.T) {
	every := Days
	night := []PrivacySpan{span("22:00", "07:00", every...)}
	weekend := []PrivacySpan{span("22:00", "07:00", "fri"), span("09:00", "17:00", "sat", "sun")}
	for _, tc := range []struct {
		name, zone string
		spans      []PrivacySpan
		now        string
		private    bool
		until      string // "" is for ever
	}{
		// 2026-03-02 is a Monday.
		{"before", "UTC", []PrivacySpan{span("09:00", "17:00", "mon")}, "2026-03-02 08:59 +0000", false, "2026-03-02 09:00 +0000"},
		{"its first minute", "UTC", []PrivacySpan{span("09:00", "17:00", "mon")}, "2026-03-02 09:00 +0000", true, "2026-03-02 17:00 +0000"},
		{"its last minute", "UTC", []PrivacySpan{span("09:00", "17:00", "mon")}, "2026-03-02 16:59 +0000", true, "2026-03-02 17:00 +0000"},
		{"its end", "UTC", []PrivacySpan{span("09:00", "17:00", "mon")}, "2026-03-02 17:00 +0000", false, "2026-03-09 09:00 +0000"},
		{"in another zone", "America/New_York", []PrivacySpan{span("09:00", "17:00", "mon")}, "2026-03-02 14:00 +0000", true, "2026-03-02 22:00 +0000"},
		{"over midnight, in the evening", "UTC", night, "2026-03-02 23:00 +0000", true, "2026-03-03 07:00 +0000"},
		{"over midnight, in the morning", "UTC", night, "2026-03-02 06:59 +0000", true, "2026-03-02 07:00 +0000"},
		{"over midnight, by day", "UTC", night, "2026-03-02 12:00 +0000", false, "2026-03-02 22:00 +0000"},
		{"the day on which it begins counts", "UTC", weekend, "2026-03-07 06:59 +0000", true, "2026-03-07 07:00 +0000"},
		{"not the day after", "UTC", weekend, "2026-03-06 06:59 +0000", false, "2026-03-06 22:00 +0000"},
		{"the next of several", "UTC", weekend, "2026-03-07 08:00 +0000", false, "2026-03-07 09:00 +0000"},
		{"those that touch are one", "UTC", []PrivacySpan{span("08:00", "12:00", "mon"), span("12:00", "13:00", "mon")}, "2026-03-02 09:00 +0000", true, "2026-03-02 13:00 +0000"},
		{"those that overlap are one", "UTC", []PrivacySpan{span("08:00", "12:00", "mon"), span("10:00", "11:00", "mon"), span("11:00", "14:00", "mon")}, "2026-03-02 09:00 +0000", true, "2026-03-02 14:00 +0000"},
		{"over midnight into the next day's", "UTC", []PrivacySpan{span("20:00", "00:00", "mon"), span("00:00", "03:00", "tue")}, "2026-03-02 21:00 +0000", true, "2026-03-03 03:00 +0000"},
		{"24 hours", "UTC", []PrivacySpan{span("06:00", "06:00", "mon")}, "2026-03-03 05:59 +0000", true, "2026-03-03 06:00 +0000"},
		{"always", "UTC", []PrivacySpan{span("00:00", "00:00", every...)}, "2026-03-02 12:00 +0000", true, ""},
		{"always, in two halves", "UTC", []PrivacySpan{span("00:00", "12:00", every...), span("12:00", "00:00", every...)}, "2026-03-02 12:00 +0000", true, ""},
		{"always but for a minute", "UTC", []PrivacySpan{span("00:00", "00:00", "mon", "tue", "wed", "thu", "fri", "sat"), span("00:01", "00:00", "sun")}, "2026-03-02 12:00 +0000", true, "2026-03-08 00:00 +0000"},
		{"a week away", "UTC", []PrivacySpan{span("09:00", "09:01", "mon")}, "2026-03-02 09:01 +0000", false, "2026-03-09 09:00 +0000"},
		{"none", "UTC", nil, "2026-03-02 12:00 +0000", false, ""},

		// Berlin goes from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.
		{"the night that is an hour shorter", "Europe/Berlin", night, "2026-03-29 02:30 +0100", true, "2026-03-29 07:00 +0200"},
		{"the night that is an hour longer", "Europe/Berlin", night, "2026-10-25 01:00 +0200", true, "2026-10-25 07:00 +0100"},
		{"begins at a time that is skipped", "Europe/Berlin", []PrivacySpan{span("02:30", "05:00", "sun")}, "2026-03-29 01:59 +0100", false, "2026-03-29 03:00 +0200"},
		{"ends at a time that is skipped", "Europe/Berlin", []PrivacySpan{span("01:00", "02:30", "sun")}, "2026-03-29 01:30 +0100", true, "2026-03-29 03:00 +0200"},
		{"all of it is skipped", "Europe/Berlin", []PrivacySpan{span("02:10", "02:50", "sun")}, "2026-03-29 01:59 +0100", false, "2026-04-05 02:10 +0200"},
		{"begins at a time that comes twice", "Europe/Berlin", []PrivacySpan{span("02:30", "05:00", "sun")}, "2026-10-25 02:15 +0200", false, "2026-10-25 02:30 +0200"},
		{"within the time that comes twice", "Europe/Berlin", []PrivacySpan{span("02:30", "05:00", "sun")}, "2026-10-25 02:10 +0100", true, "2026-10-25 05:00 +0100"},
		{"ends at a time that comes twice", "Europe/Berlin", []PrivacySpan{span("01:00", "02:30", "sun")}, "2026-10-25 02:45 +0200", true, "2026-10-25 02:30 +0100"},
		{"half an hour's change", "Australia/Lord_Howe", []PrivacySpan{span("01:00", "01:45", "sun")}, "2026-04-05 01:50 +1100", true, "2026-04-05 01:45 +1030"},
		{"a day that was skipped", "Pacific/Apia", []PrivacySpan{span("09:00", "17:00", "fri")}, "2011-12-29 20:00 -1000", false, "2012-01-06 09:00 +1400"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			private, until := InSchedule(tc.spans, zone(t, tc.zone), moment(t, tc.now))
			assert.Equal(t, tc.private, private)
			if tc.until == "" {
				assert.Zero(t, until)
				return
			}
			assert.True(t, moment(t, tc.until).Equal(until), "until %v", until)
		})
	}
}

// slow judges by looking at every minute around now on a clock on the wall. A span begins with the
// first minute at which the clock has come to its begin; it ends with the last at which the clock shows
// its end, or if it never does, with the first at which the clock is beyond for good.
func slow(spans []PrivacySpan, loc *time.Location, now time.Time) bool {
	year, month, today := now.In(loc).Date()
	for day := today - 2; day <= today+1; day++ {
		date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		for _, span := range spans {
			if begins(span, date.Weekday()) && during(span, date, loc, now) {
				return true
			}
		}
	}
	return false
}

func during(span PrivacySpan, date time.Time, loc *time.Location, now time.Time) bool {
	from, _ := ParseTimeOfDay(span.From)
	to, _ := ParseTimeOfDay(span.To)
	if to <= from {
		to += 24 * 60
	}
	begin, end := date.Add(time.Duration(from)*time.Minute), date.Add(time.Duration(to)*time.Minute)
	began, shown, beyond := false, time.Time{}, time.Time{}
	for at := now.Add(-52 * time.Hour); at.Before(now.Add(30 * time.Hour)); at = at.Add(time.Minute) {
		_, offset := at.In(loc).Zone()
		clock := at.UTC().Add(time.Duration(offset) * time.Second)
		began = began || !at.After(now) && !clock.Before(begin)
		if clock.Equal(end) {
			shown = at
		}
		if clock.Before(end) {
			beyond = at.Add(time.Minute)
		}
	}
	if shown.IsZero() {
		shown = beyond
	}
	return began && now.Before(shown)
}

func drawSchedule(t *rapid.T) []PrivacySpan {
	minute := rapid.Custom(func(t *rapid.T) string {
		return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, "h"), rapid.SampledFrom([]int{0, 1, 15, 30, 59}).Draw(t, "m"))
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) PrivacySpan {
		days := rapid.SliceOfNDistinct(rapid.SampledFrom(Days), 1, 7, rapid.ID[string]).Draw(t, "days")
		return PrivacySpan{Days: days, From: minute.Draw(t, "from"), To: minute.Draw(t, "to")}
	}), 1, 4).Draw(t, "schedule")
}

// Around changes of the clocks and elsewhere the schedule agrees with a clock on the wall, and "until"
// is the next moment at which the answer is another.
func TestScheduleAgreesWithAClockOnTheWall(t *testing.T) {
	changes := map[string][]string{
		"Europe/Berlin":       {"2026-03-29 01:00 +0000", "2026-10-25 01:00 +0000", "2026-06-10 12:00 +0000"},
		"America/New_York":    {"2026-03-08 07:00 +0000", "2026-11-01 06:00 +0000"},
		"Australia/Lord_Howe": {"2026-04-04 15:00 +0000", "2026-10-03 15:30 +0000"},
		"America/Sao_Paulo":   {"2018-11-04 03:00 +0000", "2018-02-18 02:00 +0000"}, // at midnight
		"Africa/Casablanca":   {"2026-02-15 02:00 +0000", "2026-03-22 02:00 +0000"},
		"Asia/Kolkata":        {"2026-05-01 00:00 +0000"},
		"UTC":                 {"2026-05-01 00:00 +0000"},
	}
	var names []string
	for name := range changes {
		names = append(names, name)
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(names).Draw(rt, "zone")
		loc := zone(rt, name)
		now := moment(rt, rapid.SampledFrom(changes[name]).Draw(rt, "change")).Add(time.Duration(rapid.IntRange(-40*60, 40*60).Draw(rt, "minutes")) * time.Minute)
		spans := drawSchedule(rt)
		private, until := InSchedule(spans, loc, now)
		require.Equal(rt, slow(spans, loc, now), private)
		if until.IsZero() {
			return
		}
		require.True(rt, until.After(now))
		after, _ := InSchedule(spans, loc, until)
		before, _ := InSchedule(spans, loc, until.Add(-time.Minute))
		require.NotEqual(rt, private, after)
		require.Equal(rt, private, before)
	})
}
