package transport

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteTo(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	s := transport.socketOn(loopback4)
	n, err := s.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(v.address)) // 16 bytes of IPv4 in IPv6
	require.NoError(t, err)
	assert.Equal(t, 5, n)
	n, err = s.WriteToAddrPort([]byte("mapped"), netip.AddrPortFrom(netip.AddrFrom16(v.address.Addr().As16()), v.address.Port()))
	require.NoError(t, err)
	assert.Equal(t, 6, n)
	v.expect([]byte("hello"), []byte("mapped"))

	_, err = s.WriteTo([]byte("x"), &net.TCPAddr{})
	assert.Error(t, err)
	for _, to := range []netip.AddrPort{{}, netip.AddrPortFrom(loopback6, 9), netip.AddrPortFrom(loopback4, 0)} {
		n, err = s.WriteToAddrPort([]byte("x"), to)
		assert.Error(t, err, to)
		assert.Zero(t, n)
	}
}

func TestReads(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	s := reading(t, transport, loopback4) // pion reads the transport's own
	buffer := make([]byte, 100)
	v.tell(s, []byte("one"))
	n, from, err := s.ReadFromAddrPort(buffer)
	require.NoError(t, err)
	assert.Equal(t, "one", string(buffer[:n]))
	assert.Equal(t, v.address, from)
	v.tell(s, []byte("two"))
	n, address, err := s.ReadFrom(buffer)
	require.NoError(t, err)
	assert.Equal(t, "two", string(buffer[:n]))
	assert.Equal(t, v.address.String(), address.String())
}

// TestGathering: when much comes, a socket is looked at now and then; what is rare does not wait.
func TestGathering(t *testing.T) {
	var g gathering
	at := func(n int, now time.Duration) time.Duration {
		for range n {
			g.note(now)
		}
		return g.pause(now, now)
	}
	assert.Zero(t, at(gatherMuch-1, 0))
	assert.Zero(t, at(1, gatherWindow), "few in the window before")
	assert.Zero(t, at(gatherMuch, gatherWindow+time.Millisecond), "much, but the window is not over")
	now := 2*gatherWindow + 2*time.Millisecond
	assert.Equal(t, gatherPeriod-2*time.Millisecond, at(1, now), "to the next common moment")
	assert.Equal(t, gatherPeriod, at(0, now+gatherPeriod-2*time.Millisecond))
	assert.Zero(t, g.pause(now-gatherWindow, now), "on another socket")
	assert.Zero(t, at(1, now+gatherWindow), "few again")
	at(gatherMost, now+gatherWindow)
	assert.Equal(t, 2*gatherPeriod-now%(2*gatherPeriod), at(1, now+2*gatherWindow), "very much")
	at(gatherMost, now+2*gatherWindow)
	assert.Zero(t, at(1, now+4*gatherWindow), "long ago")
	at(gatherMost, now+4*gatherWindow)
	require.NotZero(t, at(1, now+5*gatherWindow))
	g.connecting(now + 5*gatherWindow)
	at(gatherMost, now+5*gatherWindow)
	assert.Zero(t, at(1, now+6*gatherWindow), "somebody connects")
}

// TestGatheredIsRead in lots, all of it, in order.
func TestGatheredIsRead(t *testing.T) {
	v, transport := newViewer(t, loopback4), &Transport{}
	s := reading(t, transport, loopback4)
	buffer := make([]byte, 100)
	for _, n := range []int{1, 3, 40} { // one by one, and more than one call reads
		for i := range n {
			v.tell(s, []byte{byte(i)})
		}
		for i := range n {
			transport.gather.period = gatherPeriod
			size, from, err := s.ReadFromAddrPort(buffer)
			require.NoError(t, err)
			assert.Equal(t, []byte{byte(i)}, buffer[:size])
			assert.Equal(t, v.address, from)
		}
		assert.True(t, s.inlet.drained())
	}
}

// reading makes a socket that nobody else reads.
func reading(t *testing.T, owner *Transport, address netip.Addr) *socket {
	conn, err := listenUDP(netip.AddrPortFrom(address, 0))
	require.NoError(t, err)
	s, err := newSocket(owner, conn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// tell sends p to a socket.
func (v *viewer) tell(s *socket, p []byte) {
	v.t.Helper()
	_, err := v.conn.WriteToUDPAddrPort(p, s.local.AddrPort())
	require.NoError(v.t, err)
}

// TestIPv6Reads: link-local addresses come with their interface.
func TestIPv6Reads(t *testing.T) {
	requireIPv6(t)
	transport, v := newTransport(t), newViewer(t, loopback6)
	s := reading(t, transport, loopback6)
	v.tell(s, []byte("one"))
	n, from, err := s.ReadFromAddrPort(make([]byte, 2))
	require.NoError(t, err)
	assert.Equal(t, 2, n, "cut off")
	assert.Equal(t, v.address, from)
}

func TestScopeOf(t *testing.T) {
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		assert.EqualValues(t, i.Index, scopeOf(netip.MustParseAddr("fe80::1%"+i.Name)))
	}
	assert.EqualValues(t, 7, scopeOf(netip.MustParseAddr("fe80::1%7")))
	assert.Zero(t, scopeOf(netip.MustParseAddr("fe80::1%no-such")))
	assert.Zero(t, scopeOf(loopback6))
}

// told is a log that passes its lines on.
type told chan string

func (c told) Write(line []byte) (int, error) {
	c <- string(line)
	return len(line), nil
}

// TestReadErrorPasses: an error must not reach pion's mux, which would stop for all viewers.
func TestReadErrorPasses(t *testing.T) {
	lines := make(told, 1)
	v := newViewer(t, loopback4)
	s := reading(t, &Transport{log: slog.New(slog.NewTextHandler(lines, nil))}, loopback4)
	s.inlet.interrupt() // an error that lasts
	go func() {
		<-lines
		_ = s.inlet.bell.poller.SetReadDeadline(time.Time{})
		_, _ = v.conn.WriteToUDPAddrPort([]byte("heard"), s.local.AddrPort())
	}()
	buffer := make([]byte, 100)
	n, _, err := s.ReadFromAddrPort(buffer)
	require.NoError(t, err)
	assert.Equal(t, "heard", string(buffer[:n]))
	s.stop()
	_, _, err = s.ReadFrom(buffer)
	assert.Equal(t, io.EOF, err)
}

// TestSendingDoesNotAllocate in the steady state of a picture and of a packet alone.
func TestSendingDoesNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("with the race detector, sync.Pool drops what it should keep")
	}
	transport, v := newTransport(t), newViewer(t, loopback4)
	defer transport.Coalesce(testSSRC)()
	s := transport.socketOn(loopback4)
	packets := picture(testSSRC, 0, 40, 1200, 1200, 1200, 1200, 1200, 1200, 300)
	handshake, sequence := others(t)["DTLS"], uint16(0)
	allocations := testing.AllocsPerRun(1000, func() {
		for _, p := range packets {
			p[2], p[3] = byte(sequence>>8), byte(sequence)
			sequence++
			if _, err := s.WriteToAddrPort(p, v.address); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.WriteToAddrPort(handshake, v.address); err != nil {
			t.Fatal(err)
		}
	})
	assert.Zero(t, allocations)
}

func TestReadingDoesNotAllocate(t *testing.T) {
	v := newViewer(t, loopback4)
	s := reading(t, &Transport{}, loopback4)
	buffer, report := make([]byte, 1500), []byte("report")
	assert.Zero(t, testing.AllocsPerRun(200, func() {
		v.tell(s, report)
		if _, _, err := s.ReadFromAddrPort(buffer); err != nil {
			t.Fatal(err)
		}
	}))
}
