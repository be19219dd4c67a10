package sound

const (
	// coverTime is how long lost sound is covered up, in samples; it fades meanwhile.
	coverTime = Rate * 60 / 1000
	// joinTime is how long the change to what is really heard takes, in samples.
	joinTime = Rate * 5 / 2000
	// pastTime is how much of the past the cover is made of, in samples.
	pastTime = Rate * 20 / 1000
)

// concealer covers up lost sound with that before it, played backwards, then forwards, and so on: there
// is no step where the directions change.
type concealer struct {
	past    [pastTime]int16 // the latest that was heard
	known   int             // how much of it
	covered int             // samples since something real was heard
	out     [coverTime]int16
}

// cover returns sound for missing samples, or as many as can be covered up. It is valid until the next
// call.
func (c *concealer) cover(missing int) []int16 {
	n := max(0, min(missing, coverTime-c.covered))
	for i := range n {
		c.out[i] = c.at(c.covered + i)
	}
	c.covered += n
	return c.out[:n]
}

// at returns the n-th sample of the cover.
func (c *concealer) at(n int) int16 {
	if c.known == 0 || n >= coverTime {
		return 0
	}
	back := n % (2 * c.known)
	if back >= c.known {
		back = 2*c.known - 1 - back
	}
	return int16(int(c.past[pastTime-1-back]) * (coverTime - n) / coverTime)
}

// follow is told of what is really heard, and makes its beginning follow from the cover before it.
func (c *concealer) follow(samples []int16) {
	if c.covered > 0 {
		for i := range min(joinTime, len(samples)) {
			samples[i] = int16((int(samples[i])*i + int(c.at(c.covered+i))*(joinTime-i)) / joinTime)
		}
	}
	c.covered = 0
	newest := samples[max(0, len(samples)-pastTime):]
	copy(c.past[:], c.past[len(newest):])
	copy(c.past[pastTime-len(newest):], newest)
	c.known = min(pastTime, c.known+len(newest))
}
