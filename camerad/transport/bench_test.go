package transport

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// drain reads all that comes to a viewer until the benchmark ends.
func drain(v *viewer) {
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			if _, err := v.conn.Read(buffer); errors.Is(err, net.ErrClosed) {
				return
			}
		}
	}()
}

// sendPictures sends a picture of 8 packets of 1,200 bytes for each next.
func sendPictures(b *testing.B, s *socket, ssrc uint32, next func() bool, to netip.AddrPort) {
	packets := picture(ssrc, 0, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200)
	sequence := uint16(0)
	for next() {
		for _, p := range packets {
			p[2], p[3] = byte(sequence>>8), byte(sequence)
			sequence++
			if _, err := s.WriteToAddrPort(p, to); err != nil {
				b.Error(err)
			}
		}
	}
}

// BenchmarkPicture compares sending a picture in one message that the kernel cuts, in one call without
// that, and in a call per packet, over loopback to a viewer who reads.
func BenchmarkPicture(b *testing.B) {
	for _, way := range []string{"segmented", "one call", "call per packet", "net.UDPConn"} {
		b.Run(way, func(b *testing.B) {
			transport, v := newTransport(b), newViewer(b, loopback4)
			drain(v)
			s := transport.socketOn(loopback4)
			if way == "one call" {
				s.segments = false
			}
			if way == "segmented" || way == "one call" {
				defer transport.Coalesce(testSSRC)()
			}
			b.ReportAllocs()
			b.SetBytes(8 * 1200)
			if way == "net.UDPConn" {
				p, other := bytes.Repeat([]byte{1}, 1200), newViewer(b, loopback4)
				for b.Loop() {
					for range 8 {
						_, err := other.conn.WriteToUDPAddrPort(p, v.address)
						require.NoError(b, err)
					}
				}
				return
			}
			sendPictures(b, s, testSSRC, b.Loop, v.address)
			stats := transport.Stats()
			b.ReportMetric(float64(stats.Packets)/float64(stats.Calls), "packets/call")
		})
	}
}

// BenchmarkViewers sends pictures to many viewers from a goroutine each.
func BenchmarkViewers(b *testing.B) {
	for _, way := range []string{"segmented", "one call", "call per packet"} {
		b.Run(way, func(b *testing.B) {
			transport := newTransport(b)
			s := transport.socketOn(loopback4)
			s.segments = way == "segmented"
			var viewers atomic.Uint32
			b.SetParallelism(50)
			b.ReportAllocs()
			b.SetBytes(8 * 1200)
			b.RunParallel(func(pb *testing.PB) {
				v := newViewer(b, loopback4)
				drain(v)
				ssrc := testSSRC + viewers.Add(1)
				if way != "call per packet" {
					defer transport.Coalesce(ssrc)()
				}
				sendPictures(b, s, ssrc, pb.Next, v.address)
			})
			stats := transport.Stats()
			b.ReportMetric(float64(stats.Packets)/float64(stats.Calls), "packets/call")
		})
	}
}
