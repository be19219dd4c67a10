package transport

import "slices"

// Bounds of a batch. Linux cuts a message into at most 64 segments (UDP_MAX_SEGMENTS; 128 since 6.9),
// and a UDP payload is at most 65,507 bytes, on IPv4.
const (
	maxPackets = 64
	maxBytes   = 65000
)

// batch holds packets for one destination, and the memory for sending them.
type batch struct {
	data     []byte    // the packets, one after the other
	sizes    []int     // of the packets, in bytes
	messages []message // what is to be sent
	call     call
}

// message is what one msghdr describes.
type message struct {
	payload []byte
	packets int // that payload holds
	segment int // size in bytes of all packets but the last, which is not larger; 0 if there is one
}

func newBatch() *batch {
	b := &batch{
		data: make([]byte, 0, maxBytes), sizes: make([]int, 0, maxPackets), messages: make([]message, 0, maxPackets),
	}
	b.call.init()
	return b
}

func (b *batch) reset() {
	b.data, b.sizes, b.messages = b.data[:0], b.sizes[:0], b.messages[:0]
}

// fits tells whether a packet of n bytes can be added.
func (b *batch) fits(n int) bool {
	return len(b.sizes) < maxPackets && len(b.data)+n <= maxBytes
}

// full tells whether no packet fits.
func (b *batch) full() bool { return !b.fits(rtpHeaderSize) }

// add copies a packet that fits.
func (b *batch) add(packet []byte) {
	b.data = append(b.data, packet...)
	b.sizes = append(b.sizes, len(packet))
}

// only makes packet, which is not copied, the batch's one message.
func (b *batch) only(packet []byte) {
	b.messages = append(b.messages[:0], message{payload: packet, packets: 1})
}

// compose makes messages of the packets from number first on, in order. With segmented, each is as
// many as the kernel can cut from one payload: packets of one size, and at most one that is smaller.
func (b *batch) compose(first int, segmented bool) {
	b.messages = b.messages[:0]
	offset := 0
	for _, size := range b.sizes[:first] {
		offset += size
	}
	for rest := b.sizes[first:]; len(rest) > 0; {
		n := 1
		if segmented {
			n = runLength(rest)
		}
		m := message{packets: n}
		if n > 1 {
			m.segment = rest[0]
		}
		length := 0
		for _, size := range rest[:n] {
			length += size
		}
		m.payload = b.data[offset : offset+length]
		b.messages = append(b.messages, m)
		offset, rest = offset+length, rest[n:]
	}
}

// runLength returns how many of the sizes, which are one or more, are one message.
func runLength(sizes []int) int {
	n := slices.IndexFunc(sizes, func(size int) bool { return size != sizes[0] })
	switch {
	case n < 0:
		return len(sizes)
	case sizes[n] < sizes[0]:
		return n + 1
	}
	return n
}
