package media

import (
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// PlayoutDelayURI names the RTP header extension by which the sender limits the viewer's jitter
// buffer: 0 to 0 ms here, since a camera is watched live.
// See http://www.webrtc.org/experiments/rtp-hdrext/playout-delay.
const PlayoutDelayURI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"

// The codecs that a viewer is offered. Opus is always 48,000/2 in SDP, also for mono (RFC 7587
// section 7).
var (
	VideoCodec = webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeH264, ClockRate: videoClock,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
		RTCPFeedback: []webrtc.RTCPFeedback{
			{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"},
		},
	}
	AudioCodec = webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: audioClock, Channels: 2,
		SDPFmtpLine: "minptime=10;useinbandfec=1",
	}
)

// Track is one viewer's outgoing video or audio. It implements webrtc.TrackLocal; the sending is
// done by its [Viewer] alone.
type Track struct {
	codec webrtc.RTPCodecCapability
	kind  webrtc.RTPCodecType
	id    string

	mu     sync.Mutex // guards header and writer, which pion sets and clears
	header rtp.Header
	writer webrtc.TrackLocalWriter

	base     uint32 // added to media times, random (RFC 3550 section 5.1)
	last     uint32 // timestamp of the last packet sent
	started  bool   // last is valid
	sequence uint16 // of the next packet
	history  history
}

func newVideoTrack() *Track {
	t := &Track{codec: VideoCodec, kind: webrtc.RTPCodecTypeVideo, id: "video"}
	t.randomise()
	return t
}

func newAudioTrack() *Track {
	t := &Track{codec: AudioCodec, kind: webrtc.RTPCodecTypeAudio, id: "audio"}
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
		if codec.MimeType != t.codec.MimeType {
			continue
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.writer = ctx.WriteStream()
		t.header = rtp.Header{Version: 2, PayloadType: uint8(codec.PayloadType), SSRC: uint32(ctx.SSRC())}
		for _, extension := range ctx.HeaderExtensions() {
			if extension.URI == PlayoutDelayURI && t.kind == webrtc.RTPCodecTypeVideo {
				_ = t.header.SetExtension(uint8(extension.ID), []byte{0, 0, 0})
			}
		}
		return codec, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind is called by pion when the connection closes.
func (t *Track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writer = nil
	return nil
}

// ID implements webrtc.TrackLocal.
func (t *Track) ID() string { return t.id }

// RID implements webrtc.TrackLocal: there is no simulcast.
func (t *Track) RID() string { return "" }

// StreamID implements webrtc.TrackLocal. Video and audio are of different streams: a browser delays
// the video of a stream until its audio, which has a jitter buffer, has caught up.
func (t *Track) StreamID() string { return "seccam-" + t.id }

// Kind implements webrtc.TrackLocal.
func (t *Track) Kind() webrtc.RTPCodecType { return t.kind }

func (t *Track) sendUnit(u *Unit, timestamp uint32) {
	for i := range u.Packets {
		t.history.add(t.sequence, timestamp, &u.Packets[i])
		t.write(t.sequence, timestamp, &u.Packets[i])
		t.sequence++
	}
	t.last, t.started = timestamp, true
}

func (t *Track) sendSound(s *Sound) {
	// The marker begins a talk spurt (RFC 3551 section 4.1).
	t.write(t.sequence, t.base+s.Time, &Packet{Payload: s.Payload, Marker: !t.started})
	t.sequence++
	t.started = true
}

// resend answers a NACK. The packet is the same bit for bit, as SRTP requires of a packet index
// that is used again.
func (t *Track) resend(sequence []uint16) {
	for _, s := range sequence {
		if sent, ok := t.history.get(s); ok {
			t.write(s, sent.timestamp, sent.packet)
		}
	}
}

// write sends one packet. Its errors mean that the connection is not up, which the session watches.
func (t *Track) write(sequence uint16, timestamp uint32, p *Packet) {
	t.mu.Lock()
	header, writer := t.header, t.writer
	t.mu.Unlock()
	if writer == nil {
		return
	}
	header.SequenceNumber, header.Timestamp, header.Marker = sequence, timestamp, p.Marker
	_, _ = writer.WriteRTP(&header, p.Payload)
}
