package media

import (
	"bytes"
	"slices"
	"testing"

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

func TestNALUnits(t *testing.T) {
	for name, c := range map[string]struct {
		stream []byte
		want   [][]byte
	}{
		"empty":              {nil, nil},
		"no start code":      {[]byte{1, 2, 3}, nil},
		"three bytes":        {[]byte{0, 0, 1, 7, 0, 0, 1, 8}, [][]byte{{7}, {8}}},
		"four bytes":         {[]byte{0, 0, 0, 1, 7, 0, 0, 0, 1, 8}, [][]byte{{7}, {8}}},
		"leading rubbish":    {[]byte{9, 9, 0, 0, 1, 7}, [][]byte{{7}}},
		"trailing zeros":     {[]byte{0, 0, 1, 7, 5, 0, 0, 0}, [][]byte{{7, 5}}},
		"empty units":        {[]byte{0, 0, 1, 0, 0, 1, 7}, [][]byte{{7}}},
		"start code at end":  {[]byte{0, 0, 1, 7, 0, 0, 1}, [][]byte{{7}}},
		"zeros in the unit":  {[]byte{0, 0, 1, 7, 0, 0, 3, 1}, [][]byte{{7, 0, 0, 3, 1}}},
		"long run of zeros":  {[]byte{0, 0, 0, 0, 0, 0, 1, 7}, [][]byte{{7}}},
		"single zero before": {[]byte{0, 1, 7}, nil},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, slices.Collect(nalUnits(c.stream))) })
	}
}

func FuzzNALUnits(f *testing.F) {
	f.Add([]byte{0, 0, 1, 7, 0, 0, 0, 1, 8})
	f.Add([]byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		total := 0
		for nal := range nalUnits(stream) {
			total += len(nal) + len(startCode)
			if len(nal) == 0 || bytes.Contains(nal, startCode) || nal[len(nal)-1] == 0 {
				t.Fatalf("not a NAL unit: % x", nal)
			}
		}
		if total > len(stream) {
			t.Fatalf("%d bytes of units from %d", total, len(stream))
		}
		var p packetizer
		if u := p.unit(stream, 0); u != nil {
			for i, packet := range u.Packets {
				if len(packet.Payload) == 0 || packet.Marker != (i == len(u.Packets)-1) {
					t.Fatal("bad packet")
				}
			}
		}
	})
}

// TestPacketsOnTheWire compares with vectors written by hand from RFC 6184 sections 5.6 to 5.8.
func TestPacketsOnTheWire(t *testing.T) {
	sps, pps := []byte{0x67, 0x42, 0xe0, 0x1f}, []byte{0x68, 0xce}
	long := append([]byte{0x65}, bytes.Repeat([]byte{0xab}, 2*(maxPayload-2)+1)...)
	var p packetizer
	u := p.unit(annexB([]byte{0x09, 0xf0}, sps, pps, long, []byte{0x0c, 0xff}), 7)
	require.NotNil(t, u)
	require.Len(t, u.Packets, 4)
	assert.Equal(t, []byte{0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce}, u.Packets[0].Payload, "STAP-A")
	assert.Equal(t, []byte{0x7c, 0x85, 0xab}, u.Packets[1].Payload[:3], "FU-A, start")
	assert.Equal(t, []byte{0x7c, 0x05, 0xab}, u.Packets[2].Payload[:3], "FU-A, middle")
	assert.Equal(t, []byte{0x7c, 0x45, 0xab}, u.Packets[3].Payload, "FU-A, end")
	assert.True(t, u.Key)
	for i, packet := range u.Packets {
		assert.Equal(t, i == 3, packet.Marker)
		assert.LessOrEqual(t, len(packet.Payload), maxPayload)
	}
	small := p.unit(annexB([]byte{0x41, 1, 2}), 8)
	assert.Equal(t, []Packet{{Payload: []byte{0x41, 1, 2}, Marker: true}}, small.Packets, "single NAL unit")
	assert.False(t, small.Key)
}

func TestParameterSetsPrecedeEveryKeyFrame(t *testing.T) {
	var p packetizer
	assert.False(t, p.unit(annexB([]byte{0x65, 1}), 0).Key, "nobody can decode it")
	assert.Nil(t, p.unit(annexB([]byte{0x67, 1}, []byte{0x68, 2}), 0), "no picture")
	assert.Nil(t, p.unit(nil, 0), "skipped frame")
	u := p.unit(annexB([]byte{0x65, 1}, []byte{0x65, 2}), 0)
	assert.True(t, u.Key)
	assert.Len(t, u.Packets, 3, "once, before the first slice")
	assert.EqualValues(t, typeSTAPA, u.Packets[0].Payload[0]&nalTypes)
}

// TestRoundTrip depacketises with pion, as a viewer does.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nals := [][]byte{{0x67, 1, 2, 3}, {0x68, 4}}
		for range rapid.IntRange(1, 4).Draw(t, "slices") {
			size := rapid.IntRange(1, 4*maxPayload).Draw(t, "size")
			nals = append(nals, append([]byte{0x65}, bytes.Repeat([]byte{0x5a}, size)...))
		}
		var p packetizer
		var h264 codecs.H264Packet
		var got []byte
		for _, packet := range p.unit(annexB(nals...), 0).Packets {
			if len(packet.Payload) > maxPayload {
				t.Fatalf("payload of %d bytes", len(packet.Payload))
			}
			data, err := h264.Unmarshal(packet.Payload)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, data...)
		}
		if !bytes.Equal(got, annexB(nals...)) {
			t.Fatal("the stream changed on the way")
		}
	})
}
