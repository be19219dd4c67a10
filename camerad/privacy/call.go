package privacy

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"seccam/pkg/signaling"
)

// Call is the method "privacy": with settings it sets them, and in either case it answers with what
// holds now.
func (s *Switch) Call(_ context.Context, payload []byte) (contentType string, reply []byte, err error) {
	var request signaling.PrivacyRequest
	if err := json.Unmarshal(payload, &request); err != nil {
		return "", nil, &signaling.Error{Code: signaling.CodeBadMessage,
			Message: `The settings are not understood. Send on, schedule and zone, such as {"on":true,"schedule":[],"zone":""}.`}
	}
	if request.Settings != nil {
		if err := s.Set(*request.Settings, request.Seq); err != nil {
			return "", nil, err
		}
	}
	reply, err = json.Marshal(s.answer())
	return signaling.ContentJSON, reply, err
}

func (s *Switch) answer() signaling.PrivacyReply {
	state := s.State()
	reply := signaling.PrivacyReply{V: signaling.Version, Settings: s.Settings(), Active: state.Active, Text: state.Text()}
	if !state.Until.IsZero() {
		reply.Until = state.Until.UnixMilli()
	}
	return reply
}

// invalid puts the first problem into the refusal.
func invalid(problems map[string]string) error {
	field := slices.Sorted(maps.Keys(problems))[0]
	return &signaling.Error{Code: signaling.CodeBadMessage, Message: field + ": " + problems[field] + " Nothing was changed."}
}
