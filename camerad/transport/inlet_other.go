//go:build !linux

package transport

import (
	"net"
	"net/netip"
)

// inlet reads one packet with each call.
type inlet struct{ udp *net.UDPConn }

func newInlet(udp *net.UDPConn) (*inlet, error) { return &inlet{udp}, nil }

// drained is false: so the reader never pauses.
func (*inlet) drained() bool { return false }

func (l *inlet) read(b []byte) (int, netip.AddrPort, error) { return l.udp.ReadFromUDPAddrPort(b) }
