package congestion

import "time"

// silenceLimit is for how long feedback may be missing while packets are sent. Each time that it has
// passed the bitrate is halved: the way back, or all of the path, is dead or jammed.
const silenceLimit = time.Second

// pauseLimit is how much of a pause in sending counts as sending.
const pauseLimit = silenceLimit / 2

// silence measures for how long feedback is missing. The zero value is ready.
type silence struct {
	waiting       bool
	since, latest time.Duration // of the packets sent since the latest feedback
	halved        int
}

// sent takes the time of each packet and reports whether to halve the bitrate.
func (s *silence) sent(now time.Duration) bool {
	if !s.waiting {
		*s = silence{waiting: true, since: now, latest: now}
	}
	s.since += max(0, now-s.latest-pauseLimit)
	s.latest = now
	if now-s.since < time.Duration(s.halved+1)*silenceLimit {
		return false
	}
	s.halved++
	return true
}

func (s *silence) heard() { s.waiting = false }

// length is up to the latest packet.
func (s *silence) length() time.Duration {
	if !s.waiting {
		return 0
	}
	return s.latest - s.since
}

// arrivalClock extends the reference time of reports, which wraps every 12 days. The zero value is
// ready.
type arrivalClock struct {
	started bool
	latest  uint32
	ticks   int64
}

// unwrap returns a time on the receiver's clock. A reference may be a little before the latest one.
func (c *arrivalClock) unwrap(reference uint32) time.Duration {
	if !c.started {
		c.started, c.latest, c.ticks = true, reference, int64(reference)
	}
	step := int64(int32((reference-c.latest)<<8) >> 8)
	if step > 0 {
		c.latest, c.ticks = reference, c.ticks+step
		step = 0
	}
	return time.Duration(c.ticks+step) * referenceUnit
}
