package bridge

import (
	"context"
	"errors"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// messageExpiry is how long the broker may keep a session message: a live session has no use for an
// older one.
const messageExpiry = 30 * time.Second

// handle acts on one frame of the page. Whatever is wrong with it costs an error reply.
func (c *conn) handle(ctx context.Context, data []byte) {
	m, err := signaling.Decode(data)
	if err != nil {
		code := signaling.CodeBadMessage
		if errors.Is(err, signaling.ErrVersion) {
			code = signaling.CodeVersion
		}
		c.refuse(signaling.Message{}, signaling.Error{Code: code, Message: err.Error()})
		return
	}
	switch m.Type {
	case signaling.TypeOffer:
		err = c.offer(ctx, m)
	case signaling.TypeCandidate:
		err = c.forward(ctx, m, signaling.Message{Candidate: m.Candidate})
	case signaling.TypeBye:
		err = c.forward(ctx, m, signaling.Message{Reason: signaling.ReasonLeft})
		c.forget(m.Session)
	default:
		err = &signaling.Error{Code: signaling.CodeBadMessage, Message: "Browsers send offer, candidate and bye."}
	}
	var refusal *signaling.Error
	switch {
	case errors.As(err, &refusal):
		c.refuse(m, *refusal)
	case err != nil && ctx.Err() == nil:
		c.hub.cfg.Log.Error("signalling", "viewer", c.viewer, "type", m.Type, "error", err)
		c.refuse(m, internalError)
	}
}

// The refusals whose words do not depend on the case.
var (
	internalError = signaling.Error{
		Code: signaling.CodeInternal, Message: "The portal could not pass this on. It will work again shortly.", RetryAfter: 2,
	}
	errNotFound = &signaling.Error{
		Code: signaling.CodeNotFound, Message: "There is no such camera in your account.",
	}
	errNotYours = &signaling.Error{
		Code: signaling.CodeUnauthorised, Message: "This session does not belong to this page.",
	}
	errPending = &signaling.Error{
		Code: signaling.CodePending, Message: "Finish the sign-up first: press Next on the setup page.",
	}
	errTooMany = &signaling.Error{
		Code: signaling.CodeRateLimited, Message: "Too many views on one page. Close one first.", RetryAfter: 5,
	}
)

// offer begins a view, or restarts ICE in one. It adds the servers for the camera's end.
func (c *conn) offer(ctx context.Context, m signaling.Message) error {
	if err := c.admit(ctx, m); err != nil {
		return err
	}
	presence := c.hub.cfg.Presence.Of(m.Camera)
	if !presence.Online {
		return &signaling.Error{Code: signaling.CodeOffline, Message: presence.Text}
	}
	if !c.remember(m.Session, m.Camera) {
		return errTooMany
	}
	return c.publish(ctx, m.Camera, m.Session, signaling.Message{
		Type: signaling.TypeOffer, SDP: m.SDP, ICEServers: c.hub.cfg.ICE.For(string(m.Session)),
		Role: signaling.RoleOwner, // admit lets nobody else through
	})
}

// forward passes on a message of a session that this page has, or had before it reconnected.
func (c *conn) forward(ctx context.Context, m, body signaling.Message) error {
	if camera, known := c.cameraOf(m.Session); !known || camera != m.Camera {
		if err := c.admit(ctx, m); err != nil {
			return err
		}
		if m.Type == signaling.TypeCandidate && !c.remember(m.Session, m.Camera) {
			return errTooMany
		}
	}
	body.Type = m.Type
	return c.publish(ctx, m.Camera, m.Session, body)
}

// admit checks that session and camera are this viewer's.
func (c *conn) admit(ctx context.Context, m signaling.Message) error {
	if m.Session.Viewer() != c.viewer {
		return errNotYours
	}
	if c.login.Pending {
		return errPending
	}
	if camera, known := c.cameraOf(m.Session); known && camera != m.Camera {
		return errNotYours
	}
	id, err := credential.ParseCode(m.Camera)
	if err != nil || id != m.Camera {
		return errNotFound
	}
	_, err = c.hub.cfg.Accounts.Camera(ctx, c.login.UserID, m.Camera)
	if errors.Is(err, store.ErrNotFound) {
		return errNotFound
	}
	return err
}

// publish stamps a message and sends it to the camera. Only fields that the caller set travel on:
// nothing that a browser claims about itself reaches a camera.
func (c *conn) publish(ctx context.Context, camera string, session signaling.SessionID, m signaling.Message) error {
	m.Session, m.Seq = session, c.hub.stamps.Next(c.hub.cfg.Now())
	data, err := signaling.Encode(m)
	if err != nil {
		return err
	}
	topic := signaling.Topic{
		Kind: signaling.KindToCamera, Camera: camera, Portal: c.hub.cfg.Instance, Session: session,
	}
	err = c.hub.cfg.Publisher.Publish(ctx, mqttclient.Message{Topic: topic.String(), Payload: data, Expiry: messageExpiry})
	if errors.Is(err, mqttclient.ErrDown) {
		refusal := internalError
		return &refusal
	}
	return err
}

// deliver passes a camera's message to the page, if the session is with that camera.
func (c *conn) deliver(camera string, m signaling.Message) {
	if with, known := c.cameraOf(m.Session); !known || with != camera {
		return
	}
	if m.Type == signaling.TypeBye {
		c.forget(m.Session)
	}
	c.queue(signaling.Message{
		Type: m.Type, Session: m.Session, Camera: camera,
		SDP: m.SDP, Candidate: m.Candidate, Reason: m.Reason, Error: m.Error,
	})
}

// refuse answers the page's message with an error.
func (c *conn) refuse(m signaling.Message, why signaling.Error) {
	c.queue(signaling.Message{Type: signaling.TypeError, Session: m.Session, Camera: m.Camera, Error: &why})
}
