package media

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// PlayoutDelayURI names the RTP header extension by which the sender limits the viewer's jitter
// buffer: 0 to 0 ms here, since a camera is watched live.
// See http://www.webrtc.org/experiments/rtp-hdrext/playout-delay.
const PlayoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// TransportCCURI names the RTP header extension that numbers packets for the viewer's feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
const TransportCCURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// Track is one viewer's outgoing video or audio. It implements webrtc.TrackLocal; the sending is
// done by its [Viewer] alone.
type Track struct {
	codec   string // MIME type
	kind    webrtc.RTPCodecType
	id      string
	express Express // nil without one
	// sent is told of each packet that has a transport-wide number, and about when it leaves.
	sent  func(number uint16, size int, probe bool, at time.Time)
	first func() // told once the first picture was sent

	mu      sync.Mutex // guards what pion sets and clears
	header  rtp.Header
	rtx     rtp.Header // of the stream of retransmissions (RFC 4588); SSRC 0 if it was not agreed
	writer  webrtc.TrackLocalWriter
	unbound func()

	numbered bool    // transport-wide numbers were agreed
	number   [2]byte // the current packet's, in both headers by reference
	next     uint16  // of the next packet

	ssrc  atomic.Uint32 // of the header, once it is bound
	bytes atomic.Uint64 // sent, but for what is repeated bit for bit

	latest atomic.Int64 // when the latest picture was sent, in ns of Unix time

	base     uint32 // added to media times, random (RFC 3550 section 5.1)
	last     uint32 // timestamp of the last packet sent
	started  bool   // last is valid
	sequence uint16 // of the next packet
	rollover uint32 // how often sequence began again
	history  history
	repairs  float64 // how many packets may be sent again

	report   func([]rtcp.Packet) error // nil: nobody wants reports
	reported time.Time                 // when it was last
	packets  uint32                    // that were sent
	octets   uint32                    // of their payload
}

func newTrack(kind webrtc.RTPCodecType, codec string) *Track {
	t := &Track{
		codec: codec, kind: kind, id: kind.String(), repairs: repairMost / 4,
		sent: func(uint16, int, bool, time.Time) {}, first: func() {},
	}
	t.randomise()
	return t
}

// randomise chooses the first sequence number and timestamp. The number is below 2^15, so that the
// first wrap is far from the start, where a late key exchange could misjudge it.
func (t *Track) randomise() {
	var b [6]byte
	_, _ = rand.Read(b[:])
	t.base = binary.BigEndian.Uint32(b[:4])
	t.sequence = binary.BigEndian.Uint16(b[4:]) >> 1
}

// Bind is called by pion when the codec is agreed.
func (t *Track) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, codec := range ctx.CodecParameters() {
		if strings.EqualFold(codec.MimeType, t.codec) { // GStreamer writes OPUS
			t.bind(ctx, codec)
			return codec, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

func (t *Track) bind(ctx webrtc.TrackLocalContext, codec webrtc.RTPCodecParameters) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writer, t.numbered = ctx.WriteStream(), false
	t.header = rtp.Header{Version: 2, PayloadType: uint8(codec.PayloadType), SSRC: uint32(ctx.SSRC())}
	t.rtx = rtp.Header{Version: 2, PayloadType: rtxPayloadType(codec, ctx.CodecParameters()), SSRC: uint32(ctx.SSRCRetransmission())}
	if t.rtx.PayloadType == 0 {
		t.rtx.SSRC = 0
	}
	for _, extension := range ctx.HeaderExtensions() {
		switch {
		case t.kind != webrtc.RTPCodecTypeVideo:
		case extension.URI == PlayoutDelayURI:
			_ = t.header.SetExtension(uint8(extension.ID), []byte{0, 0, 0})
		case extension.URI == TransportCCURI:
			t.numbered = true
			_ = t.header.SetExtension(uint8(extension.ID), t.number[:])
			_ = t.rtx.SetExtension(uint8(extension.ID), t.number[:])
		}
	}
	t.ssrc.Store(t.header.SSRC)
	t.unbound = func() {}
	if t.express != nil {
		t.unbound = t.express.Bind(t.header.SSRC)
	}
}

// rtxPayloadType finds the payload type of a codec's retransmissions (RFC 4588 section 8.1); 0 if
// there is none.
func rtxPayloadType(codec webrtc.RTPCodecParameters, all []webrtc.RTPCodecParameters) uint8 {
	for _, candidate := range all {
		if strings.EqualFold(candidate.MimeType, webrtc.MimeTypeRTX) && candidate.SDPFmtpLine == fmt.Sprintf("apt=%d", codec.PayloadType) {
			return uint8(candidate.PayloadType)
		}
	}
	return 0
}

// Unbind is called by pion when the connection closes.
func (t *Track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer != nil {
		t.writer = nil
		t.unbound()
	}
	return nil
}

// sends reports whether the track's stream has the SSRC. It takes no lock: pion asks, by way of its
// buffers, while a packet is being written.
func (t *Track) sends(ssrc uint32) bool { return t.ssrc.Load() == ssrc }

// prompt reports whether sending takes no longer than the kernel does. By pion it may: a relay or a viewer
// that is reached over TCP can be slow.
func (t *Track) prompt() bool { return t.express != nil && t.express.Open() }

// ID implements webrtc.TrackLocal.
func (t *Track) ID() string { return t.id }

// RID implements webrtc.TrackLocal: there is no simulcast.
func (t *Track) RID() string { return "" }

// StreamID implements webrtc.TrackLocal. Video and audio are of different streams: a browser delays
// the video of a stream until its audio, which has a jitter buffer, has caught up.
func (t *Track) StreamID() string { return "seccam-" + t.id }

// Kind implements webrtc.TrackLocal.
func (t *Track) Kind() webrtc.RTPCodecType { return t.kind }

// sendUnit sends a picture with a timestamp that follows the last one's, whatever it is: layers may
// hand over while one of them is ahead.
func (t *Track) sendUnit(u *Unit, timestamp uint32) {
	if t.started && int32(timestamp-t.last) <= 0 {
		timestamp = t.last + 1
	}
	now := time.Now() // looked at once: with a hundred viewers the clock is a cost
	for i := range u.Packets {
		t.write(timestamp, &u.Packets[i], now)
	}
	first := !t.started
	t.last, t.started = timestamp, true
	t.latest.Store(now.UnixNano())
	if first {
		t.first()
	}
	t.reportIfDue(now)
}

func (t *Track) sendSound(s *Sound) {
	// The marker begins a talk spurt (RFC 3551 section 4.1).
	now := time.Now()
	t.write(t.base+s.Time, &Packet{Payload: s.Payload, Marker: !t.started}, now)
	t.last, t.started = t.base+s.Time, true
	t.reportIfDue(now)
}

// resend answers a NACK, within bounds. roundTrip is the path's; 0 if it is unknown.
func (t *Track) resend(sequence []uint16, roundTrip time.Duration) {
	now := time.Now()
	for _, s := range sequence {
		again := t.history.get(s)
		if again == nil || t.repairs < 1 || now.Sub(again.again) < max(repairPause, roundTrip) {
			continue
		}
		again.again = now
		t.repairs--
		t.resendOne(*again, now)
	}
}

// resendOne repeats a packet in the stream of retransmissions, where it has a number of its own. A
// viewer without one gets it again bit for bit, as SRTP requires of a packet index that is used twice.
func (t *Track) resendOne(again sent, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.writer == nil:
	case t.rtx.SSRC == 0:
		t.setHeader(&t.header, again.sequence, again.timestamp, again.packet.Marker)
		binary.BigEndian.PutUint16(t.number[:], again.number)
		_, _ = t.writer.WriteRTP(&t.header, again.packet.Payload)
	default:
		t.setHeader(&t.rtx, t.rtx.SequenceNumber+1, again.timestamp, again.packet.Marker)
		payload := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(again.packet.Payload)), again.sequence)
		payload = append(payload, again.packet.Payload...)
		t.count(len(payload), false, now)
		_, _ = t.writer.WriteRTP(&t.rtx, payload)
	}
}

// maxPadding is the most that one packet can hold (RFC 3550 section 5.1).
const maxPadding = 255

// sendPadding sends a packet of nothing but padding in the stream of retransmissions, to see what the
// path carries. It reports whether that is possible.
func (t *Track) sendPadding() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer == nil || t.rtx.SSRC == 0 || !t.numbered || !t.started {
		return false
	}
	t.setHeader(&t.rtx, t.rtx.SequenceNumber+1, t.last, false)
	t.rtx.Padding, t.rtx.PaddingSize = true, maxPadding
	t.count(maxPadding, true, time.Now())
	_, err := t.writer.WriteRTP(&t.rtx, nil)
	t.rtx.Padding, t.rtx.PaddingSize = false, 0
	return err == nil
}

// write sends one packet for the first time. Its errors mean that the connection is not up, which the
// session watches.
func (t *Track) write(timestamp uint32, p *Packet, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sequence, rollover := t.sequence, t.rollover
	if t.sequence++; t.sequence == 0 {
		t.rollover++
	}
	if t.writer == nil {
		return
	}
	t.setHeader(&t.header, sequence, timestamp, p.Marker)
	t.packets, t.octets = t.packets+1, t.octets+uint32(len(p.Payload))
	number := t.count(len(p.Payload), false, now)
	if t.kind == webrtc.RTPCodecTypeVideo {
		t.repairs = min(repairMost, t.repairs+repairShare)
		t.history.add(sent{packet: p, timestamp: timestamp, sequence: sequence, number: number})
	}
	if t.express == nil || !t.express.Write(&t.header, p.Payload, rollover) {
		_, _ = t.writer.WriteRTP(&t.header, p.Payload)
	}
}

func (t *Track) setHeader(h *rtp.Header, sequence uint16, timestamp uint32, marker bool) {
	h.SequenceNumber, h.Timestamp, h.Marker = sequence, timestamp, marker
}

// count gives the packet its transport-wide number.
func (t *Track) count(size int, probe bool, now time.Time) uint16 {
	t.bytes.Add(uint64(size + packetOverhead))
	number := t.next
	if t.numbered {
		binary.BigEndian.PutUint16(t.number[:], number)
		t.sent(number, size+packetOverhead, probe, now)
		t.next++
	}
	return number
}

// packetOverhead is what a packet has beside its payload, roughly: RTP, extensions, SRTP, UDP, IP.
const packetOverhead = 70
