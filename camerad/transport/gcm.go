package transport

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"

	"github.com/pion/rtp"
)

// gcm is SRTP with AES-GCM (RFC 7714), on which browsers agree. Package srtp does the same, but reads the header
// that was just written, and finds the stream, the counter and the cipher anew for each packet: with a hundred
// viewers, none of which is in the processor's cache when its turn comes, that was a quarter of sealing.
type gcm struct {
	aead    cipher.AEAD
	salt    [12]byte
	nonce   [12]byte // memory
	cryptex bool
}

func newGCM(masterKey, masterSalt []byte) (*gcm, error) {
	master, err := aes.NewCipher(masterKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derive(master, masterSalt, labelKey, len(masterKey)))
	if err != nil {
		return nil, err
	}
	s := &gcm{}
	copy(s.salt[:], derive(master, masterSalt, labelSalt, len(s.salt)))
	s.aead, err = cipher.NewGCM(block)
	return s, err
}

// What is derived from the master key for RTP (RFC 3711 section 4.3.2).
const labelKey, labelSalt = 0, 2

// derive is AES-CM key derivation, once for all packets (RFC 3711 sections 4.3.1 and 4.3.3). A salt of 96 bits
// is filled up with zeros (RFC 7714 section 11).
func derive(master cipher.Block, masterSalt []byte, label byte, size int) []byte {
	var counter [aes.BlockSize]byte
	copy(counter[:], masterSalt)
	counter[7] ^= label
	out := make([]byte, size)
	cipher.NewCTR(master, counter[:]).XORKeyStream(out, out)
	return out
}

func (s *gcm) setCryptex(on bool) error {
	s.cryptex = on
	return nil
}

// seal implements suite (RFC 7714 section 8.2).
func (s *gcm) seal(room []byte, h *rtp.Header, payload []byte, rollover uint32) (int, error) {
	n, err := h.MarshalTo(room)
	if err != nil {
		return 0, err
	}
	open := n
	if s.cryptex && h.Extension {
		open = markCryptex(room, h.ExtensionProfile)
	}
	n += copy(room[n:], payload)
	return open + len(s.aead.Seal(room[open:open], s.nonceFor(h, rollover), room[open:n], room[:open])), nil
}

// markCryptex says in a packet that its header extensions are encrypted, and returns where that begins (RFC
// 9335 sections 5.1 and 5.2).
func markCryptex(packet []byte, profile uint16) (from int) {
	switch profile {
	case rtp.ExtensionProfileOneByte:
		profile = rtp.CryptexProfileOneByte
	case rtp.ExtensionProfileTwoByte:
		profile = rtp.CryptexProfileTwoByte
	}
	binary.BigEndian.PutUint16(packet[rtpHeaderSize:], profile)
	return rtpHeaderSize + 4
}

// nonceFor is RFC 7714 section 8.1. It is valid until the next call.
func (s *gcm) nonceFor(h *rtp.Header, rollover uint32) []byte {
	ssrc, counter, sequence := s.nonce[2:6], s.nonce[6:10], s.nonce[10:12]
	s.nonce = s.salt
	binary.BigEndian.PutUint32(ssrc, binary.BigEndian.Uint32(ssrc)^h.SSRC)
	binary.BigEndian.PutUint32(counter, binary.BigEndian.Uint32(counter)^rollover)
	binary.BigEndian.PutUint16(sequence, binary.BigEndian.Uint16(sequence)^h.SequenceNumber)
	return s.nonce[:]
}
