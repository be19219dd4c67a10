package transport

import (
	"errors"
	"net/netip"
	"syscall"
	"time"
)

// What a full socket buffer costs a viewer at most, per batch. Then its packets are lost, as they
// would be in the network.
const (
	fullRetries = 20
	fullPause   = time.Millisecond
)

// sendFunc sends a prefix of messages, which are one or more, with one system call that does not
// block, and returns its length, at least 1 unless there is an error. call is the memory for it.
type sendFunc func(call *call, messages []message, to netip.AddrPort) (int, error)

// flush sends the packets of b in order.
func (p *path) flush(b *batch) error {
	b.compose(0, p.segmented)
	return p.transmit(b)
}

// transmit sends the messages of b. Each that is refused is left out, and the first refusal returned;
// a lack of buffers is none, but like a loss in the network. A path that refuses a segmented message
// is sent no more of them.
func (p *path) transmit(b *batch) (refusal error) {
	count := &p.socket.owner.counters
	packet, retries := 0, 0
	for left := b.messages; len(left) > 0; {
		n, err := p.socket.kernel(&b.call, left, p.to)
		count.calls.Add(1)
		switch {
		case err == nil:
			for _, m := range left[:n] {
				packet += m.packets
				count.packets.Add(uint64(m.packets))
				count.bytes.Add(uint64(len(m.payload)))
			}
			left = left[n:]
		case lack(err) && retries < fullRetries:
			retries++
			p.socket.owner.pause(fullPause)
		case left[0].segment != 0 && unsegmentable(err):
			p.segmented = false
			p.socket.owner.logUnsegmented(err)
			b.compose(packet, false)
			left = b.messages
		default:
			packet += left[0].packets
			count.errors.Add(uint64(left[0].packets))
			left = left[1:]
			if refusal == nil && !lack(err) {
				refusal = err
			}
		}
	}
	return refusal
}

// lack tells whether err is a lack of buffers.
func lack(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOBUFS)
}

// unsegmentable tells whether err can mean that a path takes no segmented messages: its interface
// cannot compute checksums (EIO, before Linux 6.11), or its MTU is smaller than the segments (EINVAL,
// later EMSGSIZE), which alone may be fragmented.
func unsegmentable(err error) bool {
	for _, number := range []error{syscall.EIO, syscall.EINVAL, syscall.EMSGSIZE, syscall.ENOTSUP, syscall.EOPNOTSUPP} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}
