package transport

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
)

// Config says where to listen.
type Config struct {
	// Port is the UDP port on all addresses; 0 is one that is free. An address on which it is taken gets
	// another.
	Port int
	// TCP is whether to listen on TCP, too, on the same port if it is free.
	TCP bool
	// Pause waits until a socket may have room again, in place of time.Sleep if it is not nil.
	Pause func(time.Duration)
	Log   *slog.Logger
}

// Transport owns the sockets.
type Transport struct {
	log      *slog.Logger
	pause    func(time.Duration)
	epoch    time.Time // of clock
	mux      *mux
	tcp      *ice.TCPMuxDefault // nil without TCP
	streams  registry
	peersMu  sync.Mutex // of those who replace peers
	peers    table[peer, *ears]
	counters counters
	gather   gathering
	batches  sync.Pool // spares a buffer per viewer: only who sends at this moment needs one
	refused  sync.Once // a path refused segmented messages
}

// Listen opens the sockets. It fails if the port is taken on all addresses.
func Listen(cfg Config) (*Transport, error) {
	return listen(cfg, localAddresses, listenUDP)
}

func listen(cfg Config, addresses func() ([]netip.Addr, error), open listenFunc) (*Transport, error) {
	if cfg.Port < 0 || cfg.Port > 65535 {
		return nil, fmt.Errorf("UDP port %d does not exist; set one from 1 to 65535, or 0 for any", cfg.Port)
	}
	if cfg.Pause == nil {
		cfg.Pause = time.Sleep
	}
	t := &Transport{log: cfg.Log, pause: cfg.Pause, epoch: time.Now(), streams: registry{patience: defaultPatience}}
	t.batches.New = func() any { return newBatch() }
	t.mux = &mux{
		owner: t, addresses: addresses, listen: open,
		port: uint16(cfg.Port), endpoints: map[netip.Addr]*endpoint{},
	}
	usable, err := t.mux.update()
	switch {
	case len(usable) == 0:
		return nil, fmt.Errorf("no UDP socket for viewers: %w; check the network's configuration and the port", err)
	case cfg.Port != 0 && !t.mux.has(uint16(cfg.Port)):
		_ = t.Close()
		return nil, fmt.Errorf("another program uses UDP port %d; set another, or 0 for any", cfg.Port)
	case err != nil:
		cfg.Log.Warn("not all network addresses can be used for viewers", "error", err)
	}
	if cfg.TCP {
		t.listenTCP(t.mux.port)
	}
	return t, nil
}

// Socket buffers in bytes; the kernel may grant less (net.core.wmem_max, net.core.rmem_max). A
// joiner is sent a few hundred KB at once, and several may join at once; what viewers send is little.
const (
	sendBuffer    = 4 << 20
	receiveBuffer = 1 << 20
)

func listenUDP(local netip.AddrPort) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, err
	}
	_ = conn.SetWriteBuffer(sendBuffer) // it works with less
	_ = conn.SetReadBuffer(receiveBuffer)
	return conn, nil
}

// Mux returns what webrtc.SettingEngine.SetICEUDPMux takes. Closing it closes t.
func (t *Transport) Mux() ice.UDPMux { return t.mux }

// Close sends what waits, closes the sockets, and returns when nothing uses them any more. ICE agents
// that still live find their connections closed.
func (t *Transport) Close() error {
	t.streams.close()
	t.mux.close()
	if t.tcp != nil {
		return t.tcp.Close()
	}
	return nil
}

// clock is monotonic.
func (t *Transport) clock() time.Duration { return time.Since(t.epoch) }

func (t *Transport) takeBatch() *batch { return t.batches.Get().(*batch) }

func (t *Transport) putBatch(b *batch) {
	b.reset()
	t.batches.Put(b)
}

// logUnsegmented tells once that a path refused a segmented message.
func (t *Transport) logUnsegmented(err error) {
	t.refused.Do(func() {
		t.log.Info("a network path takes no UDP segmentation offload; sending to its viewers needs more CPU", "error", err)
	})
}

// Stats counts what was sent since the start. Each counter is exact, but they are not read at one
// moment.
type Stats struct {
	Packets uint64 // that the kernel took
	Calls   uint64 // system calls to send, also those that failed
	Bytes   uint64 // of UDP payload that the kernel took
	Errors  uint64 // packets that the kernel did not take
	Sealed  uint64 // packets that went past pion, taken or not
}

// Stats returns the counters. It takes no lock.
func (t *Transport) Stats() Stats {
	c := &t.counters
	return Stats{
		Packets: c.packets.Load(), Calls: c.calls.Load(), Bytes: c.bytes.Load(), Errors: c.errors.Load(), Sealed: c.sealed.Load(),
	}
}

type counters struct{ packets, calls, bytes, errors, sealed atomic.Uint64 }
