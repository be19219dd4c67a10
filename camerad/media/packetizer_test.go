package media

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"seccam/camerad/media/annexb"
	"seccam/camerad/media/source"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func annexB(nals ...[]byte) []byte {
	var stream []byte
	for _, nal := range nals {
		stream = append(append(stream, 0, 0, 0, 1), nal...)
	}
	return stream
}

// payloads are copies, to compare with later.
func payloads(u *Unit) (all [][]byte) {
	for _, p := range u.Packets {
		all = append(all, bytes.Clone(p.Payload))
	}
	return all
}

// checkPackets checks what holds for a picture of any codec.
func checkPackets(t require.TestingT, u *Unit) {
	size := 0
	for i, p := range u.Packets {
		require.NotEmpty(t, p.Payload)
		require.LessOrEqual(t, len(p.Payload), maxPayload)
		require.Equal(t, i == len(u.Packets)-1, p.Marker, "the marker ends the picture, and only that")
		size += len(p.Payload)
	}
	require.Equal(t, size, u.Size)
}

// depacketizeH264 puts NAL units together as RFC 6184 sections 5.6 to 5.8 say, and checks that
// fragments fill their packets.
func depacketizeH264(t require.TestingT, u *Unit) (nals [][]byte) {
	for _, p := range u.Packets {
		switch b := p.Payload; b[0] & 0x1f {
		case 24:
			for b = b[1:]; len(b) > 0; {
				size := int(binary.BigEndian.Uint16(b))
				nals, b = append(nals, b[2:2+size]), b[2+size:]
			}
		case 28:
			if b[1]&0x80 != 0 {
				nals = append(nals, []byte{b[0]&0xe0 | b[1]&0x1f})
			}
			if b[1]&0x40 == 0 {
				require.Len(t, b, maxPayload, "fragments but the last are of one size")
			}
			nals[len(nals)-1] = append(nals[len(nals)-1], b[2:]...)
		default:
			nals = append(nals, b)
		}
	}
	return nals
}

// TestPacketsOnTheWire compares with vectors written by hand from RFC 6184 sections 5.6 to 5.8.
func TestPacketsOnTheWire(t *testing.T) {
	sps, pps := []byte{0x67, 0x42, 0xe0, 0x1f}, []byte{0x68, 0xce}
	long := append([]byte{0x65}, bytes.Repeat([]byte{0xab}, 2*(maxPayload-2)+1)...)
	var p h264Packetizer
	u := p.unit(annexB([]byte{0x09, 0xf0}, sps, pps, long, []byte{0x0c, 0xff}), 7)
	require.NotNil(t, u)
	require.Len(t, u.Packets, 4)
	assert.Equal(t, []byte{0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce}, u.Packets[0].Payload, "STAP-A")
	assert.Equal(t, []byte{0x7c, 0x85, 0xab}, u.Packets[1].Payload[:3], "FU-A, start")
	assert.Equal(t, []byte{0x7c, 0x05, 0xab}, u.Packets[2].Payload[:3], "FU-A, middle")
	assert.Equal(t, []byte{0x7c, 0x45, 0xab}, u.Packets[3].Payload, "FU-A, end")
	assert.True(t, u.Key)
	assert.EqualValues(t, 7, u.Time)
	checkPackets(t, u)
	small := p.unit(annexB([]byte{0x41, 1, 2}), 8)
	assert.Equal(t, []Packet{{Payload: []byte{0x41, 1, 2}, Marker: true}}, small.Packets, "single NAL unit")
	assert.False(t, small.Key)
}

func TestLargestNALUnitIsNotFragmented(t *testing.T) {
	var p h264Packetizer
	whole := append([]byte{0x41}, bytes.Repeat([]byte{1}, maxPayload-1)...)
	assert.Len(t, p.unit(annexB(whole), 0).Packets, 1)
	assert.Len(t, p.unit(annexB(append(whole, 1)), 0).Packets, 2)
}

func TestParameterSetsPrecedeEveryKeyFrame(t *testing.T) {
	var p h264Packetizer
	assert.False(t, p.unit(annexB([]byte{0x65, 1}), 0).Key, "nobody can decode it")
	assert.Nil(t, p.unit(annexB([]byte{0x67, 1}, []byte{0x68, 2}), 0), "no picture")
	assert.Nil(t, p.unit(nil, 0), "skipped frame")
	u := p.unit(annexB([]byte{0x65, 1}, []byte{0x65, 2}), 0)
	assert.True(t, u.Key)
	assert.Len(t, u.Packets, 3, "once, before the first slice")
	assert.Equal(t, [][]byte{{0x67, 1}, {0x68, 2}, {0x65, 1}, {0x65, 2}}, depacketizeH264(t, u))
	u = p.unit(annexB([]byte{0x67, 9}, []byte{0x65, 1}), 0)
	assert.Equal(t, [][]byte{{0x67, 9}, {0x68, 2}, {0x65, 1}}, depacketizeH264(t, u), "the newest of each")
}

// TestPacketsKeepTheirBytes guards against memory that two pictures share.
func TestPacketsKeepTheirBytes(t *testing.T) {
	for _, codec := range []Codec{H264, H265, VP8} {
		p := codec.packetizer()
		header := map[Codec][]byte{H264: {0x65}, H265: {19 << 1, 1}, VP8: {0}}[codec]
		sets := map[Codec][]byte{H264: annexB([]byte{0x67, 1}, []byte{0x68, 2}), H265: annexB(h265Sets()...)}[codec]
		picture := func(value byte) []byte {
			body := append(slices.Clone(header), bytes.Repeat([]byte{value}, 3*maxPayload)...)
			if codec == VP8 {
				return body
			}
			return append(slices.Clone(sets), annexB(body)...)
		}
		first := p.unit(picture(5), 0)
		before := payloads(first)
		for n := range 20 {
			p.unit(picture(byte(10+n)), 0)
		}
		for i, packet := range first.Packets[len(first.Packets)-4:] { // who appends to one must not reach the next
			_ = append(packet.Payload, 0xee)
			assert.Equal(t, before[len(before)-4+i], packet.Payload)
		}
		assert.Equal(t, before, payloads(first), codec)
	}
}

// TestRoundTrip depacketises with pion, as a viewer does.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nals := [][]byte{{0x67, 1, 2, 3}, {0x68, 4}}
		for range rapid.IntRange(1, 4).Draw(t, "slices") {
			size := rapid.IntRange(1, 4*maxPayload).Draw(t, "size")
			nals = append(nals, append([]byte{0x65}, bytes.Repeat([]byte{0x5a}, size)...))
		}
		var p h264Packetizer
		u := p.unit(annexB(nals...), 0)
		checkPackets(t, u)
		requireSame(t, nals, depacketizeH264(t, u))
		require.True(t, bytes.Equal(annexB(nals...), unmarshal(t, &codecs.H264Packet{}, u)))
	})
}

// unmarshal depacketises a picture with one of pion's depacketisers.
func unmarshal(t require.TestingT, depacketizer rtp.Depacketizer, u *Unit) (stream []byte) {
	for _, packet := range u.Packets {
		data, err := depacketizer.Unmarshal(packet.Payload)
		require.NoError(t, err)
		stream = append(stream, data...)
	}
	return stream
}

// withoutSets are a picture's NAL units but for parameter sets and delimiters.
func withoutSets(codec source.Codec, stream []byte) (nals [][]byte) {
	for nal := range annexb.NALUnits(stream) {
		kind := nal[0] & 0x1f
		drop := kind == annexb.H264SPS || kind == annexb.H264PPS || kind == annexb.H264AUD
		if codec == source.H265 {
			kind = nal[0] >> 1 & 0x3f
			drop = kind >= annexb.H265VPS && kind <= annexb.H265AUD
		}
		if !drop {
			nals = append(nals, nal)
		}
	}
	return nals
}

// TestRealStreams packetises what ffmpeg encoded, without the parameter sets of all key frames but the
// first, as some cameras send it.
func TestRealStreams(t *testing.T) {
	for name, c := range map[string]struct {
		clip         func() (clip, error)
		depacketizer rtp.Depacketizer
		sets         int
	}{"H264": {clipH264, &codecs.H264Packet{}, 2}, "H265": {clipH265, &codecs.H265Depacketizer{}, 3}} {
		t.Run(name, func(t *testing.T) {
			clip := get(t, c.clip)
			p := carriers(clip.codec)[0].packetizer()
			sets := annexb.ParameterSets(annexb.Codec(clip.codec), clip.units[0])
			require.Len(t, sets, c.sets)
			for n, data := range clip.units {
				pictures := withoutSets(clip.codec, data)
				if n > 0 {
					data = annexB(pictures...)
				}
				u := p.unit(data, 0)
				checkPackets(t, u)
				require.Equal(t, n%clipGroup == 0, u.Key)
				stream := unmarshal(t, c.depacketizer, u)
				requireSame(t, pictures, withoutSets(clip.codec, stream))
				if u.Key {
					requireSame(t, sets, annexb.ParameterSets(annexb.Codec(clip.codec), stream))
					assert.Greater(t, len(u.Packets), 10, "not much of a test")
				}
			}
		})
	}
}

// requireSame compares NAL units. It does not print them: they are long.
func requireSame(t require.TestingT, want, got [][]byte) {
	require.True(t, slices.EqualFunc(want, got, bytes.Equal), "%d NAL units became %d others", len(want), len(got))
}

// FuzzH264Packetizer gives it anything. Types that RFC 6184 uses for its own packets are left out: no
// encoder makes them.
func FuzzH264Packetizer(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3})
	f.Add(annexB([]byte{0x67, 1}, []byte{0x68, 2}, append([]byte{0x65}, bytes.Repeat([]byte{7}, 3000)...), []byte{9, 0xf0}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var want, sets [][]byte
		for nal := range annexb.NALUnits(stream) {
			switch kind := nal[0] & 0x1f; {
			case kind == 0 || kind >= 24:
				return
			case kind == annexb.H264SPS || kind == annexb.H264PPS:
				if sets = append(sets, nal); len(nal) > 500 {
					return // of a stream that is damaged
				}
			case kind != annexb.H264AUD && kind != h264Fill:
				want = append(want, nal)
			}
		}
		u := new(h264Packetizer).unit(stream, 0)
		if u == nil {
			require.Empty(t, want)
			return
		}
		checkPackets(t, u)
		nals := depacketizeH264(t, u)
		requireSame(t, want, withoutSets(source.H264, annexB(nals...)))
		complete := false
		for i := 2; i < len(nals); i++ {
			complete = complete || nals[i][0]&0x1f == annexb.H264IDR && nals[i-1][0]&0x1f == annexb.H264PPS && nals[i-2][0]&0x1f == annexb.H264SPS
		}
		require.Equal(t, u.Key, complete, "a key frame has its parameter sets before it")
		if u.Key {
			at := slices.IndexFunc(nals, func(nal []byte) bool { return nal[0]&0x1f == annexb.H264SPS })
			require.Subset(t, sets, nals[at:at+2])
		}
	})
}
