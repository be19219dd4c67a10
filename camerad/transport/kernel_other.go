//go:build !linux

package transport

import (
	"net"
	"net/netip"
)

// call has nothing to hold: the net package sends.
type call struct{}

func (*call) init() {}

// newKernel returns the function that sends on udp, one message per call, and that the kernel cannot
// cut messages.
func newKernel(udp *net.UDPConn, _ bool) (sendFunc, bool, error) {
	return func(_ *call, messages []message, to netip.AddrPort) (int, error) {
		if _, err := udp.WriteToUDPAddrPort(messages[0].payload, to); err != nil {
			return 0, err
		}
		return 1, nil
	}, false, nil
}
