package privacy

import (
	"time"

	"seccam/pkg/signaling"
)

// Why privacy mode is on.
type Why string

// The reasons; an inactive state has none.
const (
	WhySwitch   Why = "switch"   // the owner switched it on
	WhySchedule Why = "schedule" // the schedule says so
	WhyClock    Why = "clock"    // there is a schedule, and the time is not known yet
	WhyDamaged  Why = "damaged"  // the saved settings cannot be read
)

// State is what the settings mean at a moment.
type State struct {
	Active bool
	Until  time.Time // when Active changes by itself, in the schedule's zone; zero if it does not
	Why    Why
	// Detail goes on with the sentence "Privacy mode is on", or off; it may be empty.
	Detail string
}

// Text says the state in words.
func (s State) Text() string {
	text := "Privacy mode is off"
	if s.Active {
		text = "Privacy mode is on"
	}
	if s.Detail != "" {
		text += " " + s.Detail
	}
	return text
}

func (s State) equal(other State) bool {
	return s.Active == other.Active && s.Why == other.Why && s.Detail == other.Detail && s.Until.Equal(other.Until)
}

// judge says what settings mean at now. zone is the schedule's; nil stands for settings that could not
// be read.
func judge(settings Settings, zone *time.Location, clockKnown bool, now time.Time) State {
	switch {
	case zone == nil:
		return State{Active: true, Why: WhyDamaged, Detail: "because the camera's saved settings were damaged; set them again"}
	case settings.On:
		return State{Active: true, Why: WhySwitch}
	case len(settings.Schedule) == 0:
		return State{}
	case !clockKnown:
		return State{Active: true, Why: WhyClock, Detail: "until the camera knows the time"}
	}
	private, until := signaling.InSchedule(settings.Schedule, zone, now)
	s := State{Active: private, Until: until}
	if private {
		s.Why = WhySchedule
	}
	if !until.IsZero() {
		s.Until = until.In(zone)
		s.Detail = "until " + timeOfDay(s.Until, now.In(zone))
	}
	return s
}

// timeOfDay is the time in words, with the day if that is not today.
func timeOfDay(at, now time.Time) string {
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("Monday 15:04")
}
