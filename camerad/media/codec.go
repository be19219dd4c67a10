package media

import (
	"seccam/camerad/media/source"

	"github.com/pion/webrtc/v4"
)

// Codec is a video codec as viewers negotiate it.
type Codec string

// The codecs that a camera may send. VP8 is encoded only for viewers that refuse H264; H265 is never
// encoded, only passed through.
const (
	H264 Codec = "H264"
	VP8  Codec = "VP8"
	H265 Codec = "H265"
)

// videoClock and audioClock are RTP clock rates in Hz (RFC 6184 section 8.1, RFC 7741 section 6.1,
// RFC 7798 section 7.1, RFC 7587 section 4.1).
const (
	videoClock = 90_000
	audioClock = source.SoundRate
)

var videoFeedback = []webrtc.RTCPFeedback{
	{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"},
}

// Capability returns how the codec is written in SDP.
func (c Codec) Capability() webrtc.RTPCodecCapability {
	capability := webrtc.RTPCodecCapability{ClockRate: videoClock, RTCPFeedback: videoFeedback}
	switch c {
	case VP8:
		capability.MimeType = webrtc.MimeTypeVP8
	case H265:
		capability.MimeType = webrtc.MimeTypeH265
	default:
		capability.MimeType = webrtc.MimeTypeH264
		capability.SDPFmtpLine = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
	}
	return capability
}

// AudioCapability is the sound's codec. Opus is always 48,000/2 in SDP, also for mono (RFC 7587
// section 7).
func AudioCapability() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: audioClock, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}
}

// packetizer makes RTP payloads of one stream's pictures. It returns nil for one without picture data:
// the encoder skipped it. The payloads are parts of data, which must not change afterwards, or of
// fresh memory.
type packetizer interface {
	unit(data []byte, time uint32) *Unit
}

func (c Codec) packetizer() packetizer {
	switch c {
	case VP8:
		return vp8Packetizer{}
	case H265:
		return &h265Packetizer{}
	default:
		return &h264Packetizer{}
	}
}

// carriers are the codecs in which a stream can be sent, the best first.
func carriers(stream source.Codec) []Codec {
	switch stream {
	case source.H264:
		return []Codec{H264}
	case source.H265:
		return []Codec{H265}
	default:
		return []Codec{H264, VP8}
	}
}
