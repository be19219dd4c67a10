package bridge

import (
	"context"
	"errors"
	"time"

	"seccam/pkg/signaling"
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
	err = c.act(ctx, m)
	var refusal *signaling.Error
	switch {
	case errors.As(err, &refusal):
		c.refuse(m, *refusal)
	case err != nil && ctx.Err() == nil:
		c.hub.cfg.Log.Error("signalling", "viewer", c.id, "type", m.Type, "error", err)
		c.refuse(m, internalError)
	}
}

// act does what a message asks for.
func (c *conn) act(ctx context.Context, m signaling.Message) error {
	if c.pending {
		return errPending
	}
	switch m.Type {
	case signaling.TypeOffer:
		return c.offer(ctx, m.Session, m.Camera, m.SDP)
	case signaling.TypeCandidate:
		return c.forward(ctx, m.Session, m.Camera, signaling.Message{Type: m.Type, Candidate: m.Candidate})
	case signaling.TypeBye:
		defer c.forget(m.Session)
		return c.forward(ctx, m.Session, m.Camera, signaling.Message{Type: m.Type, Reason: signaling.ReasonLeft})
	case signaling.TypeStages:
		return c.measured(m.Session, *m.Stages)
	}
	return &signaling.Error{Code: signaling.CodeBadMessage, Message: "Browsers send offer, candidate, bye and stages."}
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

// refuse answers the page's message with an error.
func (c *conn) refuse(m signaling.Message, why signaling.Error) {
	c.queue(signaling.Message{Type: signaling.TypeError, Session: m.Session, Camera: m.Camera, Error: &why})
}
