package whep

import (
	"errors"
	"fmt"
	"strings"

	"seccam/pkg/signaling"
)

// ErrBadFragment means that a request's body is not an SDP fragment.
var ErrBadFragment = errors.New("the body is not an SDP fragment (RFC 8840) with ICE credentials or candidates")

// Limits of a fragment.
const (
	maxCandidates = 64
	maxCredential = 256 // characters (RFC 8839 section 5.4)
)

// credentials are one end's ICE user name and password.
type credentials struct{ ufrag, pwd string }

// fragment is an SDP fragment (RFC 8840 section 9): ICE credentials, and candidates, the last of which may
// be their end.
type fragment struct {
	credentials
	candidates []signaling.Candidate
}

// parseFragment reads a fragment. Attributes that it does not know are skipped.
func parseFragment(text string) (fragment, error) {
	var f fragment
	var mid *string
	index := -1 // of the m-line
	for _, line := range lines(text) {
		switch name, value := attribute(line); {
		case strings.HasPrefix(line, "m="):
			index, mid = index+1, nil
		case name == "":
			return fragment{}, fmt.Errorf("%w: unexpected line %.40q", ErrBadFragment, line)
		case name == "mid":
			mid = &value
		case name == "ice-ufrag" && f.ufrag == "":
			f.ufrag = value
		case name == "ice-pwd" && f.pwd == "":
			f.pwd = value
		case name == "candidate":
			// MediaMTX's client writes "candidate:" twice.
			f.add("candidate:"+strings.TrimPrefix(value, "candidate:"), mid, index)
		case name == "end-of-candidates":
			f.add("", mid, index)
		}
	}
	return f, f.check()
}

func (f *fragment) add(candidate string, mid *string, index int) {
	line := uint16(max(index, 0)) // some leave the m-line out
	f.candidates = append(f.candidates, signaling.Candidate{Candidate: candidate, SDPMid: mid, SDPMLineIndex: &line})
}

func (f *fragment) check() error {
	switch {
	case (f.ufrag == "") != (f.pwd == ""), len(f.ufrag) > maxCredential, len(f.pwd) > maxCredential,
		f.ufrag == "" && len(f.candidates) == 0:
		return ErrBadFragment
	case len(f.candidates) > maxCandidates:
		return fmt.Errorf("%w: over %d candidates", ErrBadFragment, maxCandidates)
	}
	for _, c := range f.candidates {
		if len(c.Candidate) > signaling.MaxCandidate {
			return fmt.Errorf("%w: a candidate of over %d bytes", ErrBadFragment, signaling.MaxCandidate)
		}
	}
	return nil
}

// restarts reports whether the fragment begins another ICE session than that of these credentials.
func (f *fragment) restarts(now credentials) bool {
	return f.ufrag != "" && f.credentials != now
}

// lines splits SDP into its lines; some end them with a line feed only. Empty ones do not count.
func lines(text string) (all []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSuffix(line, "\r"); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// attribute splits a line "a=name:value"; the name of other lines is "".
func attribute(line string) (name, value string) {
	rest, ok := strings.CutPrefix(line, "a=")
	if !ok {
		return "", ""
	}
	name, value, _ = strings.Cut(rest, ":")
	return name, value
}
