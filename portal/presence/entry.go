package presence

import (
	"fmt"
	"time"

	"seccam/pkg/signaling"
)

// entry is one camera.
type entry struct {
	status   signaling.Status // the latest
	shown    signaling.Status // the latest, but for a loss within its grace
	lastSeen time.Time        // when an online status last arrived
	saved    time.Time        // the last-seen time that was given to be saved
	latest   int64            // the greatest At that was heard
	since    time.Time        // when the present connection was first heard of
	lost     time.Time        // when the connection was lost; zero unless within grace
	stale    bool
}

// repeats reports whether a status is a copy of one from before: the nodes of a cluster each remember what they
// heard, and tell it to who subscribes. A mark from the future is of a clock that was wrong.
func (e *entry) repeats(s signaling.Status, now time.Time) bool {
	return s.At > 0 && s.At <= e.latest && e.latest <= now.Add(signaling.StatusStale).UnixMilli()
}

// hear takes a status, and reports whether it is time to write when the camera was last seen: it came, or went, or
// has stayed for long.
func (e *entry) hear(status signaling.Status, now time.Time) (write bool) {
	if status.At > 0 {
		e.latest = status.At
	}
	at := time.UnixMilli(status.At)
	switch {
	case status.Online && status.At > 0 && now.Sub(at) > signaling.StatusStale:
		// What a broker's node remembers and nobody has repeated since.
		e.shown, e.stale, e.lost = status, true, time.Time{}
		if at.After(e.lastSeen) {
			e.lastSeen = at
		}
	case status.Online:
		if !e.status.Online || e.status.Boot != status.Boot || e.status.Connection != status.Connection {
			e.since = now
		}
		write = !e.online() || now.Sub(e.saved) >= SaveInterval
		e.lastSeen, e.stale, e.lost, e.shown = now, false, time.Time{}, status
	case e.shown.Online && status.Reason == signaling.OfflineConnectionLost:
		if e.lost.IsZero() {
			e.lost = now
		}
	default:
		write = true
		e.lost, e.shown = time.Time{}, status
	}
	e.status = status
	return write
}

// lapse ends a grace that is over and takes a camera for offline that was silent for too long: a Will dies with its
// broker node. It reports whether the camera was online until now.
func (e *entry) lapse(now time.Time) bool {
	before := e.online()
	if !e.lost.IsZero() && now.Sub(e.lost) >= Grace {
		e.lost, e.shown = time.Time{}, e.status
	}
	if e.shown.Online && now.Sub(e.lastSeen) > signaling.StatusStale {
		e.stale = true
	}
	return before && !e.online()
}

func (e *entry) online() bool { return e.shown.Online && !e.stale }

func (e *entry) presence() signaling.Presence {
	p := signaling.Presence{Online: e.online(), OnlyPaired: e.shown.OnlyPaired}
	if !e.lastSeen.IsZero() {
		p.LastSeen = e.lastSeen.UnixMilli()
	}
	if p.Online {
		p.Since = e.since.UnixMilli()
	}
	switch {
	case p.Online && e.shown.Picture == signaling.PictureLost:
		p.State, p.Text = signaling.StateNoPicture, "Online, but no picture"
		if e.shown.Detail != "" {
			p.Text += ": " + e.shown.Detail
		}
	case p.Online && e.shown.Picture == signaling.PicturePrivate:
		p.State, p.Text = signaling.StatePrivate, "Privacy mode is on"
		if e.shown.Detail != "" {
			p.Text += " " + e.shown.Detail
		}
	case p.Online:
		p.State, p.Text = signaling.StateOnline, "Online"
	case e.lastSeen.IsZero():
		p.State, p.Text = signaling.StateNever, "Not connected yet"
	default:
		p.State, p.Text = signaling.StateOffline, e.offlineText()
	}
	return p
}

func (e *entry) offlineText() string {
	switch {
	case e.stale:
		return fmt.Sprintf("Offline: nothing heard from the camera for %d seconds", int(signaling.StatusStale.Seconds()))
	case e.shown.Reason == signaling.OfflineShutdown:
		return "Offline: the camera was shut down"
	case e.shown.Reason == signaling.OfflineRestart:
		return "Offline: the camera restarts, and is back within seconds"
	case e.shown.Reason == signaling.OfflineConnectionLost:
		return "Offline: the connection to the camera was lost; check its power and network"
	}
	return "Offline"
}

// differs reports whether people should be told.
func differs(before, after signaling.Presence) bool {
	return before.State != after.State || before.Text != after.Text || before.Since != after.Since ||
		before.OnlyPaired != after.OnlyPaired
}
