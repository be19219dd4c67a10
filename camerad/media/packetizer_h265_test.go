package media

import (
	"bytes"
	"slices"
	"testing"

	"seccam/camerad/media/annexb"
	"seccam/camerad/media/source"

	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// h265Sets are stand-ins for VPS, SPS and PPS.
func h265Sets() [][]byte { return [][]byte{{32 << 1, 1, 9}, {33 << 1, 1, 8}, {34 << 1, 1, 7}} }

// depacketizeH265 puts NAL units together as RFC 7798 sections 4.4.1 and 4.4.3 say, and checks that
// fragments fill their packets.
func depacketizeH265(t require.TestingT, u *Unit) (nals [][]byte) {
	for _, p := range u.Packets {
		b := p.Payload
		if b[0]>>1&0x3f != 49 {
			nals = append(nals, b)
			continue
		}
		if b[2]&0x80 != 0 {
			nals = append(nals, []byte{b[0]&0x81 | b[2]&0x3f<<1, b[1]})
		}
		if b[2]&0x40 == 0 {
			require.Len(t, b, maxPayload, "fragments but the last are of one size")
		}
		nals[len(nals)-1] = append(nals[len(nals)-1], b[3:]...)
	}
	return nals
}

// TestH265PacketsOnTheWire compares with vectors written by hand from RFC 7798 sections 4.4.1 and
// 4.4.3.
func TestH265PacketsOnTheWire(t *testing.T) {
	idr := append([]byte{19 << 1, 0x02}, bytes.Repeat([]byte{0xab}, 2*(maxPayload-3)+1)...) // temporal id 1
	var p h265Packetizer
	u := p.unit(annexB(slices.Concat([][]byte{{35 << 1, 1, 0x50}}, h265Sets(), [][]byte{idr, {38 << 1, 1, 0xff}})...), 7)
	require.NotNil(t, u)
	require.Len(t, u.Packets, 6, "neither delimiter nor filler")
	assert.Equal(t, h265Sets(), payloads(u)[:3])
	assert.Equal(t, []byte{49 << 1, 0x02, 0x93, 0xab}, u.Packets[3].Payload[:4], "FU, start")
	assert.Equal(t, []byte{49 << 1, 0x02, 0x13, 0xab}, u.Packets[4].Payload[:4], "FU, middle")
	assert.Equal(t, []byte{49 << 1, 0x02, 0x53, 0xab}, u.Packets[5].Payload, "FU, end")
	assert.True(t, u.Key)
	checkPackets(t, u)
	small := p.unit(annexB([]byte{1 << 1, 1, 2}), 8)
	assert.Equal(t, []Packet{{Payload: []byte{1 << 1, 1, 2}, Marker: true}}, small.Packets, "single NAL unit")
	assert.False(t, small.Key)
}

func TestH265ParameterSetsPrecedeEveryKeyFrame(t *testing.T) {
	for kind := byte(16); kind <= 23; kind++ { // all random access pictures: H.265 table 7-1
		var p h265Packetizer
		key := []byte{kind << 1, 1, 5}
		assert.False(t, p.unit(annexB(key), 0).Key, "nobody can decode it")
		assert.Nil(t, p.unit(annexB(h265Sets()...), 0), "no picture")
		u := p.unit(annexB(key, key), 0)
		assert.True(t, u.Key)
		assert.Equal(t, append(h265Sets(), key, key), depacketizeH265(t, u), "once, before the first slice")
	}
	var p h265Packetizer
	assert.Nil(t, p.unit(annexB([]byte{19 << 1}, []byte{19 << 1, 1}), 0), "a header alone is no picture")
	p.unit(annexB(h265Sets()[:2]...), 0)
	assert.False(t, p.unit(annexB([]byte{19 << 1, 1, 5}), 0).Key, "the PPS is missing")
}

func TestH265RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nals := h265Sets()
		for range rapid.IntRange(1, 4).Draw(t, "slices") {
			header := []byte{20 << 1, rapid.Byte().Draw(t, "layer and temporal id") | 1}
			nals = append(nals, append(header, bytes.Repeat([]byte{0x5a}, rapid.IntRange(1, 4*maxPayload).Draw(t, "size"))...))
		}
		var p h265Packetizer
		u := p.unit(annexB(nals...), 0)
		checkPackets(t, u)
		requireSame(t, nals, depacketizeH265(t, u))
		require.True(t, bytes.Equal(annexB(nals...), unmarshal(t, &codecs.H265Depacketizer{}, u)))
	})
}

// FuzzH265Packetizer gives it anything. Types that RFC 7798 uses for its own packets are left out: no
// encoder makes them.
func FuzzH265Packetizer(f *testing.F) {
	f.Add(annexB(append(h265Sets(), []byte{19 << 1, 1, 3})...))
	f.Add(annexB(append(h265Sets(), append([]byte{19 << 1, 1}, bytes.Repeat([]byte{7}, 3000)...), []byte{35 << 1, 1, 9})...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var want [][]byte
		for nal := range annexb.NALUnits(stream) {
			switch kind := nal[0] >> 1 & 0x3f; {
			case len(nal) < 3, kind >= h265VPS && kind <= h265AUD, kind == h265Fill:
			case kind >= 48:
				return
			default:
				want = append(want, nal)
			}
		}
		u := new(h265Packetizer).unit(stream, 0)
		if u == nil {
			require.Empty(t, want)
			return
		}
		checkPackets(t, u)
		nals := depacketizeH265(t, u)
		requireSame(t, want, withoutSets(source.H265, annexB(nals...)))
		sets := 0 // that precede
		complete := slices.ContainsFunc(nals, func(nal []byte) bool {
			kind := nal[0] >> 1 & 0x3f
			if kind != h265VPS+byte(sets) {
				whole := sets == 3 && kind >= h265FirstIRAP && kind <= h265LastIRAP
				sets = 0
				return whole
			}
			sets++
			return false
		})
		require.Equal(t, u.Key, complete, "a key frame has its parameter sets before it")
	})
}
