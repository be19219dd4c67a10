package transport

import (
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Express takes one viewer's video past pion's layers, and its reports on what came: they are sealed and
// opened here, with the keys that pion has. It does so only while pion would send to one of the transport's
// sockets. What it does not take goes pion's way, which works without it.
type Express struct {
	owner  *Transport
	sealer *sealer
	stream atomic.Pointer[stream] // nil while it is not bound
}

// Express is for one connection. keys returns its SRTP keys once they are known. report is given RTCP from
// the viewer and reports whether nobody else needs it; it is called by the goroutine that reads for all
// viewers, so it must not block.
func (t *Transport) Express(keys func() (srtp.Config, bool), report func(rtcp []byte) (done bool)) *Express {
	return &Express{owner: t, sealer: &sealer{keys: keys, ears: &ears{report: report}}}
}

// Bind says that the video has the SSRC. From then on its packets wait for the last of their picture, which
// has the marker bit, to be sent with it; those that are sent again do not. After unbind all are sent as they
// come; what waits is sent. unbind may be called again.
func (e *Express) Bind(ssrc uint32) (unbind func()) {
	s, forget := e.owner.streams.add(ssrc, e.sealer)
	e.stream.Store(s)
	return func() {
		e.stream.CompareAndSwap(s, nil)
		forget()
	}
}

// Write takes a packet that is sent for the first time, or leaves it for pion to send at once. rollover says
// how often the sequence number began again (RFC 3711 section 3.3.1). A picture is written whole, in order.
// Nothing is used after the return.
func (e *Express) Write(h *rtp.Header, payload []byte, rollover uint32) (taken bool) {
	s := e.stream.Load()
	return s != nil && s.seal(h, payload, rollover)
}

// Open reports whether packets are taken now. It takes no lock.
func (e *Express) Open() bool { return e.sealer.open.Load() }

// PathChanged says that pion chose another pair of candidates. Packets go pion's way until that is known to
// lead through one of the transport's sockets.
func (e *Express) PathChanged() {
	if s := e.stream.Load(); s != nil {
		s.forgetPath()
	}
}
