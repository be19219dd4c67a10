package transport

import (
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// suite seals with what DTLS has agreed on.
type suite interface {
	// seal makes an SRTP packet in room, which has maxTag bytes more than the RTP packet, and returns its size.
	// rollover is its rollover counter (RFC 3711 section 3.3.1). There are no contributing sources.
	seal(room []byte, h *rtp.Header, payload []byte, rollover uint32) (int, error)
	// setCryptex says whether header extensions are encrypted (RFC 9335); at first they are not.
	setCryptex(on bool) error
}

// newSuite fails for a profile that package srtp does not know.
func newSuite(config srtp.Config) (suite, error) {
	key, salt := config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt
	if config.Profile == srtp.ProtectionProfileAeadAes128Gcm || config.Profile == srtp.ProtectionProfileAeadAes256Gcm {
		return newGCM(key, salt)
	}
	context, err := srtp.CreateContext(key, salt, config.Profile)
	return &anySuite{context: context}, err
}

// anySuite seals by package srtp.
type anySuite struct {
	context *srtp.Context
	header  rtp.Header // memory
}

func (s *anySuite) setCryptex(on bool) error {
	mode := srtp.CryptexModeDisabled
	if on {
		mode = srtp.CryptexModeEnabled
	}
	return s.context.UpdateOptions(srtp.Cryptex(mode))
}

func (s *anySuite) seal(room []byte, h *rtp.Header, payload []byte, rollover uint32) (int, error) {
	n, err := h.MarshalTo(room)
	if err != nil {
		return 0, err
	}
	n += copy(room[n:], payload)
	s.context.SetROC(h.SSRC, rollover)
	packet, err := s.context.EncryptRTP(room[:n], room[:n], &s.header)
	return len(packet), err
}
