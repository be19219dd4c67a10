package transport

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	testSSRC = 0x5eccaa01
	patient  = 10 * time.Second // for what comes anyway
)

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// fixed is a machine with these addresses.
func fixed(addresses ...netip.Addr) func() ([]netip.Addr, error) {
	return func() ([]netip.Addr, error) { return addresses, nil }
}

// newTransport listens on the addresses, and on loopback's if there are none.
func newTransport(t testing.TB, addresses ...netip.Addr) *Transport {
	if len(addresses) == 0 {
		addresses = []netip.Addr{loopback4}
	}
	transport, err := listen(Config{Log: slog.New(slog.DiscardHandler)}, fixed(addresses...), listenUDP)
	require.NoError(t, err)
	transport.streams.patience = time.Hour // on a busy machine a test takes longer than the default
	t.Cleanup(func() { require.NoError(t, transport.Close()) })
	return transport
}

// Coalesce registers a stream whose packets pion has sealed.
func (t *Transport) Coalesce(ssrc uint32) (forget func()) {
	_, forget = t.streams.add(ssrc, nil)
	return forget
}

// socketOn returns the transport's socket of the address.
func (t *Transport) socketOn(address netip.Addr) *socket { return t.mux.endpoints[address].socket }

// viewer is the other end.
type viewer struct {
	t       testing.TB
	conn    *net.UDPConn
	address netip.AddrPort
}

func newViewer(t testing.TB, address netip.Addr) *viewer {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
	require.NoError(t, err)
	_ = conn.SetReadBuffer(4 << 20)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return &viewer{t, conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()}
}

// receive returns the next n packets.
func (v *viewer) receive(n int) [][]byte {
	v.t.Helper()
	require.NoError(v.t, v.conn.SetReadDeadline(time.Now().Add(patient)))
	var packets [][]byte
	buffer := make([]byte, 1<<16)
	for i := range n {
		size, err := v.conn.Read(buffer)
		require.NoError(v.t, err, "packet %d of %d", i+1, n)
		packets = append(packets, bytes.Clone(buffer[:size]))
	}
	return packets
}

// expect receives exactly these packets, in order. Loopback delivers before the sender's call ends, so
// what comes too early would be seen.
func (v *viewer) expect(packets ...[]byte) {
	v.t.Helper()
	for i, got := range v.receive(len(packets)) {
		require.True(v.t, bytes.Equal(packets[i], got), "packet %d of %d: %x…, want %x…", i+1, len(packets), got[:4], packets[i][:4])
	}
	v.expectNothing()
}

// expectNothing sees that no packet waits: a mark that is sent now is the first to come.
func (v *viewer) expectNothing() {
	v.t.Helper()
	_, err := v.conn.WriteToUDPAddrPort([]byte("mark"), v.address)
	require.NoError(v.t, err)
	require.Equal(v.t, "mark", string(v.receive(1)[0]))
}

// rtpPacket makes a video packet of size bytes, at least 13, whose content depends on all parameters.
func rtpPacket(ssrc uint32, sequence uint16, marker bool, size int) []byte {
	p := make([]byte, size)
	p[0], p[1] = 0x90, 102
	if marker {
		p[1] |= 0x80
	}
	binary.BigEndian.PutUint16(p[2:], sequence)
	binary.BigEndian.PutUint32(p[8:], ssrc)
	for i := range p[rtpHeaderSize:] {
		p[rtpHeaderSize+i] = byte(int(sequence)*31 + int(ssrc)*17 + i)
	}
	return p
}

// picture makes packets of the sizes with consecutive sequence numbers, the last with the marker.
func picture(ssrc uint32, sequence uint16, sizes ...int) [][]byte {
	var packets [][]byte
	for i, size := range sizes {
		packets = append(packets, rtpPacket(ssrc, sequence+uint16(i), i == len(sizes)-1, size))
	}
	return packets
}

// write sends the packets, each from memory that is overwritten at once.
func write(t testing.TB, s *socket, to netip.AddrPort, packets ...[]byte) {
	t.Helper()
	memory := make([]byte, 1<<16)
	for _, p := range packets {
		n, err := s.WriteToAddrPort(append(memory[:0], p...), to)
		require.NoError(t, err)
		require.Equal(t, len(p), n)
		clear(memory)
	}
}

// recorder is a kernel that remembers, and does what its script says.
type recorder struct {
	mu     sync.Mutex
	script []error // of the next calls; nil, or none left: it takes the messages
	judge  func([]message) error
	most   int // messages per call; 0 is no limit
	calls  int
	sent   []message // with copied payloads
	to     []netip.AddrPort
}

func (r *recorder) send(_ *call, messages []message, to netip.AddrPort) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if len(r.script) > 0 {
		err := r.script[0]
		r.script = r.script[1:]
		if err != nil {
			return 0, err
		}
	}
	if r.judge != nil {
		if err := r.judge(messages); err != nil {
			return 0, err
		}
	}
	n := len(messages)
	if r.most > 0 {
		n = min(n, r.most)
	}
	for _, m := range messages[:n] {
		m.payload = bytes.Clone(m.payload)
		r.sent, r.to = append(r.sent, m), append(r.to, to)
	}
	return n, nil
}

// packets cuts what was sent as the kernel would.
func (r *recorder) packets() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var packets [][]byte
	for _, m := range r.sent {
		if m.segment == 0 {
			packets = append(packets, m.payload)
		} else {
			packets = slices.AppendSeq(packets, slices.Chunk(m.payload, m.segment))
		}
	}
	return packets
}

// newRecorded returns a socket whose packets go to a recorder.
func newRecorded(log *slog.Logger) (*socket, *recorder) {
	r := &recorder{}
	owner := &Transport{log: log, pause: time.Sleep, streams: registry{patience: defaultPatience}}
	owner.batches.New = func() any { return newBatch() }
	return &socket{owner: owner, v4: true, kernel: r.send, segments: true}, r
}
