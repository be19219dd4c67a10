package signaling

import (
	"encoding/json"
	"fmt"
)

// MaxTelemetry and MaxEvent are the largest payloads in bytes.
const (
	MaxTelemetry = 4 << 10
	MaxEvent     = 2 << 10
)

// Telemetry is one publication of a camera's measurements. What is "since the last" counts from the
// publication before.
type Telemetry struct {
	V           int         `json:"v"`
	At          int64       `json:"at"` // Unix milliseconds by the portal's clock
	Version     string      `json:"version"`
	Go          string      `json:"go"`
	System      string      `json:"system"` // operating system and architecture
	Uptime      int64       `json:"uptime"` // seconds since camerad started
	Source      string      `json:"source"`
	Picture     Picture     `json:"picture"`
	Width       int         `json:"width"`
	Height      int         `json:"height"`
	FPS         float64     `json:"fps"`         // since the last
	Bitrate     float64     `json:"bitrate"`     // bit/s since the last, of one viewer
	KeyFrames   uint64      `json:"key_frames"`  // since the start
	Dropped     uint64      `json:"dropped"`     // pictures that a viewer was too slow for, since the start
	Encoding    float64     `json:"encoding"`    // share of a core that encoding takes, since the last
	Viewers     int         `json:"viewers"`     // now
	Connections Connections `json:"connections"` // of viewers whose connection stands
	Memory      uint64      `json:"memory"`      // bytes that Go got from the system
	Temperature float64     `json:"temperature"` // of the processor in °C; 0 if unknown
}

// Connections counts the viewers by the path that their pictures take.
type Connections struct {
	Direct int `json:"direct"` // both ends are reached at addresses of their own
	NAT    int `json:"nat"`    // directly, through an address translation
	Relay  int `json:"relay"`  // through a relay
	TCP    int `json:"tcp"`    // those among them that go over TCP at the camera
}

// DecodeTelemetry parses a telemetry payload of at most [MaxTelemetry] bytes.
func DecodeTelemetry(data []byte) (Telemetry, error) {
	var t Telemetry
	err := decodeSmall("telemetry", data, MaxTelemetry, &t, &t.V)
	if err != nil {
		return Telemetry{}, err
	}
	return t, nil
}

// Kinds of events, each the last level of its topic.
const (
	EventStarted    = "started"     // camerad has started, and is connected for the first time
	EventRestart    = "restart"     // a restart was asked for, and begins
	EventSourceLost = "source_lost" // the source gives no picture; it is tried again
	EventSourceBack = "source_back" // it gives one again
	EventClockJump  = "clock_jump"  // the device's own clock was set
	EventUpdate     = "update"      // a release of camerad was installed, confirmed or taken back
	EventConfig     = "config"      // a configuration from afar was applied, or refused
)

// Event is something that happened at a camera, published once on the topic of its kind.
type Event struct {
	V    int    `json:"v"`
	At   int64  `json:"at"` // Unix milliseconds by the portal's clock
	Kind string `json:"kind"`
	Text string `json:"text"` // for a person
}

// DecodeEvent parses an event of at most [MaxEvent] bytes. Kinds that are not known here are not
// refused: a newer camera may have more.
func DecodeEvent(data []byte) (Event, error) {
	var e Event
	err := decodeSmall("event", data, MaxEvent, &e, &e.V)
	if err == nil && !validLevel(e.Kind) {
		err = fmt.Errorf("%w: an event without a kind", ErrBadMessage)
	}
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// decodeSmall parses JSON of a bounded size and checks its version, which is a field of into.
func decodeSmall(what string, data []byte, most int, into any, version *int) error {
	if len(data) > most {
		return fmt.Errorf("%w: %s of %d bytes, at most %d", ErrBadMessage, what, len(data), most)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: not a JSON %s", ErrBadMessage, what)
	}
	if *version != Version {
		return fmt.Errorf("%w: %s version %d", ErrVersion, what, *version)
	}
	return nil
}

// EventTopic returns the topic of a camera's events of a kind, one of the Event constants.
func EventTopic(camera, kind string) string { return Root + camera + "/events/" + kind }
