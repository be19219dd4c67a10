package session

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// relayTimeout is how long a TURN server may take to accept a connection over TCP.
const relayTimeout = 5 * time.Second

// dialNet is the machine's network for pion, which knows the sockets of server-reflexive candidates. Where packets are dropped, pion's own would dial a TURN server over TCP
// for two minutes, and its agent waits for that at its end: the viewer would count for as long.
type dialNet struct {
	*stdnet.Net
	ctx context.Context // of the session

	mu      sync.Mutex
	sockets []transport.UDPConn
}

func newDialNet(ctx context.Context) (*dialNet, error) {
	machine, err := stdnet.NewNet()
	return &dialNet{Net: machine, ctx: ctx}, err
}

// DialTCP implements transport.Net.
func (n *dialNet) DialTCP(network string, local, remote *net.TCPAddr) (transport.TCPConn, error) {
	dialer := net.Dialer{Timeout: relayTimeout}
	if local != nil {
		dialer.LocalAddr = local
	}
	conn, err := dialer.DialContext(n.ctx, network, remote.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil // since the network is TCP
}

// ListenUDP implements transport.Net.
func (n *dialNet) ListenUDP(network string, local *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := n.Net.ListenUDP(network, local)
	if err == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.sockets = append(n.sockets, conn)
	}
	return conn, err
}

// send sends packet from each socket to each address; sockets that pion has closed are forgotten.
func (n *dialNet) send(packet []byte, to []*net.UDPAddr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets = slices.DeleteFunc(n.sockets, func(socket transport.UDPConn) bool {
		for _, address := range to {
			if _, err := socket.WriteTo(packet, address); errors.Is(err, net.ErrClosed) {
				return true
			}
		}
		return false
	})
}
