package whep

import (
	"errors"
	"slices"
	"strings"

	"seccam/pkg/signaling"
)

// ErrBadOffer means that a request's body is not an SDP offer of a viewer.
var ErrBadOffer = errors.New("the body is not an SDP offer with media and ICE credentials")

// description is an SDP description by its lines: of them, only what ICE needs is looked at here. The
// camera reads the rest.
type description []string

// parseOffer checks that an offer can be one.
func parseOffer(text string) (description, error) {
	d := description(lines(text))
	c := d.credentials()
	if len(d) == 0 || d[0] != "v=0" || d.media(0) == len(d) || c.ufrag == "" || c.pwd == "" {
		return nil, ErrBadOffer
	}
	return d, nil
}

func (d description) String() string { return strings.Join(d, "\r\n") + "\r\n" }

// media returns the index of the next m-line from an index on; len(d) is none.
func (d description) media(from int) int {
	for i := from; i < len(d); i++ {
		if strings.HasPrefix(d[i], "m=") {
			return i
		}
	}
	return len(d)
}

// first returns the first section whose media was accepted, as the indexes of its m-line and its end. All
// media travel with it (BUNDLE).
func (d description) first() (begin, end int) {
	for i := d.media(0); i < len(d); i = d.media(i + 1) {
		if fields := strings.Fields(d[i]); len(fields) > 1 && fields[1] != "0" {
			return i, d.media(i + 1)
		}
	}
	return d.media(0), d.media(d.media(0) + 1)
}

// credentials returns the first ones.
func (d description) credentials() (c credentials) {
	for _, line := range d {
		switch name, value := attribute(line); {
		case name == "ice-ufrag" && c.ufrag == "":
			c.ufrag = value
		case name == "ice-pwd" && c.pwd == "":
			c.pwd = value
		}
	}
	return c
}

// with returns the description with other credentials and without candidates: the offer that a browser
// would make for an ICE restart.
func (d description) with(c credentials) description {
	changed := make(description, 0, len(d))
	for _, line := range d {
		switch name, _ := attribute(line); name {
		case "candidate", "end-of-candidates":
			continue
		case "ice-ufrag":
			line = "a=ice-ufrag:" + c.ufrag
		case "ice-pwd":
			line = "a=ice-pwd:" + c.pwd
		}
		changed = append(changed, line)
	}
	return changed
}

// complete returns the description with the camera's candidates in it.
func (d description) complete(g gathered) description {
	_, end := d.first()
	return slices.Insert(slices.Clone(d), end, g.lines()...)
}

// fragment returns what an ICE restart is answered with.
func (d description) fragment(g gathered) description {
	c := d.credentials()
	f := description{"a=ice-ufrag:" + c.ufrag, "a=ice-pwd:" + c.pwd}
	begin, end := d.first()
	for i := begin; i < end; i++ {
		if name, _ := attribute(d[i]); i == begin || name == "mid" {
			f = append(f, d[i])
		}
	}
	return append(f, g.lines()...)
}

// gathered is what a camera said to an offer.
type gathered struct {
	answer     string
	candidates []string
	complete   bool // there are no more candidates
}

// add takes one candidate, as long as there are not absurdly many.
func (g *gathered) add(c signaling.Candidate) {
	if g.complete = c.Candidate == ""; !g.complete && len(g.candidates) < maxCandidates {
		g.candidates = append(g.candidates, c.Candidate)
	}
}

func (g *gathered) lines() (all []string) {
	for _, c := range g.candidates {
		all = append(all, "a="+c)
	}
	if g.complete {
		all = append(all, "a=end-of-candidates")
	}
	return all
}
