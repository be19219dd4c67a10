package media

import (
	"bytes"
	"image"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestVP8PacketsOnTheWire compares with vectors written by hand from RFC 7741 section 4.2.
func TestVP8PacketsOnTheWire(t *testing.T) {
	var p vp8Packetizer
	assert.Nil(t, p.unit(nil, 0), "skipped frame")
	u := p.unit([]byte{0x01, 7}, 5)
	assert.Equal(t, []Packet{{Payload: []byte{0x10, 0x01, 7}, Marker: true}}, u.Packets)
	assert.False(t, u.Key, "RFC 6386 section 9.1: the lowest bit is 0 in a key frame")
	assert.EqualValues(t, 5, u.Time)
	u = p.unit(bytes.Repeat([]byte{0x10}, 2*(maxPayload-1)+1), 0)
	require.Len(t, u.Packets, 3)
	assert.True(t, u.Key)
	assert.Equal(t, []byte{0x10, 0x10}, u.Packets[0].Payload[:2], "the start of partition 0")
	assert.Equal(t, []byte{0x00, 0x10}, u.Packets[1].Payload[:2])
	assert.Equal(t, []byte{0x00, 0x10}, u.Packets[2].Payload)
	assert.Len(t, p.unit(make([]byte, maxPayload-1), 0).Packets, 1)
}

// checkVP8 depacketises with pion and compares.
func checkVP8(t testing.TB, frame []byte, u *Unit) {
	checkPackets(t, u)
	var depacketizer codecs.VP8Packet
	var got []byte
	for i, packet := range u.Packets {
		if i < len(u.Packets)-1 {
			require.Len(t, packet.Payload, maxPayload, "fragments but the last are of one size")
		}
		data, err := depacketizer.Unmarshal(packet.Payload)
		require.NoError(t, err)
		require.Equal(t, i == 0, depacketizer.S == 1)
		require.Zero(t, depacketizer.X|depacketizer.N|depacketizer.PID)
		got = append(got, data...)
	}
	require.True(t, bytes.Equal(frame, got))
}

func TestRealVP8(t *testing.T) {
	s := newScene(320, 180)
	e, err := newEncoder(VP8, image.Pt(320, 180), Rate{Width: 320, Height: 180, FPS: 30, Bitrate: 1_000_000}, 0)
	require.NoError(t, err)
	defer func() { assert.NoError(t, e.close()) }()
	for n := range 6 {
		frame, err := e.encode(s.draw(n), time.Duration(n)*time.Second/30, n == 3, 1_000_000)
		require.NoError(t, err)
		u := vp8Packetizer{}.unit(frame, 0)
		checkVP8(t, frame, u)
		if n == 0 || n == 3 {
			assert.True(t, u.Key)
			assert.Greater(t, len(u.Packets), 1, "not much of a test")
		}
	}
}

func FuzzVP8Packetizer(f *testing.F) {
	f.Add([]byte{0x10})
	f.Add(bytes.Repeat([]byte{1, 2, 3}, 400))
	f.Fuzz(func(t *testing.T, frame []byte) {
		u := vp8Packetizer{}.unit(frame, 0)
		if len(frame) == 0 {
			require.Nil(t, u)
			return
		}
		require.Equal(t, frame[0]&1 == 0, u.Key)
		checkVP8(t, frame, u)
	})
}
