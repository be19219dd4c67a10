package sound

import "time"

// How far the count of frames may be from the clock before frames are skipped: ahead, since a source
// that gives several at once seems to be, and behind.
const (
	maxAhead = 40 * time.Millisecond
	maxLag   = 100 * time.Millisecond
)

// pace dates frames by counting them, since receivers take each irregular step for a loss, and corrects
// the count when it departs from the clock.
type pace struct {
	at time.Time // when the last frame ended
}

// keep counts the frame that was asked for and got then, and reports whether it is fresh.
func (p *pace) keep(asked, got time.Time) bool {
	if p.at.IsZero() {
		p.at = got
		return true
	}
	due := p.at.Add(frameTime)
	late := got.Sub(due)
	if late < -maxAhead { // more sound than time has passed: the source began with old sound
		return false
	}
	behind := late > maxLag
	backlog := behind && got.Sub(asked) < frameTime/2 // a live frame must be waited for
	if behind && !backlog {                           // what is missing does not come any more
		due = got
	}
	p.at = due
	return !backlog
}
