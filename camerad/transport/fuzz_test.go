package transport

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzPackets sends any datagrams: each comes out once and unchanged, and those of the stream that are
// each newer than all before come out in order.
func FuzzPackets(f *testing.F) {
	join := func(packets ...[]byte) (data []byte) {
		for _, p := range packets {
			data = append(append(data, byte(len(p)>>8), byte(len(p))), p...)
		}
		return data
	}
	f.Add(join(picture(testSSRC, 65534, 1200, 1200, 1200, 40)...), uint8(0))
	f.Add(join(slices.Concat(picture(testSSRC, 1, 99, 1200), picture(testSSRC, 1, 99), picture(testSSRC, 9, 98, 97, 96))...), uint8(1))
	f.Add(join(rtpPacket(testSSRC, 9, false, 30), rtpPacket(testSSRC, 8, false, 30), rtpPacket(testSSRC, 9, false, 31)), uint8(0))
	f.Add(join(slices.Concat(picture(testSSRC, 1, slices.Repeat([]int{13}, 70)...), [][]byte{{}, {0x80}})...), uint8(2))
	for _, p := range others(f) {
		f.Add(join(picture(testSSRC, 1, 20)[0], p), uint8(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, most uint8) {
		s, kernel := newRecorded(slog.New(slog.DiscardHandler))
		kernel.most = int(most)
		forget := s.owner.Coalesce(testSSRC)
		var sent [][]byte
		for len(data) >= 2 {
			size := min(int(data[0])<<8|int(data[1]), len(data)-2)
			p := data[2 : 2+size]
			data = data[2+size:]
			write(t, s, netip.AddrPortFrom(loopback4, 9), p)
			sent = append(sent, slices.Clone(p))
		}
		forget()
		s.owner.streams.close()
		got := kernel.packets()
		rest := newest(sent)
		for _, p := range got {
			if len(rest) > 0 && slices.Equal(rest[0], p) {
				rest = rest[1:]
			}
		}
		require.Empty(t, rest, "they are not in order")
		slices.SortFunc(sent, slices.Compare)
		slices.SortFunc(got, slices.Compare)
		require.Equal(t, len(sent), len(got))
		for i := range sent {
			require.True(t, slices.Equal(sent[i], got[i]))
		}
	})
}

// newest returns the stream's packets that are each newer than all before.
func newest(packets [][]byte) (list [][]byte) {
	var last rtpHeader
	for _, p := range packets {
		h, ok := parseRTP(p)
		if ok && h.ssrc == testSSRC && (len(list) == 0 || int16(h.sequence-last.sequence) > 0) {
			list, last = append(list, p), h
		}
	}
	return list
}

func FuzzParseRTP(f *testing.F) {
	f.Add(rtpPacket(testSSRC, 1, true, 100))
	f.Add([]byte{})
	for _, p := range others(f) {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		h, ok := parseRTP(p)
		if !ok {
			require.Zero(t, h)
			return
		}
		require.True(t, p[0] >= 128 && p[0] <= 191, "RFC 7983")
		require.False(t, p[1] >= 192 && p[1] <= 223, "RFC 5761")
	})
}

// FuzzReports: whatever comes from a viewer's address, what is not authentic is left to pion.
func FuzzReports(f *testing.F) {
	for _, seed := range []string{"", "\x80", "\x80\xc9\x00\x01\x00\x00\x00\x05", "\x8f\xcd\x00\x04" + strings.Repeat("\x00", 40)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := newSealed(t)
		s.send(true)
		s.send(true)
		s.express.sealer.ears.passed = time.Hour // none goes to pion unread
		require.False(t, s.socket.owner.hear(s.socket, raw, viewerAddress, time.Hour))
	})
}

// FuzzCryptexOf reads what any of pion's packets may be.
func FuzzCryptexOf(f *testing.F) {
	f.Add([]byte("\x90\x66\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0\xde\x00\x01"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, ok := parseRTP(raw); ok {
			cryptex, known := cryptexOf(raw)
			require.False(t, cryptex && !known)
		}
	})
}
