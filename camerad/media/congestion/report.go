package congestion

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"

	"github.com/pion/rtcp"
)

// Units of a report's times (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
const (
	referenceUnit = 64 * time.Millisecond
	deltaUnit     = 250 * time.Microsecond
)

// maxStatuses is how many packets one report may be about: twice as many as are remembered. A report of
// 24 bytes could claim 65,535, and to walk through them would cost more than it tells.
const maxStatuses = 2 * historySize

// Errors of [ParseFeedback] and [Estimator.Feedback].
var (
	// ErrMalformed is about a report that contradicts itself or ends early.
	ErrMalformed = errors.New("the transport-wide feedback is malformed: ignore it and wait for the next")
	// ErrOtherRTCP is about RTCP packets of other kinds.
	ErrOtherRTCP = errors.New("this is not transport-wide feedback: give it to the reader of its kind")
)

// Status is what a report says of one packet.
type Status struct {
	Sequence uint16 // transport-wide sequence number
	Arrived  bool
	Timed    bool          // At is valid: a packet may be reported without its time
	At       time.Duration // arrival, since the report's reference time; may be negative
}

// Report is one message of transport-wide feedback. It refers to the bytes that it was parsed from.
type Report struct {
	Base      uint16 // first sequence number
	Count     int    // how many sequence numbers it is about, from Base on
	Reference uint32 // in units of 64 ms; wraps at 24 bits
	Number    uint8  // of the report; wraps

	chunks, deltas []byte
}

// Lengths in bytes: of a report's fixed part with the RTCP header, and of a chunk.
const (
	fixedLength = 20
	chunkLength = 2
)

// isFeedback reports whether an RTCP packet is transport-wide feedback: type 205, format 15.
func isFeedback(raw []byte) bool {
	return len(raw) >= 2 && raw[0]>>6 == 2 && raw[0]&0x1f == rtcp.FormatTCC &&
		rtcp.PacketType(raw[1]) == rtcp.TypeTransportSpecificFeedback
}

// ParseFeedback reads one RTCP packet of transport-wide feedback, header included, and checks all of
// it, so that [Report.Each] cannot fail. It allocates nothing. It fails with [ErrMalformed], or with
// [ErrOtherRTCP] if [isFeedback] is false.
func ParseFeedback(raw []byte) (Report, error) {
	if !isFeedback(raw) {
		return Report{}, ErrOtherRTCP
	}
	if len(raw) < fixedLength || len(raw) != 4*(int(binary.BigEndian.Uint16(raw[2:]))+1) {
		return Report{}, ErrMalformed
	}
	body := raw[fixedLength:]
	if raw[0]&0x20 != 0 { // padding, whose length is in its last byte (RFC 3550 section 6.4.1)
		padding := int(raw[len(raw)-1])
		if padding > len(body) {
			return Report{}, ErrMalformed
		}
		body = body[:len(body)-padding]
	}
	r := Report{
		Base:      binary.BigEndian.Uint16(raw[12:]),
		Count:     int(binary.BigEndian.Uint16(raw[14:])),
		Reference: binary.BigEndian.Uint32(raw[16:]) >> 8,
		Number:    raw[19],
	}
	if r.Count > maxStatuses || !r.split(body) {
		return Report{}, ErrMalformed
	}
	return r, nil
}

// split finds where the chunks end and the deltas begin, and whether there are enough of both.
func (r *Report) split(body []byte) bool {
	at, need := 0, 0
	for left := r.Count; left > 0; at += chunkLength {
		if len(body) < at+chunkLength {
			return false
		}
		c := chunk(binary.BigEndian.Uint16(body[at:]))
		n := min(left, c.count())
		need += c.deltas(n)
		left -= n
	}
	r.chunks, r.deltas = body[:at], body[at:]
	return len(r.deltas) >= need
}

// Each calls visit for every packet that the report is about, in the order of sequence numbers.
func (r *Report) Each(visit func(Status)) {
	deltas, at, sequence, left := r.deltas, time.Duration(0), r.Base, r.Count
	for i := 0; left > 0; i += chunkLength {
		c := chunk(binary.BigEndian.Uint16(r.chunks[i:]))
		n := min(left, c.count())
		left -= n
		for k := range n {
			symbol := c.symbol(k)
			switch symbol {
			case rtcp.TypeTCCPacketReceivedSmallDelta:
				at += time.Duration(deltas[0]) * deltaUnit
				deltas = deltas[1:]
			case rtcp.TypeTCCPacketReceivedLargeDelta:
				at += time.Duration(int16(binary.BigEndian.Uint16(deltas))) * deltaUnit
				deltas = deltas[2:]
			}
			visit(statusOf(sequence, symbol, at))
			sequence++
		}
	}
}

func statusOf(sequence, symbol uint16, at time.Duration) Status {
	return Status{
		Sequence: sequence, At: at,
		Arrived: symbol != rtcp.TypeTCCPacketNotReceived,
		Timed:   symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta,
	}
}

// chunk is a run of packets of one status or a vector of 14 or 7 statuses (sections 3.1.3 and 3.1.4).
type chunk uint16

const (
	vectorBit = 0x8000
	twoBits   = 0x4000
	runMask   = 0x1fff
)

// count is how many packets it is about; 0 is possible.
func (c chunk) count() int {
	switch {
	case c&vectorBit == 0:
		return int(c & runMask)
	case c&twoBits == 0:
		return 14
	}
	return 7
}

// symbol is the status of its packet i.
func (c chunk) symbol(i int) uint16 {
	switch {
	case c&vectorBit == 0:
		return uint16(c >> 13)
	case c&twoBits == 0:
		return uint16(c>>(13-i)) & 1
	}
	return uint16(c>>(12-2*i)) & 3
}

// deltas is how many bytes of deltas belong to its first n packets.
func (c chunk) deltas(n int) int {
	switch {
	case c&vectorBit == 0:
		return n * deltaLength(c.symbol(0))
	case c&twoBits == 0:
		return bits.OnesCount16(uint16(c&0x3fff) >> (14 - n))
	}
	length := 0
	for i := range n {
		length += deltaLength(c.symbol(i))
	}
	return length
}

func deltaLength(symbol uint16) int {
	switch symbol {
	case rtcp.TypeTCCPacketReceivedSmallDelta:
		return 1
	case rtcp.TypeTCCPacketReceivedLargeDelta:
		return 2
	}
	return 0
}
