package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // a camera's system may have no time zones
)

// MaxSpans bounds a schedule.
const MaxSpans = 24

// PrivacySettings say when a camera takes no picture and no sound. The zero value is never.
type PrivacySettings struct {
	// On is privacy now, until it is set to false; the schedule counts besides.
	On       bool          `json:"on"`
	Schedule []PrivacySpan `json:"schedule"`
	// Zone is the IANA time zone of the schedule, such as "Europe/Berlin"; required with a schedule.
	Zone string `json:"zone"`
}

// PrivacySpan is private from From to To, times of day as "HH:MM", on each day of Days. A To that is
// not after From is on the next day, so that equal ones are 24 hours.
type PrivacySpan struct {
	Days []string `json:"days"` // of [Days]: those on which the span begins
	From string   `json:"from"`
	To   string   `json:"to"`
}

// Days are the names of the days of the week.
var Days = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Weekday returns the day that one of [Days] names.
func Weekday(day string) (time.Weekday, bool) {
	i := slices.Index(Days, day)
	return time.Weekday((i + 1) % len(Days)), i >= 0
}

// ParseTimeOfDay reads "HH:MM" from 00:00 to 23:59 as minutes since midnight.
func ParseTimeOfDay(text string) (minutes int, ok bool) {
	at, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, false
	}
	return at.Hour()*60 + at.Minute(), true
}

// UnmarshalJSON implements [json.Unmarshaler]. Without "on" it is no setting: absent is not off.
func (s *PrivacySettings) UnmarshalJSON(data []byte) error {
	var fields struct {
		On       *bool         `json:"on"`
		Schedule []PrivacySpan `json:"schedule"`
		Zone     string        `json:"zone"`
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	if fields.On == nil {
		return errors.New("privacy settings: on is missing")
	}
	*s = PrivacySettings{On: *fields.On, Schedule: fields.Schedule, Zone: fields.Zone}
	return nil
}

// MarshalJSON implements [json.Marshaler]: an empty schedule is [] and not null.
func (s PrivacySettings) MarshalJSON() ([]byte, error) {
	type plain PrivacySettings
	if s.Schedule == nil {
		s.Schedule = []PrivacySpan{}
	}
	return json.Marshal(plain(s))
}

// Location returns the zone of the schedule; UTC if none is named.
func (s PrivacySettings) Location() (*time.Location, error) {
	if s.Zone == "Local" || len(s.Zone) > MaxText {
		return nil, errors.New("not an IANA time zone")
	}
	return time.LoadLocation(s.Zone)
}

// Problems says in words what is wrong, by field: "zone", "schedule", "schedule.0.days",
// "schedule.0.from", "schedule.0.to". It is empty if the settings can be used.
func (s PrivacySettings) Problems() map[string]string {
	found := map[string]string{}
	if _, err := s.Location(); err != nil || s.Zone == "" && len(s.Schedule) > 0 {
		found["zone"] = "Choose the time zone of the schedule, such as Europe/Berlin."
	}
	if len(s.Schedule) > MaxSpans {
		found["schedule"] = fmt.Sprintf("A schedule has at most %d times. Remove some.", MaxSpans)
		return found
	}
	for i, span := range s.Schedule {
		span.check(fmt.Sprintf("schedule.%d.", i), found)
	}
	return found
}

func (s PrivacySpan) check(prefix string, found map[string]string) {
	if len(s.Days) == 0 || len(s.Days) > len(Days) {
		found[prefix+"days"] = "Choose at least one day."
	}
	for _, day := range s.Days {
		if _, known := Weekday(day); !known {
			found[prefix+"days"] = "Days are mon, tue, wed, thu, fri, sat and sun."
		}
	}
	if _, ok := ParseTimeOfDay(s.From); !ok {
		found[prefix+"from"] = "Say when it begins, such as 22:00."
	}
	if _, ok := ParseTimeOfDay(s.To); !ok {
		found[prefix+"to"] = "Say when it ends, such as 07:00."
	}
}
