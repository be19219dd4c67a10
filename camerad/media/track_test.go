package media

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wire is a bound video track with what it has written.
type wire struct {
	*Track
	packets []rtp.Packet
	numbers []uint16 // that the path was told of
	probes  int      // of them
}

func newWire(t testing.TB, ctx fakeContext) *wire {
	w := &wire{Track: newTrack(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeH264)}
	w.express = ctx.express
	w.sent = func(number uint16, size int, probe bool, _ time.Time) {
		w.numbers = append(w.numbers, number)
		assert.Greater(t, size, packetOverhead)
		if probe {
			w.probes++
		}
	}
	ctx.codec = H264.Capability()
	ctx.write = func(h *rtp.Header, payload []byte) {
		w.packets = append(w.packets, rtp.Packet{Header: h.Clone(), Payload: payload})
	}
	_, err := w.Bind(ctx)
	require.NoError(t, err)
	return w
}

// take returns what was written since the last call.
func (w *wire) take() []rtp.Packet {
	packets := w.packets
	w.packets = nil
	return packets
}

func transportNumber(p rtp.Packet) uint16 {
	return binary.BigEndian.Uint16(p.GetExtension(transportCCID))
}

func TestPacketHeaders(t *testing.T) {
	w := newWire(t, fakeContext{apt: withRTX, numbered: true})
	w.sendUnit(testUnit(1, true), 1000)
	w.sendUnit(testUnit(2, false), 4000)
	packets := w.take()
	require.Len(t, packets, 4)
	for i, p := range packets {
		assert.EqualValues(t, mainSSRC, p.SSRC)
		assert.EqualValues(t, mainType, p.PayloadType)
		assert.Equal(t, packets[0].SequenceNumber+uint16(i), p.SequenceNumber)
		assert.Equal(t, uint32(1000+i/2*3000), p.Timestamp)
		assert.Equal(t, i%2 == 1, p.Marker)
		assert.Equal(t, []byte{0, 0, 0}, p.GetExtension(delayID), "playout delay 0 to 0")
		assert.EqualValues(t, i, transportNumber(p))
	}
	assert.Equal(t, []uint16{0, 1, 2, 3}, w.numbers)
	assert.Less(t, packets[0].SequenceNumber, uint16(1<<15))
}

func TestTimestampsStrictlyIncrease(t *testing.T) {
	w := newWire(t, fakeContext{})
	for _, at := range []uint32{1<<32 - 2000, 1000, 1000, 500, 1<<32 - 3000, 1002, 4000} {
		w.sendUnit(testUnit(0, true), at)
	}
	var times []uint32
	for i, p := range w.take() {
		if i%2 == 0 {
			times = append(times, p.Timestamp)
		}
	}
	assert.Equal(t, []uint32{1<<32 - 2000, 1000, 1001, 1002, 1003, 1004, 4000}, times, "also over the wrap")
}

// TestRetransmissionStream follows RFC 4588 section 4.
func TestRetransmissionStream(t *testing.T) {
	w := newWire(t, fakeContext{apt: withRTX, numbered: true})
	w.sendUnit(testUnit(1, true), 1000)
	w.sendUnit(testUnit(2, false), 4000)
	sent := w.take()
	first, last := sent[0].SequenceNumber, sent[3].SequenceNumber
	w.resend([]uint16{last, first, last + 1, first - 1, last}, 0)
	again := w.take()
	require.Len(t, again, 2, "what was never sent is not answered, and nothing twice at once")
	for i, original := range []rtp.Packet{sent[3], sent[0]} {
		p := again[i]
		assert.EqualValues(t, rtxSSRC, p.SSRC)
		assert.EqualValues(t, rtxType, p.PayloadType)
		assert.Equal(t, again[0].SequenceNumber+uint16(i), p.SequenceNumber, "numbers of its own")
		assert.Equal(t, original.Timestamp, p.Timestamp)
		assert.Equal(t, original.Marker, p.Marker)
		assert.Equal(t, original.SequenceNumber, binary.BigEndian.Uint16(p.Payload), "OSN")
		assert.Equal(t, original.Payload, p.Payload[2:])
		assert.EqualValues(t, 4+i, transportNumber(p), "as fresh as any packet")
	}
	w.sendUnit(testUnit(3, false), 7000)
	assert.Equal(t, last+1, w.take()[0].SequenceNumber, "the stream itself goes on without a gap")
	assert.Equal(t, []uint16{0, 1, 2, 3, 4, 5, 6, 7}, w.numbers)
}

// TestResentBitForBit: without a stream of retransmissions, the same index is used twice, which SRTP
// allows only for the same packet.
func TestResentBitForBit(t *testing.T) {
	for name, ctx := range map[string]fakeContext{
		"no retransmissions": {numbered: true}, "of another codec only": {numbered: true, apt: "apt=98"}, "no numbers": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, ctx)
			w.sendUnit(testUnit(1, true), 1000)
			w.sendUnit(testUnit(2, false), 4000)
			sent := w.take()
			w.resend([]uint16{sent[2].SequenceNumber, sent[1].SequenceNumber}, 0)
			assert.Equal(t, []rtp.Packet{sent[2], sent[1]}, w.take())
			w.sendUnit(testUnit(3, false), 7000)
			if ctx.numbered {
				assert.EqualValues(t, 4, transportNumber(w.take()[0]), "its number goes on")
				assert.Len(t, w.numbers, 6, "the path is not told of a number twice")
			}
		})
	}
}

func TestHistoryForgets(t *testing.T) {
	var h history
	p := &Packet{}
	for n := range historySize + 10 {
		h.add(sent{sequence: uint16(n), timestamp: 1, packet: p})
	}
	assert.Nil(t, h.get(9))
	assert.NotNil(t, h.get(10))
	assert.Nil(t, h.get(historySize+10))
}

// A viewer who is flooded, and so loses packets, must not be flooded with them again.
func TestRetransmissionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t, fakeContext{apt: withRTX, numbered: true})
		var all []uint16
		for n := range 100 {
			w.sendUnit(testUnit(n, n == 0), uint32(n)*3000)
		}
		for _, p := range w.take() {
			all = append(all, p.SequenceNumber)
		}
		newest := all[len(all)-1:]
		w.resend(newest, 0)
		w.resend(newest, 0)
		require.Len(t, w.take(), 1, "once per round trip")
		time.Sleep(repairPause)
		w.resend(newest, 0)
		w.resend(newest, time.Second)
		require.Len(t, w.take(), 1)
		w.resend(all, 0)
		require.Len(t, w.take(), repairMost-2, "as much as was saved")
		w.sendUnit(testUnit(100, false), 300_000)
		w.take()
		w.resend(all, 0)
		require.Len(t, w.take(), 1, "two packets earn another one")
	})
}

func TestPadding(t *testing.T) {
	for name, c := range map[string]struct {
		ctx  fakeContext
		sent bool
	}{
		"both": {fakeContext{apt: withRTX, numbered: true}, true}, "no retransmissions": {fakeContext{numbered: true}, false},
		"no numbers": {fakeContext{apt: withRTX}, false}, "neither": {fakeContext{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, c.ctx)
			assert.False(t, w.sendPadding(), "before the first picture")
			w.sendUnit(testUnit(1, true), 1000)
			w.take()
			assert.Equal(t, c.sent, w.sendPadding())
			if c.sent {
				checkPadding(t, w)
			} else {
				assert.Empty(t, w.take())
			}
			require.NoError(t, w.Unbind(nil))
			assert.False(t, w.sendPadding())
			assert.Empty(t, w.take())
		})
	}
}

// checkPadding looks at the one packet of padding that was sent, and at the retransmission after it.
func checkPadding(t *testing.T, w *wire) {
	packets := w.take()
	require.Len(t, packets, 1)
	p := packets[0]
	assert.EqualValues(t, rtxSSRC, p.SSRC)
	assert.EqualValues(t, rtxType, p.PayloadType)
	assert.EqualValues(t, 1000, p.Timestamp)
	assert.EqualValues(t, 2, transportNumber(p))
	assert.Equal(t, 1, w.probes)
	raw, err := p.Marshal()
	require.NoError(t, err)
	assert.Len(t, raw, p.Header.MarshalSize()+maxPadding)
	assert.NotZero(t, raw[0]&0x20, "P bit (RFC 3550 section 5.1)")
	assert.EqualValues(t, maxPadding, raw[len(raw)-1])
	w.resend([]uint16{w.sequence - 1}, 0)
	again := w.take()[0]
	assert.Equal(t, p.SequenceNumber+1, again.SequenceNumber)
	assert.False(t, again.Padding)
	assert.Zero(t, again.Header.PaddingSize)
}

func TestBindAndUnbind(t *testing.T) {
	track := newTrack(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeVP8)
	_, err := track.Bind(fakeContext{codec: H264.Capability()})
	assert.ErrorIs(t, err, webrtc.ErrUnsupportedCodec)
	track.sendUnit(testUnit(1, true), 1) // goes nowhere
	track = newTrack(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeH264)
	express := &fakeExpress{}
	track.express = express
	written := 0
	codec, err := track.Bind(fakeContext{codec: H264.Capability(), write: func(*rtp.Header, []byte) { written++ }})
	require.NoError(t, err)
	assert.EqualValues(t, mainType, codec.PayloadType)
	assert.Equal(t, []uint32{mainSSRC}, express.bound)
	track.sendUnit(testUnit(1, true), 1)
	assert.Equal(t, 2, written)
	for range 2 {
		require.NoError(t, track.Unbind(nil))
	}
	track.sendUnit(testUnit(1, true), 1)
	track.resend([]uint16{track.sequence - 1}, 0)
	assert.Equal(t, []int{2, 1}, []int{written, express.unbound})
	assert.Equal(t, []string{"video", "", "seccam-video"}, []string{track.ID(), track.RID(), track.StreamID()})
	assert.Equal(t, webrtc.RTPCodecTypeVideo, track.Kind())
}

// fakeExpress takes each packet of which its owner wants that.
type fakeExpress struct {
	bound     []uint32
	unbound   int
	takes     func(h *rtp.Header) bool
	taken     []rtp.Packet
	rollovers []uint32 // of all that it was offered
}

func (x *fakeExpress) Open() bool { return x.takes != nil }

func (x *fakeExpress) Bind(ssrc uint32) (unbind func()) {
	x.bound = append(x.bound, ssrc)
	return func() { x.unbound++ }
}

func (x *fakeExpress) Write(h *rtp.Header, payload []byte, rollover uint32) bool {
	x.rollovers = append(x.rollovers, rollover)
	if x.takes == nil || !x.takes(h) {
		return false
	}
	x.taken = append(x.taken, rtp.Packet{Header: h.Clone(), Payload: payload})
	return true
}

// TestExpress: a packet goes one way, and is numbered and remembered whichever that is.
func TestExpress(t *testing.T) {
	x := &fakeExpress{takes: func(h *rtp.Header) bool { return !h.Marker }}
	w := newWire(t, fakeContext{apt: withRTX, numbered: true, express: x})
	w.sequence = 65_533
	for n := range 3 {
		w.sendUnit(testUnit(n, true), uint32(1000*n))
	}
	usual := w.take()
	require.Len(t, usual, 3)
	require.Len(t, x.taken, 3)
	for n := range 3 {
		assert.EqualValues(t, 65_533+2*n, 65_536*uint32(x.rollovers[2*n])+uint32(x.taken[n].SequenceNumber))
		assert.Equal(t, x.taken[n].SequenceNumber+1, usual[n].SequenceNumber)
		assert.Equal(t, uint16(2*n), transportNumber(x.taken[n]))
		assert.Equal(t, x.taken[n].Timestamp, usual[n].Timestamp)
	}
	assert.Equal(t, []uint32{0, 0, 0, 1, 1, 1}, x.rollovers)
	assert.Len(t, w.numbers, 6)
	w.resend([]uint16{65_533}, 0)
	w.sendPadding()
	assert.Len(t, w.take(), 2, "only what is sent for the first time is offered")
	assert.Len(t, x.rollovers, 6)
}

func TestSoundPackets(t *testing.T) {
	var packets []rtp.Packet
	track := newTrack(webrtc.RTPCodecTypeAudio, webrtc.MimeTypeOpus)
	_, err := track.Bind(fakeContext{codec: AudioCapability(), numbered: true, write: func(h *rtp.Header, p []byte) {
		packets = append(packets, rtp.Packet{Header: h.Clone(), Payload: p})
	}})
	require.NoError(t, err)
	for n := range 3 {
		track.sendSound(&Sound{Payload: []byte{byte(n)}, Time: uint32(n) * 960})
	}
	require.Len(t, packets, 3)
	for n, p := range packets {
		assert.Equal(t, n == 0, p.Marker, "a talk spurt begins once (RFC 3551 section 4.1)")
		assert.Equal(t, packets[0].SequenceNumber+uint16(n), p.SequenceNumber)
		assert.Equal(t, packets[0].Timestamp+uint32(n)*960, p.Timestamp)
		assert.False(t, p.Extension, "neither playout delay nor numbers")
	}
	packets = nil
	track.resend([]uint16{track.sequence - 1}, 0)
	assert.Empty(t, packets, "sound is not repeated: it would come too late")
}
