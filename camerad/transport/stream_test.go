package transport

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneCall is where a picture is one system call.
const oneCall = runtime.GOOS == "linux"

func TestPictureIsOneCall(t *testing.T) {
	for name, sizes := range map[string][]int{
		"equal":                  {1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200},
		"shorter last":           {1200, 1200, 1200, 1200, 77},
		"parameter sets first":   {40, 1200, 1200, 1200, 345},
		"growing":                {100, 200, 300, 400},
		"falling":                {400, 300, 200, 100},
		"pairs":                  {500, 500, 200, 200, 500, 500},
		"alternating":            {900, 901, 900, 901, 900, 901},
		"one":                    {1200},
		"two":                    {1200, 1200},
		"as many as may be":      slices.Repeat([]int{1000}, maxPackets),
		"as many, all different": sequenceOf(maxPackets),
		"as large as may be":     {maxBytes / 2, maxBytes / 2},
	} {
		t.Run(name, func(t *testing.T) {
			transport, v := newTransport(t), newViewer(t, loopback4)
			defer transport.Coalesce(testSSRC)()
			packets := picture(testSSRC, 65530, sizes...) // wraps
			s := transport.socketOn(loopback4)
			write(t, s, v.address, packets[:len(packets)-1]...)
			v.expectNothing()
			write(t, s, v.address, packets[len(packets)-1])
			v.expect(packets...)
			stats := transport.Stats()
			assert.EqualValues(t, len(sizes), stats.Packets)
			assert.EqualValues(t, len(slices.Concat(packets...)), stats.Bytes)
			assert.Zero(t, stats.Errors)
			if oneCall {
				assert.EqualValues(t, 1, stats.Calls)
			}
		})
	}
}

// sequenceOf returns n sizes that differ.
func sequenceOf(n int) (sizes []int) {
	for i := range n {
		sizes = append(sizes, 100+i*7)
	}
	return sizes
}

func TestRetransmissionDoesNotWait(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	defer transport.Coalesce(testSSRC)()
	s := transport.socketOn(loopback4)
	first := picture(testSSRC, 100, 300, 300)
	write(t, s, v.address, first...)
	v.expect(first...)

	second := picture(testSSRC, 102, 400, 400, 50)
	write(t, s, v.address, second[:2]...)
	write(t, s, v.address, first[1], first[0], second[0])
	v.expect(first[1], first[0], second[0])
	write(t, s, v.address, second[2])
	v.expect(second...)
}

func TestOthersDoNotWait(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	defer transport.Coalesce(testSSRC)()
	s := transport.socketOn(loopback4)
	packets := picture(testSSRC, 1, 200, 200)
	write(t, s, v.address, packets[0])
	for name, p := range others(t) {
		write(t, s, v.address, p)
		require.Equal(t, p, v.receive(1)[0], name)
	}
	audio := rtpPacket(testSSRC+1, 7, false, 120)
	write(t, s, v.address, audio)
	v.expect(audio)
	write(t, s, v.address, packets[1])
	v.expect(packets...)
}

func TestChangeOfAddress(t *testing.T) {
	transport := newTransport(t)
	before, after := newViewer(t, loopback4), newViewer(t, loopback4)
	defer transport.Coalesce(testSSRC)()
	s := transport.socketOn(loopback4)
	packets := picture(testSSRC, 1, 200, 200, 200, 200)
	write(t, s, before.address, packets[:2]...)
	before.expectNothing()
	write(t, s, after.address, packets[2])
	before.expect(packets[:2]...)
	after.expectNothing()
	write(t, s, after.address, packets[3])
	after.expect(packets[2:]...)
	before.expectNothing()
}

func TestChangeOfFamily(t *testing.T) {
	requireIPv6(t)
	transport := newTransport(t, loopback4, loopback6)
	v4, v6 := newViewer(t, loopback4), newViewer(t, loopback6)
	defer transport.Coalesce(testSSRC)()
	packets := picture(testSSRC, 1, 200, 200, 200, 100)
	write(t, transport.socketOn(loopback4), v4.address, packets[0])
	write(t, transport.socketOn(loopback6), v6.address, packets[1:]...)
	v4.expect(packets[0])
	v6.expect(packets[1:]...)
}

func requireIPv6(t testing.TB) {
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skip("no IPv6 on this machine:", err)
	}
	require.NoError(t, conn.Close())
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		sizes []int
		atEnd int // packets of the last call
	}{
		"packets":            {slices.Repeat([]int{100}, 2*maxPackets+3), 3},
		"bytes":              {slices.Repeat([]int{1300}, maxBytes/1300+5), 5},
		"filled exactly":     {[]int{maxBytes - 1000, 1000, 20}, 1},
		"huge, first":        {[]int{65400, 500, 500}, 2},
		"huge, amid":         {[]int{500, 500, 65400, 600}, 1},
		"huge, last":         {[]int{500, 65400}, 2},
		"packets, then none": {slices.Repeat([]int{100}, maxPackets+1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			transport, v := newTransport(t), newViewer(t, loopback4)
			defer transport.Coalesce(testSSRC)()
			packets := picture(testSSRC, 1, c.sizes...)
			s := transport.socketOn(loopback4)
			early := len(packets) - c.atEnd
			write(t, s, v.address, packets[:len(packets)-1]...)
			v.expect(packets[:early]...)
			write(t, s, v.address, packets[len(packets)-1])
			v.expect(packets[early:]...)
		})
	}
}

func TestGapEndsThePicture(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	defer transport.Coalesce(testSSRC)()
	s := transport.socketOn(loopback4)
	lost := picture(testSSRC, 65534, 200, 200, 200, 200)
	next := picture(testSSRC, 20, 300, 300)
	write(t, s, v.address, lost[:2]...)
	v.expectNothing()
	write(t, s, v.address, next[0])
	v.expect(lost[:2]...)
	write(t, s, v.address, next[1])
	v.expect(next...)
}

func TestForget(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	s := transport.socketOn(loopback4)
	forget := transport.Coalesce(testSSRC)
	again := transport.Coalesce(testSSRC) // two viewers chose the same
	packets := picture(testSSRC, 1, 200, 200, 200, 200)

	write(t, s, v.address, packets[0])
	again()
	again()
	v.expectNothing()
	forget()
	v.expect(packets[0])
	write(t, s, v.address, packets[1])
	v.expect(packets[1])
	forget()

	defer transport.Coalesce(testSSRC)()
	write(t, s, v.address, packets[2])
	v.expectNothing()
	write(t, s, v.address, packets[3])
	v.expect(packets[2:]...)
}

// TestForgetWhileWriting: who found the stream just before it was forgotten must not add to it.
func TestForgetWhileWriting(t *testing.T) {
	s, kernel := newRecorded(slog.New(slog.DiscardHandler))
	forget := s.owner.Coalesce(testSSRC)
	found := s.owner.streams.get(testSSRC)
	forget()
	p := rtpPacket(testSSRC, 1, false, 100)
	h, _ := parseRTP(p)
	require.NoError(t, found.write(s, p, h, netip.AddrPortFrom(loopback4, 9)))
	assert.Equal(t, [][]byte{p}, kernel.packets())
}

func TestLostEndDoesNotKeepTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, kernel := newRecorded(slog.New(slog.DiscardHandler))
		defer s.owner.streams.close()
		defer s.owner.Coalesce(testSSRC)()
		to := netip.AddrPortFrom(loopback4, 9)
		for sequence := uint16(1); sequence < 20; sequence += 2 { // the timer also runs a second time
			packets := picture(testSSRC, sequence, 100, 100)
			write(t, s, to, packets[0])
			time.Sleep(defaultPatience - time.Nanosecond)
			synctest.Wait()
			require.Len(t, kernel.packets(), int(sequence)-1, "it waits")
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			require.Len(t, kernel.packets(), int(sequence), "it has waited")
			write(t, s, to, packets[1])
			require.Equal(t, packets, kernel.packets()[sequence-1:])
		}
	})
}

// TestWholePictureStopsTheTimer: it must not send the first half of the next.
func TestWholePictureStopsTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, kernel := newRecorded(slog.New(slog.DiscardHandler))
		defer s.owner.streams.close()
		defer s.owner.Coalesce(testSSRC)()
		to := netip.AddrPortFrom(loopback4, 9)
		write(t, s, to, picture(testSSRC, 1, 100, 100)...)
		time.Sleep(defaultPatience / 2)
		write(t, s, to, rtpPacket(testSSRC, 3, false, 100))
		time.Sleep(defaultPatience - time.Nanosecond)
		synctest.Wait()
		assert.Len(t, kernel.packets(), 2)
	})
}

func TestCloseSendsWhatWaits(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	forget := transport.Coalesce(testSSRC)
	p := rtpPacket(testSSRC, 1, false, 100)
	s := transport.socketOn(loopback4)
	write(t, s, v.address, p)
	require.NoError(t, transport.Close())
	v.expect(p)
	forget()
	transport.Coalesce(testSSRC)()
	_, err := s.WriteToAddrPort(p, v.address)
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.EqualValues(t, 1, transport.Stats().Errors)
}

func TestConcurrentViewers(t *testing.T) {
	const viewers, pictures = 12, 40
	transport := newTransport(t)
	s := transport.socketOn(loopback4)
	for n := range viewers {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			v := newViewer(t, loopback4)
			ssrc := testSSRC + uint32(n)
			defer transport.Coalesce(ssrc)()
			stun := make(chan struct{})
			go func() { // as an ICE agent does beside the sending goroutine
				defer close(stun)
				for range pictures {
					_, _ = s.WriteToAddrPort([]byte{0, 1, 0, 0}, v.address)
				}
			}()
			var sent [][]byte
			for i := range pictures {
				packets := picture(ssrc, uint16(i*6), 500, 500, 500, 500, 500, 30+n)
				write(t, s, v.address, packets...)
				sent = append(sent, packets...)
			}
			<-stun
			got := v.receive(len(sent) + pictures)
			got = slices.DeleteFunc(got, func(p []byte) bool { return len(p) == 4 })
			require.Equal(t, sent, got)
		})
	}
}
