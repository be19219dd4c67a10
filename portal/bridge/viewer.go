package bridge

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/store"
	"seccam/portal/turn"
)

// Pass is what somebody watches by. What they may do with a camera is asked at each offer; the pass can only
// allow less.
type Pass struct {
	UserID int64
	// Guest names somebody without an account; UserID then is of the person whose guest it is.
	Guest string
	// Role is the most that they may be to a camera.
	Role    signaling.Role
	Subject string // what the revocation of this right is called
	// Alive reports whether the right still holds.
	Alive func(ctx context.Context) bool
	// Access tells what they may do with a camera; nil asks the accounts.
	Access func(ctx context.Context, camera string) (account.Access, error)
	// Grant and Until go to the camera with each offer, in place of the access's own, so that it ends the
	// view even if this portal has forgotten it: at the latest then (zero is never), and when the grant
	// ends ([Hub.EndGrant]).
	Grant string
	Until time.Time
	// Actor is who it is to the camera's owner.
	Actor account.Actor
}

// who names the person or guest to what is shared out by person.
func (p Pass) who() string {
	if p.Guest != "" {
		return p.Guest
	}
	return strconv.FormatInt(p.UserID, 10)
}

// narrow returns the access as far as the pass allows it.
func (p Pass) narrow(a account.Access) account.Access {
	if p.Role != signaling.RoleOwner {
		a.Role = signaling.RoleViewer
		a.Talk = a.Talk && p.Grant == "" // what a program may is to watch
	}
	if p.Grant != "" {
		a.Grant = p.Grant
	}
	if !p.Until.IsZero() && (a.Until.IsZero() || p.Until.Before(a.Until)) {
		a.Until = p.Until
	}
	return a
}

// viewer is one who watches, whatever carries the messages: a page's WebSocket or a program's requests.
// It knows its sessions and with which camera each is; whatever it says to a camera, and a camera to it,
// passes here.
type viewer struct {
	hub  *Hub
	id   signaling.ViewerID
	pass Pass
	out  outlet

	mu       sync.Mutex
	sessions map[signaling.SessionID]seat
}

// seat is a session's: with which camera it is, and by which right.
type seat struct{ camera, grant string }

// outlet is the way to whoever watches. Its methods do not block.
type outlet interface {
	queue(m signaling.Message)
	end(why ending)
	presenceChanged(camera string)
}

func newViewer(h *Hub, id signaling.ViewerID, pass Pass, out outlet) *viewer {
	return &viewer{hub: h, id: id, pass: pass, out: out, sessions: map[signaling.SessionID]seat{}}
}

// servers returns ICE servers for one end of a session, or for the viewer's end of all of its sessions.
func (v *viewer) servers(session string, end string) []signaling.ICEServer {
	return v.hub.cfg.ICE.For(turn.Who{Session: session, Account: v.pass.who(), End: end})
}

// forward passes on a message of a session that this viewer has, or had before it reconnected.
func (v *viewer) forward(ctx context.Context, session signaling.SessionID, camera string, body signaling.Message) error {
	if with, known := v.cameraOf(session); !known || with != camera {
		access, err := v.admit(ctx, session, camera)
		if err != nil {
			return err
		}
		if body.Type == signaling.TypeCandidate && !v.remember(session, seat{camera, access.Grant}) {
			return errTooMany
		}
	}
	return v.publish(ctx, camera, session, body)
}

// admit checks that session and camera are this viewer's, and returns what they may do with the camera.
func (v *viewer) admit(ctx context.Context, session signaling.SessionID, camera string) (account.Access, error) {
	if session.Viewer() != v.id {
		return account.Access{}, errNotYours
	}
	if with, known := v.cameraOf(session); known && with != camera {
		return account.Access{}, errNotYours
	}
	access, err := v.access(ctx, camera)
	var closed *account.OutsideHoursError
	switch {
	case errors.As(err, &closed):
		return access, &signaling.Error{Code: signaling.CodeUnauthorised, Message: sentence(closed.Error())}
	case errors.Is(err, store.ErrNotFound):
		return access, errNotFound
	}
	return access, err
}

// access asks what this viewer may do with a camera.
func (v *viewer) access(ctx context.Context, camera string) (account.Access, error) {
	id, err := credential.ParseCode(camera)
	if err != nil || id != camera {
		return account.Access{}, store.ErrNotFound
	}
	ask := v.pass.Access
	if ask == nil {
		ask = func(ctx context.Context, camera string) (account.Access, error) {
			return v.hub.cfg.Accounts.Access(ctx, v.pass.UserID, camera)
		}
	}
	access, err := ask(ctx, camera)
	if err != nil {
		return account.Access{}, err
	}
	return v.pass.narrow(access), nil
}

// sentence makes an error's text one for people.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// publish stamps a message and sends it to the camera. Only fields that the caller set travel on:
// nothing that a viewer claims about itself reaches a camera.
func (v *viewer) publish(ctx context.Context, camera string, session signaling.SessionID, m signaling.Message) error {
	m.Session = session
	return v.hub.publish(ctx, camera, m)
}

// publish stamps a session's message and sends it to a camera.
func (h *Hub) publish(ctx context.Context, camera string, m signaling.Message) error {
	m.Seq = h.stamps.Next(h.cfg.Now())
	data, err := signaling.Encode(m)
	if err != nil {
		return err
	}
	topic := signaling.Topic{Kind: signaling.KindToCamera, Camera: camera, Portal: h.cfg.Instance, Session: m.Session}
	err = h.cfg.Publisher.Publish(ctx, mqttclient.Message{Topic: topic.String(), Payload: data, Expiry: messageExpiry})
	if errors.Is(err, mqttclient.ErrDown) {
		refusal := internalError
		return &refusal
	}
	return err
}

// receive passes on a camera's message, if the session is with that camera.
func (v *viewer) receive(camera string, m signaling.Message) {
	if with, known := v.cameraOf(m.Session); !known || with != camera {
		return
	}
	switch m.Type {
	case signaling.TypeAnswer:
		v.hub.began(m.Session, camera, v.pass.Actor)
	case signaling.TypeBye:
		v.forget(m.Session)
	case signaling.TypeError:
		v.hub.stages.ended(m.Session, string(m.Error.Code))
	}
	v.out.queue(signaling.Message{
		Type: m.Type, Session: m.Session, Camera: camera,
		SDP: m.SDP, Candidate: m.Candidate, Reason: m.Reason, Error: m.Error,
	})
}

// remember records that a session is with a camera; false means that the viewer has too many.
func (v *viewer) remember(id signaling.SessionID, at seat) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.sessions[id]; !known && len(v.sessions) >= maxSessions {
		return false
	}
	v.sessions[id] = at
	return true
}

func (v *viewer) cameraOf(id signaling.SessionID) (camera string, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, known := v.sessions[id]
	return at.camera, known
}

func (v *viewer) forget(id signaling.SessionID) {
	v.mu.Lock()
	delete(v.sessions, id)
	v.mu.Unlock()
	v.hub.over(id)
	v.hub.cfg.Ended(string(id))
}

// takeSessions empties the viewer's sessions into the caller's hands.
func (v *viewer) takeSessions() map[signaling.SessionID]seat {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.sessions
	v.sessions = map[signaling.SessionID]seat{}
	return taken
}

// cut ends the sessions that are no longer for this viewer, at both ends.
func (v *viewer) cut(which func(seat) bool) {
	for id, at := range v.takeSessionsIf(which) {
		v.bye(context.Background(), at.camera, id, signaling.ReasonRevoked)
		v.out.queue(signaling.Message{Type: signaling.TypeBye, Session: id, Camera: at.camera, Reason: signaling.ReasonRevoked})
	}
}

func (v *viewer) takeSessionsIf(which func(seat) bool) map[signaling.SessionID]seat {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := map[signaling.SessionID]seat{}
	for id, at := range v.sessions {
		if which(at) {
			taken[id] = at
			delete(v.sessions, id)
		}
	}
	return taken
}

// byeAll ends every session at its camera, and what the viewer's own end has.
func (v *viewer) byeAll(ctx context.Context, reason string) {
	v.hub.cfg.Ended(string(v.id))
	for id, at := range v.takeSessions() {
		v.bye(ctx, at.camera, id, reason)
	}
}

func (v *viewer) bye(ctx context.Context, camera string, id signaling.SessionID, reason string) {
	v.hub.over(id)
	v.hub.cfg.Ended(string(id))
	err := v.publish(ctx, camera, id, signaling.Message{Type: signaling.TypeBye, Reason: reason})
	if err != nil {
		v.hub.cfg.Log.Warn("bye not sent", "camera", camera, "session", id, "error", err)
	}
}
