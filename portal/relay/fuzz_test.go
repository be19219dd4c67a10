package relay

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/stun/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// replay is a connection on which data has arrived.
type replay struct {
	net.Conn
	*bytes.Reader
}

func (r replay) Read(p []byte) (int, error) { return r.Reader.Read(p) }
func (replay) RemoteAddr() net.Addr         { return &net.TCPAddr{} }

func FuzzStream(f *testing.F) {
	f.Add(append(binding().Raw, 0x40, 0, 0, 3, 1, 2, 3, 0))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := replay{Reader: bytes.NewReader(data)}
		c := newStream(nil, conn, conn, nil)
		buf := make([]byte, maxFrame)
		for total := 0; ; {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			require.True(t, stun.IsMessage(buf[:n]))
			total += n
			require.LessOrEqual(t, total, len(data))
		}
	})
}

// FuzzPackets is what a client with a bound channel may send by UDP, as the kernel may put it together.
func FuzzPackets(f *testing.F) {
	cfg := DefaultConfig()
	cfg.UDP, cfg.Host = "127.0.0.1:0", "127.0.0.1"
	s, err := newServer(cfg, credential.NewSecret(), nil, quietLogger(), func() ([]netip.Addr, error) { return nil, nil })
	require.NoError(f, err)
	f.Cleanup(s.Close)
	peer := listen(f, "127.0.0.1")
	local := peer.LocalAddr().(*net.UDPAddr).AddrPort()
	conn, err := newSocket(peer)
	require.NoError(f, err)
	r := newRelayed(s, username{}, conn, local, local)
	r.bind(0x4000, local)
	udpClient{s.udp, local}.hold(r)
	f.Add([]byte{0x40, 0, 0, 1, 7, 0x40, 0, 0, 1, 8, 0x40}, uint16(5))
	f.Add(binding().Raw, uint16(20))
	f.Fuzz(func(t *testing.T, data []byte, car uint16) {
		a := arrival{rest: data, car: max(int(car), 1), from: local}
		for s.udp.receive(&a) {
			require.True(t, stun.IsMessage(a.next()))
		}
		require.Empty(t, a.rest)
	})
}
