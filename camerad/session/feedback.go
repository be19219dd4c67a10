package session

import (
	"io"

	"seccam/camerad/media"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v5/packetio"
)

// buffersFor makes pion put the RTCP about the viewer's tracks where it is acted on at once, and noted as
// heard. With pion's own buffers, a goroutine for each track would have to be woken for each report.
func buffersFor(viewer *media.Viewer, heard *hearing) func(packetio.BufferPacketType, uint32) io.ReadWriteCloser {
	return func(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
		if kind == packetio.RTCPBufferPacket && viewer.Sends(ssrc) {
			return feedback{viewer, heard}
		}
		b := packetio.NewBuffer()
		b.SetLimitSize(maxUnread)
		return buffer{b}
	}
}

// maxUnread is how many bytes of one stream from the viewer may wait to be read; a second of speech
// needs 5 KB.
const maxUnread = 100_000

// buffer makes pion's own an io.ReadWriteCloser.
type buffer struct{ *packetio.Buffer }

func (b buffer) Read(p []byte) (int, error) {
	n, _, err := b.Buffer.Read(p, nil)
	return n, err
}

func (b buffer) Write(p []byte) (int, error) { return b.Buffer.Write(p, nil) }

// feedback takes a viewer's RTCP, decrypted. Nothing reads it.
type feedback struct {
	viewer *media.Viewer
	heard  *hearing
}

func (feedback) Read([]byte) (int, error) { return 0, io.EOF }
func (feedback) Close() error             { return nil }

// report takes RTCP that has not come to pion yet, and reports whether it needs not come there.
func (f feedback) report(raw []byte) (done bool) {
	done = f.viewer.Feedback(raw)
	if done {
		f.heard.note() // else it is when it comes again
	}
	return done
}

// Write acts on the packets of raw. What cannot be read is skipped, since the rest is as good as before.
func (f feedback) Write(raw []byte) (int, error) {
	f.heard.note()
	if f.viewer.Feedback(raw) {
		return len(raw), nil
	}
	packets, _ := rtcp.Unmarshal(raw)
	for _, packet := range packets {
		switch packet := packet.(type) {
		case *rtcp.TransportLayerNack:
			f.viewer.Resend(nackList(packet))
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			f.viewer.RequestKeyFrame()
		}
	}
	return len(raw), nil
}

// maxNACK is how many packets one NACK may ask for: it would else be a lever to make the camera send
// hundreds of times what the viewer does. One who lost more is better served by a key frame.
const maxNACK = 256

// nackList expands the pairs of a NACK (RFC 4585 section 6.2.1).
func nackList(nack *rtcp.TransportLayerNack) []uint16 {
	var list []uint16
	for _, pair := range nack.Nacks {
		list = append(list, pair.PacketList()...)
		if len(list) >= maxNACK {
			return list[:maxNACK]
		}
	}
	return list
}
