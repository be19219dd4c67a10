package transport

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refuseSegments is a kernel or path without segmentation.
func refuseSegments(err error) func([]message) error {
	return func(messages []message) error {
		if messages[0].segment != 0 {
			return err
		}
		return nil
	}
}

func TestPathWithoutSegmentation(t *testing.T) {
	for _, refusal := range []error{syscall.EIO, syscall.EINVAL, syscall.EMSGSIZE, syscall.ENOTSUP, syscall.EOPNOTSUPP} {
		t.Run(refusal.Error(), func(t *testing.T) {
			var log bytes.Buffer
			s, kernel := newRecorded(slog.New(slog.NewTextHandler(&log, nil)))
			kernel.judge = refuseSegments(refusal)
			kernel.most = 3 // the rest takes another call
			defer s.owner.Coalesce(testSSRC)()
			defer s.owner.Coalesce(testSSRC + 1)()
			to := netip.AddrPortFrom(loopback4, 9)

			// The first message, which is one packet, is taken before the second is refused.
			first := picture(testSSRC, 1, 40, 1200, 1200, 1200, 1200, 1200, 17)
			kernel.most = 1
			write(t, s, to, first...)
			kernel.most = 3
			require.Equal(t, first, kernel.packets())
			require.Equal(t, 1+1+6, kernel.calls)

			second := picture(testSSRC, 8, 1200, 1200, 1200, 1200)
			write(t, s, to, second...)
			require.Equal(t, 8+2, kernel.calls, "it is not tried again")
			other := picture(testSSRC+1, 8, 1200, 1200)
			write(t, s, to, other...)
			require.Equal(t, 10+2, kernel.calls, "another viewer's path may be better")
			require.Equal(t, append(append(first, second...), other...), kernel.packets())
			assert.Equal(t, 1, strings.Count(log.String(), "segmentation"), "it is told once")
			assert.Zero(t, s.owner.Stats().Errors)
			assert.EqualValues(t, kernel.calls, s.owner.Stats().Calls)
		})
	}
}

func TestNewPathIsTriedAgain(t *testing.T) {
	s, kernel := newRecorded(slog.New(slog.DiscardHandler))
	kernel.script = []error{syscall.EIO}
	defer s.owner.Coalesce(testSSRC)()
	write(t, s, netip.AddrPortFrom(loopback4, 9), picture(testSSRC, 1, 99, 99)...)
	write(t, s, netip.AddrPortFrom(loopback4, 9), picture(testSSRC, 3, 99, 99)...)
	write(t, s, netip.AddrPortFrom(loopback4, 10), picture(testSSRC, 5, 99, 99)...)
	var segments []int
	for _, m := range kernel.sent {
		segments = append(segments, m.segment)
	}
	assert.Equal(t, []int{0, 0, 0, 0, 99}, segments)
}

// TestSegmentationRefusedForReal sends through the real kernel, up to the message that is refused.
func TestSegmentationRefusedForReal(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	s := transport.socketOn(loopback4)
	kernel := s.kernel
	s.kernel = func(c *call, messages []message, to netip.AddrPort) (int, error) {
		switch i := slices.IndexFunc(messages, func(m message) bool { return m.segment != 0 }); {
		case i == 0:
			return 0, syscall.EIO
		case i > 0:
			messages = messages[:i]
		}
		return kernel(c, messages, to)
	}
	defer transport.Coalesce(testSSRC)()
	packets := picture(testSSRC, 1, 40, 1200, 1200, 1200, 1200, 1200, 1200, 17)
	write(t, s, v.address, packets...)
	v.expect(packets...)
	if oneCall {
		assert.EqualValues(t, 3, transport.Stats().Calls, "up to the refusal, the refusal, and the rest")
	}
}

func TestFullBufferIsWaitedFor(t *testing.T) {
	for _, lack := range []error{syscall.EAGAIN, syscall.ENOBUFS} {
		synctest.Test(t, func(t *testing.T) {
			s, kernel := newRecorded(slog.New(slog.DiscardHandler))
			defer s.owner.Coalesce(testSSRC)()
			kernel.script = []error{lack, lack, nil, lack, nil}
			kernel.most = 1
			began := time.Now()
			packets := picture(testSSRC, 1, 40, 1200, 1200, 1200, 1200, 15)
			write(t, s, netip.AddrPortFrom(loopback4, 9), packets...)
			require.Equal(t, packets, kernel.packets())
			assert.Equal(t, 3*fullPause, time.Since(began))
			assert.Zero(t, s.owner.Stats().Errors)
		})
	}
}

// TestFullBufferLosesPackets but blocks nobody for long, and is no error, like a loss in the network.
func TestFullBufferLosesPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, kernel := newRecorded(slog.New(slog.DiscardHandler))
		defer s.owner.Coalesce(testSSRC)()
		kernel.judge = func([]message) error { return syscall.EAGAIN }
		began := time.Now()
		write(t, s, netip.AddrPortFrom(loopback4, 9), picture(testSSRC, 1, 40, 1200, 1200, 15)...)
		assert.Equal(t, fullRetries*fullPause, time.Since(began))
		assert.Empty(t, kernel.packets())
		assert.EqualValues(t, 4, s.owner.Stats().Errors)
		assert.Zero(t, s.owner.Stats().Packets)

		kernel.judge = nil
		next := picture(testSSRC, 5, 1200, 1200)
		write(t, s, netip.AddrPortFrom(loopback4, 9), next...)
		assert.Equal(t, next, kernel.packets())
	})
}

func TestRefusedPacketIsAnError(t *testing.T) {
	s, kernel := newRecorded(slog.New(slog.DiscardHandler))
	defer s.owner.Coalesce(testSSRC)()
	to := netip.AddrPortFrom(loopback4, 9)
	s.local = &net.UDPAddr{}
	kernel.most = 1
	kernel.script = []error{nil, syscall.ENETUNREACH, nil}
	packets := picture(testSSRC, 1, 40, 1200, 1200, 1300)
	write(t, s, to, packets[:3]...)
	n, err := s.WriteToAddrPort(packets[3], to)
	assert.Zero(t, n)
	assert.ErrorIs(t, err, syscall.ENETUNREACH)
	assert.Equal(t, [][]byte{packets[0], packets[3]}, kernel.packets(), "the others are sent")
	assert.EqualValues(t, 2, s.owner.Stats().Errors)

	kernel.script = []error{errors.New("any")}
	_, err = s.WriteToAddrPort([]byte("STUN"), to)
	assert.ErrorContains(t, err, "any")
	write(t, s, to, picture(testSSRC, 5, 1200, 1200)...)
	assert.Equal(t, 1200, kernel.sent[2].segment, "a path that was down is still segmented")
}
