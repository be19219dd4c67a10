package bridge

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
	"seccam/portal/turn"
)

// Pass is what somebody watches by: whose cameras they see, what they are to these, and what ends it.
type Pass struct {
	UserID  int64
	Role    signaling.Role
	Subject string // what the revocation of this right is called
	// Alive reports whether the right still holds.
	Alive func(ctx context.Context) bool
	// Grant and Until go to the camera with each offer, so that it ends the view even if this portal has
	// forgotten it: at the latest then (zero is never), and when the grant ends ([Hub.EndGrant]).
	Grant string
	Until time.Time
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
	sessions map[signaling.SessionID]string // the camera of each
}

// outlet is the way to whoever watches. Its methods do not block.
type outlet interface {
	queue(m signaling.Message)
	end(why ending)
	presenceChanged(camera string)
}

func newViewer(h *Hub, id signaling.ViewerID, pass Pass, out outlet) *viewer {
	return &viewer{hub: h, id: id, pass: pass, out: out, sessions: map[signaling.SessionID]string{}}
}

// offer begins a view, or restarts ICE in one. It adds the servers for the camera's end.
func (v *viewer) offer(ctx context.Context, session signaling.SessionID, camera, sdp string) error {
	if err := v.admit(ctx, session, camera); err != nil {
		return err
	}
	presence := v.hub.cfg.Presence.Of(camera)
	if !presence.Online {
		return &signaling.Error{Code: signaling.CodeOffline, Message: presence.Text}
	}
	if !v.remember(session, camera) {
		return errTooMany
	}
	m := signaling.Message{
		Type: signaling.TypeOffer, SDP: sdp, ICEServers: v.servers(string(session), turn.Camera), Policy: v.hub.cfg.Policy,
		Role: v.pass.Role, Grant: v.pass.Grant,
	}
	if !v.pass.Until.IsZero() {
		m.Until = v.pass.Until.UnixMilli()
	}
	return v.publish(ctx, camera, session, m)
}

// servers returns ICE servers for one end of a session, or for the viewer's end of all of its sessions.
func (v *viewer) servers(session string, end string) []signaling.ICEServer {
	return v.hub.cfg.ICE.For(turn.Who{Session: session, Account: strconv.FormatInt(v.pass.UserID, 10), End: end})
}

// forward passes on a message of a session that this viewer has, or had before it reconnected.
func (v *viewer) forward(ctx context.Context, session signaling.SessionID, camera string, body signaling.Message) error {
	if with, known := v.cameraOf(session); !known || with != camera {
		if err := v.admit(ctx, session, camera); err != nil {
			return err
		}
		if body.Type == signaling.TypeCandidate && !v.remember(session, camera) {
			return errTooMany
		}
	}
	return v.publish(ctx, camera, session, body)
}

// admit checks that session and camera are this viewer's.
func (v *viewer) admit(ctx context.Context, session signaling.SessionID, camera string) error {
	if session.Viewer() != v.id {
		return errNotYours
	}
	if with, known := v.cameraOf(session); known && with != camera {
		return errNotYours
	}
	id, err := credential.ParseCode(camera)
	if err != nil || id != camera {
		return errNotFound
	}
	_, err = v.hub.cfg.Accounts.Camera(ctx, v.pass.UserID, camera)
	if errors.Is(err, store.ErrNotFound) {
		return errNotFound
	}
	return err
}

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
	if m.Type == signaling.TypeBye {
		v.forget(m.Session)
	}
	v.out.queue(signaling.Message{
		Type: m.Type, Session: m.Session, Camera: camera,
		SDP: m.SDP, Candidate: m.Candidate, Reason: m.Reason, Error: m.Error,
	})
}

// remember records that a session is with a camera; false means that the viewer has too many.
func (v *viewer) remember(id signaling.SessionID, camera string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sessions[id] == "" && len(v.sessions) >= maxSessions {
		return false
	}
	v.sessions[id] = camera
	return true
}

func (v *viewer) cameraOf(id signaling.SessionID) (camera string, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	camera, known = v.sessions[id]
	return camera, known
}

func (v *viewer) forget(id signaling.SessionID) {
	v.mu.Lock()
	delete(v.sessions, id)
	v.mu.Unlock()
	v.hub.cfg.Ended(string(id))
}

// takeSessions empties the viewer's sessions into the caller's hands.
func (v *viewer) takeSessions() map[signaling.SessionID]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.sessions
	v.sessions = map[signaling.SessionID]string{}
	return taken
}

// cut ends the sessions with a camera that is no longer for this viewer, at both ends.
func (v *viewer) cut(camera string) {
	for _, id := range v.takeSessionsWith(camera) {
		v.bye(context.Background(), camera, id, signaling.ReasonRevoked)
		v.out.queue(signaling.Message{Type: signaling.TypeBye, Session: id, Camera: camera, Reason: signaling.ReasonRevoked})
	}
}

func (v *viewer) takeSessionsWith(camera string) (taken []signaling.SessionID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, with := range v.sessions {
		if with == camera {
			taken = append(taken, id)
			delete(v.sessions, id)
		}
	}
	return taken
}

// byeAll ends every session at its camera, and what the viewer's own end has.
func (v *viewer) byeAll(ctx context.Context, reason string) {
	v.hub.cfg.Ended(string(v.id))
	for id, camera := range v.takeSessions() {
		v.bye(ctx, camera, id, reason)
	}
}

func (v *viewer) bye(ctx context.Context, camera string, id signaling.SessionID, reason string) {
	v.hub.cfg.Ended(string(id))
	err := v.publish(ctx, camera, id, signaling.Message{Type: signaling.TypeBye, Reason: reason})
	if err != nil {
		v.hub.cfg.Log.Warn("bye not sent", "camera", camera, "session", id, "error", err)
	}
}
