package signaling

import "fmt"

// Validate reports the first rule that m breaks: its version, the fields its type needs, and the
// size limits. It wraps [ErrVersion] or [ErrBadMessage].
func (m *Message) Validate() error {
	if m.V != Version {
		return fmt.Errorf("%w: %d, this side speaks %d", ErrVersion, m.V, Version)
	}
	need, known := required[m.Type]
	if !known {
		return fmt.Errorf("%w: unknown type %.32q", ErrBadMessage, string(m.Type))
	}
	if err := need(m); err != nil {
		return err
	}
	return m.checkSizes()
}

// required holds, per type, the check of the fields without which the message means nothing.
var required = map[Type]func(*Message) error{
	TypeOffer:     all(hasSession, hasSDP),
	TypeAnswer:    all(hasSession, hasSDP),
	TypeCandidate: all(hasSession, hasCandidate),
	TypeBye:       hasSession,
	TypeRestart:   hasSession,
	TypeError:     hasError,
	TypeWelcome:   hasViewer,
	TypeStatus:    hasPresence,
	TypeStages:    all(hasSession, hasStages),
}

func all(checks ...func(*Message) error) func(*Message) error {
	return func(m *Message) error {
		for _, check := range checks {
			if err := check(m); err != nil {
				return err
			}
		}
		return nil
	}
}

func missing(field string) error { return fmt.Errorf("%w: %s is missing", ErrBadMessage, field) }

func hasSession(m *Message) error {
	if !m.Session.Valid() {
		return fmt.Errorf("%w: session is missing or malformed", ErrBadMessage)
	}
	return nil
}

func hasSDP(m *Message) error {
	if m.SDP == "" {
		return missing("sdp")
	}
	return nil
}

func hasCandidate(m *Message) error {
	if m.Candidate == nil {
		return missing("candidate")
	}
	return nil
}

func hasError(m *Message) error {
	if m.Error == nil || m.Error.Code == "" {
		return missing("error")
	}
	return nil
}

func hasViewer(m *Message) error {
	if !m.Viewer.Valid() {
		return fmt.Errorf("%w: viewer is missing or malformed", ErrBadMessage)
	}
	return nil
}

func hasPresence(m *Message) error {
	if m.Presence == nil || m.Camera == "" {
		return missing("camera or presence")
	}
	return nil
}

func hasStages(m *Message) error {
	if m.Stages == nil {
		return missing("stages")
	}
	last := 0
	for _, stage := range []int{m.Stages.Offer, m.Stages.Answer, m.Stages.Connected, m.Stages.Frame} {
		if stage < last || stage > MaxStage {
			return fmt.Errorf("%w: stages are milliseconds up to %d, each at least the one before", ErrBadMessage, MaxStage)
		}
		last = stage
	}
	return nil
}

func (m *Message) checkSizes() error {
	switch {
	case len(m.SDP) > MaxSDP:
		return fmt.Errorf("%w: sdp of %d bytes, at most %d", ErrBadMessage, len(m.SDP), MaxSDP)
	case m.Candidate != nil && len(m.Candidate.Candidate) > MaxCandidate:
		return fmt.Errorf("%w: candidate over %d bytes", ErrBadMessage, MaxCandidate)
	case len(m.Camera) > MaxText, len(m.Reason) > MaxText, len(m.Role) > MaxText, len(m.Grant) > MaxText, len(m.Policy) > MaxText:
		return fmt.Errorf("%w: camera, reason, role, grant or policy over %d bytes", ErrBadMessage, MaxText)
	case len(m.ICEServers) > MaxICEServers:
		return fmt.Errorf("%w: over %d ICE servers", ErrBadMessage, MaxICEServers)
	}
	return nil
}
