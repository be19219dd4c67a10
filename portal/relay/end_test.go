package relay

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// flow sends through an allocation and back, one packet at a time, until the test ends. It returns when it is
// well under way.
func flow(t *testing.T, a *asker) {
	t.Helper()
	peer := listen(t, "127.0.0.1")
	relayed := a.allocate()
	require.Zero(t, code(t, a.ask(stun.MethodChannelBind, channel(0x4000), peerAt(peer.LocalAddr()))))
	stop, arrived, underway := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for n := 0; ; n++ {
			if _, err := a.conn.Write([]byte{0x40, 0, 0, 4, 'd', 'a', 't', 'a'}); err != nil {
				return
			}
			if n == 100 {
				close(underway)
			}
			select {
			case <-arrived:
			case <-stop:
				return
			}
		}
	})
	work.Go(func() {
		buf := make([]byte, 100)
		for {
			n, err := peer.Read(buf)
			if err != nil {
				return
			}
			_, _ = peer.WriteToUDPAddrPort(buf[:n], relayed)
			select {
			case arrived <- struct{}{}:
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		_ = a.conn.Close()
		_ = peer.Close()
		work.Wait()
	})
	<-underway
}

func TestEndCutsWhatFlows(t *testing.T) {
	s := start(t, options{change: toLoopback, prepare: func(s *Server) { s.idle = time.Second }})
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			a, other := newAsker(t, s, transport, "s1"), newAsker(t, s, transport, "s2")
			other.allocate()
			flow(t, a)
			s.End("s1")
			require.Equal(t, 1, s.table.len(), "the other session's is left")
			require.Zero(t, code(t, other.ask(stun.MethodRefresh, lifetime(0))))
			if transport != "udp" {
				for err := error(nil); err == nil; { // the connection ends, too
					_, err = a.conn.Read(make([]byte, 4096))
				}
			}
			late := newAsker(t, s, transport, "s1")
			late.name, late.password = a.name, a.password
			require.Equal(t, stun.CodeUnauthorized, code(t, late.ask(stun.MethodAllocate, requested(protocolUDP))))
			fresh := newAsker(t, s, transport, "s1")
			fresh.allocate() // the page has come back
			s.End("s1")
			require.Equal(t, stun.CodeUnauthorized, code(t, fresh.ask(stun.MethodRefresh)), "and left again")
		})
	}
}

// A session can be ended and taken up again within a second, which is how exactly credentials tell the time.
func TestEndAndMintInOneSecond(t *testing.T) {
	s := start(t, options{now: newClock().now})
	for range 3 {
		a := newAsker(t, s, "udp", "s1")
		a.allocate()
		s.End("s1")
		require.Equal(t, stun.CodeUnauthorized, code(t, a.ask(stun.MethodRefresh)))
	}
}

func TestEndedSessionsAreForgotten(t *testing.T) {
	clock := newClock()
	s := start(t, options{now: clock.now, change: func(cfg *Config) { cfg.Lifetime = time.Hour }})
	for range 3 {
		for i := range 1000 {
			s.End(fmt.Sprint("session", i))
		}
		require.Len(t, s.table.ended, 1000)
	}
	clock.advance(time.Hour + 10*time.Second)
	s.End("last")
	require.Len(t, s.table.ended, 1, "the others' credentials have expired")
	require.Len(t, s.table.queue, 1)
	for i := range maxEnded + 10 {
		s.End(fmt.Sprint("session", i))
	}
	require.Len(t, s.table.ended, maxEnded)
	require.Len(t, s.table.queue, maxEnded)
}

// An allocation that pion begins while its session ends does not come to be.
func TestEndDuringAllocation(t *testing.T) {
	s := start(t, options{now: newClock().now})
	name, _ := s.Mint("s1", "account", EndViewer)
	u, err := parseUsername(name)
	require.NoError(t, err)
	require.Equal(t, granted, s.table.room(u.holder))
	s.End("s1")
	conn, err := listenUDP("udp4", "127.0.0.1:0", &quietUDP)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	require.Equal(t, refusedEnded, s.table.add(newRelayed(s, u, conn, local, local)))
}

func TestLifecycle(t *testing.T) {
	cfg := config(t)
	s, err := New(cfg, credential.NewSecret(), nil, quietLogger())
	require.NoError(t, err)
	for key, addr := range map[string]net.Addr{"turn.udp": s.UDPAddr(), "turn.tcp": s.TCPAddr(), "turn.tls": s.TLSAddr()} {
		taken := config(t)
		for field, value := range map[string]*string{"turn.udp": &taken.UDP, "turn.tcp": &taken.TCP, "turn.tls": &taken.TLS} {
			if field == key {
				*value = addr.String()
			}
		}
		_, err := New(taken, credential.NewSecret(), nil, quietLogger())
		require.ErrorContains(t, err, key)
	}
	s.Close()
	s.Close()
	require.Error(t, s.Run(context.Background()), "after Close")

	s, err = New(cfg, credential.NewSecret(), nil, quietLogger())
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- s.Run(context.Background()) }()
	a := newAsker(t, s, "tcp", "s1")
	a.allocate()
	require.Error(t, s.Run(context.Background()), "twice")
	s.Close()
	require.NoError(t, <-done)
	require.Zero(t, s.table.len())
	require.Zero(t, s.gate.len())
	_, err = net.Dial("tcp", s.TCPAddr().String())
	require.Error(t, err)
}

func TestCloseWhileDataFlows(t *testing.T) {
	cfg := config(t)
	toLoopback(&cfg)
	s, err := New(cfg, credential.NewSecret(), nil, quietLogger())
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- s.Run(context.Background()) }()
	for _, transport := range transports {
		flow(t, newAsker(t, s, transport, "s1"))
	}
	s.Close()
	require.NoError(t, <-done)
}
