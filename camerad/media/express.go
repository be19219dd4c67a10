package media

import "github.com/pion/rtp"

// Express takes the packets of a viewer's video past pion, which is what they would cost most by.
type Express interface {
	// Bind says which SSRC they have, until unbind.
	Bind(ssrc uint32) (unbind func())
	// Write takes a packet that is sent for the first time, or leaves it for the usual way, at once.
	// rollover says how often the sequence number began again.
	Write(h *rtp.Header, payload []byte, rollover uint32) (taken bool)
	// Open reports whether packets are taken, so that sending does not block, but for [Engine.Pause].
	Open() bool
}

// UseExpress has the video sent by way of x. Call it before anything is bound.
func (v *Viewer) UseExpress(x Express) { v.Video.express = x }
