package broker

import "github.com/mochi-mqtt/server/v2/packets"

// maxConnect caps the CONNECT in bytes: a token of at most 8 KiB, a Will, and room. It keeps what
// Mochi allocates on the word of a stranger small.
const maxConnect = 16 << 10

const (
	typeConnect = 0x10 // first byte of a CONNECT (MQTT 5, 3.1.1)
	maxShift    = 21   // of the fourth and last byte of a Remaining Length (MQTT 5, 1.5.5)
)

// framer follows the boundaries of MQTT packets in a stream of bytes, without keeping any of them,
// so that a packet is judged by its announced size before Mochi allocates it.
type framer struct {
	limit     int // the largest packet in bytes, fixed header included
	started   bool
	inLength  bool
	shift     uint8
	remaining int // of the current packet's body; while inLength, what is known of it
	header    int // bytes of the fixed header so far
}

// scan advances over data and returns how many packets begin in it. It fails on the first packet
// that is no CONNECT [MQTT-3.1.0-1] and on one that is too large.
func (f *framer) scan(data []byte) (begun int, err error) {
	for len(data) > 0 {
		switch {
		case f.inLength:
			if err := f.length(data[0]); err != nil {
				return begun, err
			}
			data = data[1:]
		case f.remaining > 0:
			n := min(f.remaining, len(data))
			f.remaining -= n
			data = data[n:]
		default:
			if !f.started && data[0] != typeConnect {
				return begun, packets.ErrProtocolViolationRequireFirstConnect
			}
			begun++
			f.inLength, f.shift, f.header = true, 0, 1
			data = data[1:]
		}
	}
	return begun, nil
}

// length takes one byte of the Remaining Length. Mochi would read such bytes for ever if they
// added nothing.
func (f *framer) length(b byte) error {
	f.header++
	f.remaining |= int(b&0x7f) << f.shift
	if b&0x80 != 0 {
		if f.shift == maxShift {
			return packets.ErrMalformedVariableByteInteger
		}
		f.shift += 7
		return nil
	}
	limit := f.limit
	if !f.started {
		limit = min(limit, maxConnect)
	}
	if f.remaining+f.header > limit {
		return packets.ErrPacketTooLarge
	}
	f.started, f.inLength = true, false
	return nil
}
