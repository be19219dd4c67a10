package bridge

import (
	"context"

	"seccam/pkg/signaling"
	"seccam/portal/turn"
)

// offer begins a view, or restarts ICE in one. It adds the servers for the camera's end.
func (v *viewer) offer(ctx context.Context, session signaling.SessionID, camera, sdp string) error {
	if session.Viewer() != v.id {
		return errNotYours
	}
	_, again := v.cameraOf(session)
	var stages *beginning
	if offer := (signaling.Message{SDP: sdp}); !offer.Visits() {
		stages = v.hub.stages.received(session, again)
	}
	m, err := v.allow(ctx, session, camera)
	if err == nil {
		stages.allow(camera)
		m.SDP = sdp
		err = v.publish(ctx, camera, session, m)
	}
	stages.passedOn(err)
	return err
}

// allow judges an offer, and makes what goes to the camera with it.
func (v *viewer) allow(ctx context.Context, session signaling.SessionID, camera string) (m signaling.Message, err error) {
	access, err := v.admit(ctx, session, camera)
	if err != nil {
		return m, err
	}
	presence := v.hub.cfg.Presence.Of(camera)
	if !presence.Online {
		return m, &signaling.Error{Code: signaling.CodeOffline, Message: presence.Text}
	}
	if !v.remember(session, seat{camera, access.Grant}) {
		return m, errTooMany
	}
	m = signaling.Message{
		Type: signaling.TypeOffer, ICEServers: v.servers(string(session), turn.Camera), Policy: v.hub.cfg.Policy,
		Role: access.Role, Talk: access.Talk && !access.Owns(), Grant: access.Grant,
	}
	if !access.Until.IsZero() {
		m.Until = access.Until.UnixMilli()
	}
	return m, nil
}

// measured takes what a page says of how a view of its own began.
func (v *viewer) measured(session signaling.SessionID, times signaling.StageTimes) error {
	if session.Viewer() != v.id {
		return errNotYours
	}
	v.hub.stages.measured(session, times)
	return nil
}
