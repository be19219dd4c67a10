package session

import (
	"errors"
	"sync"

	"seccam/pkg/signaling"
)

// Speaker plays one talker's Opus packets. Its methods are not called concurrently.
type Speaker interface {
	Push(payload []byte, sequence uint16, timestamp uint32)
	Close() error
}

// errTalking means that another viewer is talking.
var errTalking = errors.New("someone else is talking")

// talk lets one viewer at a time speak through the camera's speaker, which is open only meanwhile.
type talk struct {
	open func() (Speaker, error) // nil if there is no speaker

	mu      sync.Mutex
	talker  signaling.SessionID
	speaker Speaker
	turned  chan struct{} // closed at the next change
}

func newTalk(open func() (Speaker, error)) *talk {
	return &talk{open: open, turned: make(chan struct{})}
}

// begin makes the viewer the talker.
func (t *talk) begin(id signaling.SessionID) error {
	if t.open == nil {
		return errors.New("this camera has no speaker")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.talker == id:
		return nil
	case t.talker != "":
		return errTalking
	}
	speaker, err := t.open()
	if err != nil {
		return err
	}
	t.talker, t.speaker = id, speaker
	t.turn()
	return nil
}

// end takes the turn from the viewer, if it has it.
func (t *talk) end(id signaling.SessionID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.talker != id {
		return
	}
	_ = t.speaker.Close() // it falls silent either way
	t.talker, t.speaker = "", nil
	t.turn()
}

func (t *talk) turn() {
	close(t.turned)
	t.turned = make(chan struct{})
}

// push plays a packet if it is the talker's.
func (t *talk) push(id signaling.SessionID, payload []byte, sequence uint16, timestamp uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.talker == id {
		t.speaker.Push(payload, sequence, timestamp)
	}
}

// States of talking, as one viewer sees them.
const (
	talkOff   = "off"
	talkFree  = "free"
	talkYours = "yours"
	talkBusy  = "busy"
)

// state returns how things are for the viewer, and a channel that is closed when they change.
func (t *talk) state(id signaling.SessionID) (string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.open == nil:
		return talkOff, t.turned
	case t.talker == "":
		return talkFree, t.turned
	case t.talker == id:
		return talkYours, t.turned
	default:
		return talkBusy, t.turned
	}
}
