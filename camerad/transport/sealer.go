package transport

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Two contexts, pion's and ours, encrypt packets of the same SSRC with the same key. With AES in counter mode
// that is safe only as long as no packet index (RFC 3711 section 3.3.1) is ever used for two different
// packets, since the index makes the nonce (RFC 3711 section 4.1.1, RFC 7714 section 8.1). It holds because
//
//   - a packet gets its number once, by who sends a viewer's video, one at a time, and is then given to
//     one of the two. A number that both see is that of the same packet, whose ciphertext is the same.
//   - both have the same rollover counter: ours is told it, and pion's, which guesses it from the sequence
//     numbers that it sees and would be wrong after 2^15 that it does not, is given one in every stepEvery.
//
// Everything else has nonces of its own: sound and retransmissions (RFC 4588) have other SSRCs, and RTCP has
// another key (RFC 3711 section 4.3).
const (
	stepEvery    = 1 << 10 // then the last packet of a picture goes pion's way
	stepAtLatest = 1 << 14 // then any
)

// proofSize is how many bytes at the end of a packet prove that all of it is the same: no authentication tag
// that is agreed on with browsers is shorter.
const proofSize = 10

// maxTag is the most by which sealing makes a packet longer.
const maxTag = 16

// sealer makes SRTP of a stream's packets. The stream's lock guards it.
type sealer struct {
	keys    func() (srtp.Config, bool)
	ears    *ears
	suite   suite       // nil until the keys are known
	cryptex bool        // as pion has it
	proof   []byte      // how the packet has to end that pion is about to send; empty: none is expected
	open    atomic.Bool // packets are taken; changed under the lock only
	past    int         // since one came from pion
}

// start reports whether it can seal.
func (k *sealer) start() bool {
	if k.suite != nil {
		return true
	}
	config, ok := k.keys()
	if !ok {
		return false
	}
	suite, err := newSuite(config)
	if err != nil || suite.setCryptex(k.cryptex) != nil {
		return false // not a profile that is known, which pion will say
	}
	if !k.ears.start(config) {
		return false
	}
	k.suite = suite
	return true
}

// addSealed seals a packet, for which there must be room, into b.
func (b *batch) addSealed(by suite, h *rtp.Header, payload []byte, rollover uint32) error {
	from := len(b.data)
	n, err := by.seal(b.data[from:cap(b.data)], h, payload, rollover)
	if err != nil {
		return err
	}
	b.data = b.data[:from+n]
	b.sizes = append(b.sizes, n)
	return nil
}

// seal takes a packet, or leaves it to pion; see [Express.Write].
func (s *stream) seal(h *rtp.Header, payload []byte, rollover uint32) (taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.sealer
	step := h.SequenceNumber - s.last
	size := h.MarshalSize() + len(payload) + maxTag
	switch {
	case k == nil || s.closed || s.path.socket == nil || int16(step) <= 0 || size > maxBytes:
		return false
	case !k.open.Load():
		if h.Marker {
			s.expect(h, payload, rollover)
		}
		return false
	case k.past >= stepEvery && h.Marker || k.past >= stepAtLatest:
		_ = s.flush() // counted in Stats
		return false
	}
	if step != 1 || s.batch != nil && !s.batch.fits(size) {
		_ = s.flush() // counted in Stats
	}
	if s.batch == nil {
		s.batch = s.path.socket.owner.takeBatch() // without a timer: the end of the picture comes at once
	}
	if err := s.batch.addSealed(k.suite, h, payload, rollover); err != nil {
		s.shut()
		return false
	}
	s.path.socket.owner.counters.sealed.Add(1)
	k.past++
	s.last = h.SequenceNumber
	if (h.Marker || s.batch.full()) && s.flush() != nil {
		s.shut()
	}
	return true
}

// expect prepares to recognise a packet that is left to pion. If it comes through a socket as it would have
// been sealed here, then pion's way leads there, and keys and rollover counter are the right ones.
func (s *stream) expect(h *rtp.Header, payload []byte, rollover uint32) {
	k := s.sealer
	if !k.start() {
		return
	}
	b := s.path.socket.owner.takeBatch()
	defer s.path.socket.owner.putBatch(b)
	if b.addSealed(k.suite, h, payload, rollover) == nil {
		k.proof = append(k.proof[:0], b.data[len(b.data)-proofSize:]...)
	}
}

// fromPion opens the express if p, which pion sends, is what was expected.
func (s *stream) fromPion(p []byte) {
	k := s.sealer
	if k == nil {
		return
	}
	k.past = 0
	if cryptex, known := cryptexOf(p); known && cryptex != k.cryptex {
		k.cryptex = cryptex
		if k.suite != nil {
			_ = k.suite.setCryptex(cryptex) // if it fails, nothing will be as expected
		}
		s.shut()
	}
	if len(k.proof) > 0 && bytes.HasSuffix(p, k.proof) {
		k.proof = k.proof[:0]
		k.open.Store(true)
		s.path.socket.owner.listenTo(s.path, k.ears)
	}
}

// shut has all packets go pion's way until one is recognised again.
func (s *stream) shut() {
	if k := s.sealer; k != nil && k.open.Load() {
		k.open.Store(false)
		s.path.socket.owner.ignore(s.path, k.ears)
	}
}

// forgetPath sends what waits and shuts the express.
func (s *stream) forgetPath() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.flush() // counted in Stats
	s.shut()
	s.path, s.started = path{}, false
}

// share makes the stream one of two viewers with the same SSRC.
func (s *stream) share() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut()
	s.sealer = nil
}

// cryptexOf tells whether the header extensions of an RTP packet are encrypted (RFC 9335 section 5.1), which
// is negotiated; known is false if it has none.
func cryptexOf(p []byte) (cryptex, known bool) {
	const extended = 1 << 4
	at := rtpHeaderSize + 4*int(p[0]&0xf)
	if p[0]&extended == 0 || len(p) < at+4 {
		return false, false
	}
	profile := binary.BigEndian.Uint16(p[at:])
	return profile == rtp.CryptexProfileOneByte || profile == rtp.CryptexProfileTwoByte, true
}
