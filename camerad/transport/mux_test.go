package transport

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// machine is a machine whose addresses change.
type machine struct{ now atomic.Pointer[[]netip.Addr] }

func (m *machine) set(addresses ...netip.Addr)      { m.now.Store(&addresses) }
func (m *machine) addresses() ([]netip.Addr, error) { return *m.now.Load(), nil }

// loopbacks returns n addresses that a machine has without being configured.
func loopbacks(t *testing.T, n int) (list []netip.Addr) {
	if runtime.GOOS != "linux" && n > 1 {
		t.Skip("this system has one IPv4 loopback address only")
	}
	for i := range n {
		list = append(list, netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)}))
	}
	return list
}

func listenAddresses(m *Transport) (list []netip.Addr, ports map[uint16]bool) {
	ports = map[uint16]bool{}
	for _, address := range m.Mux().GetListenAddresses() {
		a := address.(*net.UDPAddr).AddrPort()
		list = append(list, a.Addr())
		ports[a.Port()] = true
	}
	return list, ports
}

func TestAddressesOfTheMoment(t *testing.T) {
	a := loopbacks(t, 3)
	var m machine
	m.set(a[0])
	transport, err := listen(Config{Log: slog.New(slog.DiscardHandler)}, m.addresses, listenUDP)
	require.NoError(t, err)
	defer func() { require.NoError(t, transport.Close()) }()

	m.set(a...)
	list, ports := listenAddresses(transport)
	assert.Equal(t, a, list)
	assert.Len(t, ports, 1, "the same port")

	local := transport.socketOn(a[1]).LocalAddr()
	conn, err := transport.Mux().GetConn("agent", local)
	require.NoError(t, err)
	gone := transport.socketOn(a[2])
	m.set(a[0])
	list, _ = listenAddresses(transport)
	assert.Equal(t, a[:1], list)
	assert.Contains(t, transport.mux.endpoints, a[1], "an agent uses it")
	assert.NotContains(t, transport.mux.endpoints, a[2])
	_, err = gone.WriteToAddrPort([]byte("x"), netip.AddrPortFrom(a[0], 9))
	assert.ErrorIs(t, err, net.ErrClosed)
	_, err = transport.Mux().GetConn("agent", gone.LocalAddr())
	assert.ErrorContains(t, err, "no socket")

	require.NoError(t, conn.Close())
	require.NoError(t, conn.Close())
	transport.Mux().GetListenAddresses()
	assert.NotContains(t, transport.mux.endpoints, a[1], "nobody uses it")

	m.set(a...)
	list, ports = listenAddresses(transport)
	assert.Equal(t, a, list, "they came back")
	assert.Len(t, ports, 1)
}

func TestMachinesOwnAddresses(t *testing.T) {
	addresses, err := localAddresses()
	require.NoError(t, err)
	assert.Contains(t, addresses, loopback4)
	for i, address := range addresses {
		assert.Empty(t, address.Zone())
		assert.False(t, address.Is6() && address.IsLinkLocalUnicast())
		assert.False(t, address.Is4In6())
		assert.False(t, i > 0 && addresses[i-1].IsLoopback() && !address.IsLoopback(), "loopback comes last")
	}
	transport, err := Listen(Config{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, transport.Close()) }()
	list, _ := listenAddresses(transport)
	assert.Contains(t, list, loopback4)
}

func TestUnusableAddressIsLeftOut(t *testing.T) {
	var log bytes.Buffer
	far := netip.MustParseAddr("192.0.2.99")
	transport, err := listen(Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, fixed(far, loopback4),
		func(local netip.AddrPort) (*net.UDPConn, error) {
			if local.Addr() == far {
				return nil, syscall.EADDRNOTAVAIL
			}
			return listenUDP(local)
		})
	require.NoError(t, err)
	defer func() { require.NoError(t, transport.Close()) }()
	list, _ := listenAddresses(transport)
	assert.Equal(t, []netip.Addr{loopback4}, list)
	assert.Contains(t, log.String(), far.String())
}

func TestPort(t *testing.T) {
	a := loopbacks(t, 2)
	quiet := slog.New(slog.DiscardHandler)
	taken := newViewer(t, a[0]).address.Port()

	_, err := listen(Config{Port: int(taken), Log: quiet}, fixed(a[0]), listenUDP)
	assert.ErrorContains(t, err, "another program uses UDP port")
	transport, err := listen(Config{Port: int(taken), Log: quiet}, fixed(a...), listenUDP)
	require.NoError(t, err)
	assert.NotEqual(t, taken, transport.socketOn(a[0]).port())
	assert.Equal(t, taken, transport.socketOn(a[1]).port())
	require.NoError(t, transport.Close())

	for _, port := range []int{-1, 65536} {
		_, err = Listen(Config{Port: port, Log: quiet})
		assert.ErrorContains(t, err, "set one from 1 to 65535")
	}
}

func TestNoNetwork(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	_, err := listen(Config{Log: quiet}, fixed(), listenUDP)
	assert.ErrorContains(t, err, "the machine has no address")
	broken := errors.New("broken")
	works := true
	addresses := func() ([]netip.Addr, error) {
		if works {
			return []netip.Addr{loopback4}, nil
		}
		return nil, broken
	}
	transport, err := listen(Config{Log: quiet}, addresses, listenUDP)
	require.NoError(t, err)
	works = false
	assert.Empty(t, transport.Mux().GetListenAddresses())
	require.NoError(t, transport.Close())
	_, err = listen(Config{Log: quiet}, addresses, listenUDP)
	assert.ErrorIs(t, err, broken)
}

func TestCloseWithLiveAgents(t *testing.T) {
	a := loopbacks(t, 2)
	transport := newTransport(t, a...)
	ended := make(chan error)
	var conns []net.PacketConn
	for _, ufrag := range []string{"one", "two"} {
		for _, local := range transport.Mux().GetListenAddresses() {
			conn, err := transport.Mux().GetConn(ufrag, local)
			require.NoError(t, err)
			conns = append(conns, conn)
			go func() {
				_, _, err := conn.ReadFrom(make([]byte, 1500))
				ended <- err
			}()
		}
	}
	require.NoError(t, transport.Mux().Close())
	for range conns {
		assert.ErrorIs(t, <-ended, io.EOF)
	}
	for _, conn := range conns {
		_, err := conn.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
		assert.ErrorIs(t, err, io.ErrClosedPipe, "what ICE takes for the end of a connection")
		assert.NoError(t, conn.Close())
	}
	_, err := transport.Mux().GetConn("late", transport.socketOn(a[0]).LocalAddr())
	assert.ErrorIs(t, err, net.ErrClosed)
	assert.Empty(t, transport.Mux().GetListenAddresses())
	assert.NoError(t, transport.Close(), "again")
}

func TestRemovedAgentIsNotServed(t *testing.T) {
	transport, v := newTransport(t), newViewer(t, loopback4)
	s := transport.socketOn(loopback4)
	camera := s.LocalAddr().(*net.UDPAddr).AddrPort()
	open := func(ufrag string) net.PacketConn {
		conn, err := transport.Mux().GetConn(ufrag, s.LocalAddr())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
		return conn
	}
	buffer := make([]byte, 1500)
	removed, other := open("removed"), open("other")
	_, err := removed.WriteTo([]byte("hello"), net.UDPAddrFromAddrPort(v.address)) // what it answers is its own
	require.NoError(t, err)
	v.receive(1)
	write := func(p []byte) {
		_, err := v.conn.WriteToUDPAddrPort(p, camera)
		require.NoError(t, err)
	}
	write([]byte("before"))
	n, _, err := removed.ReadFrom(buffer)
	require.NoError(t, err)
	require.Equal(t, "before", string(buffer[:n]))

	transport.Mux().RemoveConnByUfrag("removed")
	write([]byte("after"))
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("other:viewer"))
	require.NoError(t, err)
	write(check.Raw)
	n, _, err = other.ReadFrom(buffer)
	require.NoError(t, err)
	require.Equal(t, check.Raw, buffer[:n])
	require.NoError(t, removed.SetReadDeadline(time.Now()))
	_, _, err = removed.ReadFrom(buffer)
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "nothing came after")

	_, err = transport.Mux().GetConn("agent", &net.TCPAddr{})
	assert.ErrorContains(t, err, "not of UDP")
}
