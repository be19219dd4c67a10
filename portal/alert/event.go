package alert

import (
	"encoding/json"
	"time"
)

// Kind is what happened.
type Kind string

// The kinds of events.
const (
	CameraOffline Kind = "camera.offline"
	CameraOnline  Kind = "camera.online"
	ClaimAttempt  Kind = "camera.claim_attempt"
	// Test is what the owner asked for, to see whether calls arrive.
	Test Kind = "test"
)

// Event is the body of a call.
type Event struct {
	Type      Kind      `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      Data      `json:"data"`
}

// Data says which camera it is about, and what happened in words.
type Data struct {
	CameraID string `json:"camera_id,omitempty"`
	Camera   string `json:"camera,omitempty"` // its name
	Text     string `json:"text"`
}

func (e Event) encode() ([]byte, error) { return json.Marshal(e) }
