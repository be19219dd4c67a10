package relay

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"
)

// asker is a client that says exactly what a test wants, by one connection or UDP socket.
type asker struct {
	t              testing.TB
	conn           net.Conn
	name, password string
	nonce          stun.Nonce
}

// newAsker returns a client with a fresh credential.
func newAsker(t testing.TB, s *Server, transport, session string) *asker {
	t.Helper()
	name, password := s.Mint(session, "account", EndViewer)
	return &asker{t: t, conn: dial(t, s, transport), name: name, password: password}
}

// ask sends a signed request and returns the answer. It gets a nonce first if it has none.
func (a *asker) ask(method stun.Method, attributes ...stun.Setter) *stun.Message {
	a.t.Helper()
	if a.nonce == nil {
		a.bare(method)
	}
	return a.exchange(a.signed(method, attributes...))
}

func (a *asker) signed(method stun.Method, attributes ...stun.Setter) *stun.Message {
	setters := []stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}
	setters = append(setters, attributes...)
	setters = append(setters, stun.NewUsername(a.name), stun.NewRealm(realm), a.nonce,
		stun.NewLongTermIntegrity(a.name, realm, a.password), stun.Fingerprint)
	m, err := stun.Build(setters...)
	require.NoError(a.t, err)
	return m
}

// bare asks without a credential, and keeps the nonce of the answer.
func (a *asker) bare(method stun.Method) *stun.Message {
	a.t.Helper()
	answer := a.exchange(stun.MustBuild(stun.TransactionID, stun.NewType(method, stun.ClassRequest)))
	_ = a.nonce.GetFrom(answer)
	return answer
}

// exchange sends request and reads until its answer comes.
func (a *asker) exchange(request *stun.Message) *stun.Message {
	a.t.Helper()
	_, err := a.conn.Write(request.Raw)
	require.NoError(a.t, err)
	for {
		m := a.message()
		if m.TransactionID == request.TransactionID {
			return m
		}
	}
}

// message reads a STUN message, and skips channel data.
func (a *asker) message() *stun.Message {
	a.t.Helper()
	for {
		if frame := a.frame(); !isChannelData(frame) {
			m := &stun.Message{Raw: frame}
			require.NoError(a.t, m.Decode())
			return m
		}
	}
}

// frame reads a STUN or ChannelData message.
func (a *asker) frame() []byte {
	a.t.Helper()
	require.NoError(a.t, a.conn.SetReadDeadline(time.Now().Add(patience)))
	if a.conn.LocalAddr().Network() == "udp" {
		buf := make([]byte, 1<<16)
		n, err := a.conn.Read(buf)
		require.NoError(a.t, err)
		return buf[:n]
	}
	buf := make([]byte, channelHeader, 1<<16)
	_, err := io.ReadFull(a.conn, buf)
	require.NoError(a.t, err)
	size := stunHeader + int(binary.BigEndian.Uint16(buf[2:]))
	if isChannelData(buf) {
		size = channelHeader + padded(int(binary.BigEndian.Uint16(buf[2:])))
	}
	buf = buf[:size]
	_, err = io.ReadFull(a.conn, buf[channelHeader:])
	require.NoError(a.t, err)
	return buf
}

// code is the answer's error code, 0 for success.
func code(t testing.TB, m *stun.Message) stun.ErrorCode {
	t.Helper()
	if m.Type.Class == stun.ClassSuccessResponse {
		return 0
	}
	var attribute stun.ErrorCodeAttribute
	require.NoError(t, attribute.GetFrom(m))
	return attribute.Code
}

// requested is a REQUESTED-TRANSPORT attribute (RFC 8656, section 18.8).
func requested(protocol byte) stun.RawAttribute {
	return stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{protocol, 0, 0, 0}}
}

const (
	protocolTCP = 6
	protocolUDP = 17
)

// family is a REQUESTED-ADDRESS-FAMILY attribute (RFC 8656, section 18.6).
func family(v6 bool) stun.RawAttribute {
	value := []byte{1, 0, 0, 0}
	if v6 {
		value[0] = 2
	}
	return stun.RawAttribute{Type: stun.AttrRequestedAddressFamily, Value: value}
}

// allocate returns the relayed address.
func (a *asker) allocate(attributes ...stun.Setter) netip.AddrPort {
	a.t.Helper()
	answer := a.ask(stun.MethodAllocate, append(attributes, requested(protocolUDP))...)
	require.Zero(a.t, code(a.t, answer))
	require.NoError(a.t, stun.NewLongTermIntegrity(a.name, realm, a.password).Check(answer))
	var relayed stun.XORMappedAddress
	require.NoError(a.t, relayed.GetFromAs(answer, stun.AttrXORRelayedAddress))
	return netip.AddrPortFrom(toAddr(relayed.IP), uint16(relayed.Port))
}

// peerAddress is an XOR-PEER-ADDRESS attribute. Unlike stun.XORMappedAddress it leaves a mapped address IPv6.
type peerAddress struct{ netip.AddrPort }

func (p peerAddress) AddTo(m *stun.Message) error {
	mask := append([]byte{0x21, 0x12, 0xa4, 0x42}, m.TransactionID[:]...)
	value := []byte{0, 1}
	if p.Addr().Is6() {
		value[1] = 2
	}
	value = binary.BigEndian.AppendUint16(value, p.Port()^0x2112)
	for i, b := range p.Addr().AsSlice() {
		value = append(value, b^mask[i])
	}
	m.Add(stun.AttrXORPeerAddress, value)
	return nil
}

func peer(addr string) peerAddress {
	return peerAddress{netip.AddrPortFrom(netip.MustParseAddr(addr), 4000)}
}

func peerAt(addr net.Addr) peerAddress { return peerAddress{unmapped(addr.(*net.UDPAddr).AddrPort())} }

// channel is a CHANNEL-NUMBER attribute (RFC 8656, section 18.1).
func channel(number uint16) stun.RawAttribute {
	return stun.RawAttribute{Type: stun.AttrChannelNumber, Value: []byte{byte(number >> 8), byte(number), 0, 0}}
}

// data sends a ChannelData message, padded.
func (a *asker) data(number uint16, text string) {
	a.t.Helper()
	t := newTrain()
	defer t.free()
	t.addFrames(number, []byte(text), len(text))
	_, err := a.conn.Write(t.data)
	require.NoError(a.t, err)
}
