package web

import (
	"fmt"
	"net/url"
	"slices"

	"seccam/pkg/signaling"
	"seccam/portal/account"
)

// hoursRow is one line of the form's hours.
type hoursRow struct {
	N    int
	Days []dayBox
	From string
	To   string
}

type dayBox struct {
	Value, Short, Name string
	On                 bool
}

var dayNames = map[string]string{
	"mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}

// hoursRows are the lines of a form: what there is, and an empty one.
func hoursRows(hours []signaling.PrivacySpan) (rows []hoursRow) {
	for n, span := range append(slices.Clone(hours), signaling.PrivacySpan{}) {
		row := hoursRow{N: n, From: span.From, To: span.To}
		for _, day := range signaling.Days {
			row.Days = append(row.Days, dayBox{day, dayNames[day][:2], dayNames[day], slices.Contains(span.Days, day)})
		}
		rows = append(rows, row)
	}
	return rows
}

// hoursForm is the part of a form about hours, for the template in parts.html.
type hoursForm struct {
	Form filledForm
	Rows []hoursRow
}

func newHoursForm(f filledForm, rows []hoursRow) hoursForm { return hoursForm{f, rows} }

// Fields are the fields of a line, as refusals name them.
func (hoursForm) Fields(n int) (names []string) {
	for _, field := range []string{"days", "from", "to"} {
		names = append(names, fmt.Sprintf("%s.%d.%s", account.FieldHours, n, field))
	}
	return names
}

// formHours reads the lines; one in which nothing was typed is none.
func formHours(values url.Values) (hours []signaling.PrivacySpan) {
	for n := range signaling.MaxSpans + 1 {
		prefix := fmt.Sprintf("hours.%d.", n)
		span := signaling.PrivacySpan{Days: values[prefix+"days"], From: values.Get(prefix + "from"), To: values.Get(prefix + "to")}
		if len(span.Days) > 0 || span.From != "" || span.To != "" {
			hours = append(hours, span)
		}
	}
	return hours
}

// hoursText says when, such as "Mo Tu 09:00–17:00; Sa 10:00–12:00".
func hoursText(hours []signaling.PrivacySpan) (text string) {
	for i, span := range hours {
		if i > 0 {
			text += "; "
		}
		for _, day := range signaling.Days {
			if slices.Contains(span.Days, day) {
				text += dayNames[day][:2] + " "
			}
		}
		text += span.From + "–" + span.To
	}
	return text
}
