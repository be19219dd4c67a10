package session

import (
	"fmt"
	"strings"

	"seccam/pkg/signaling"

	"github.com/pion/sdp/v3"
)

// maxMedia bounds the m= sections of an offer. Ours has two; each costs memory.
const maxMedia = 8

// inspect refuses an offer that cannot lead to a view, before anything is made for it.
func inspect(offer string) *signaling.Error {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(offer); err != nil {
		return refuse(signaling.CodeBadMessage, "The offer is not valid SDP. Reload the page and try again.")
	}
	if len(parsed.MediaDescriptions) > maxMedia {
		return refuse(signaling.CodeBadMessage, fmt.Sprintf("The offer has over %d media sections.", maxMedia))
	}
	for _, media := range parsed.MediaDescriptions {
		if media.MediaName.Media == "video" && offersH264(media) {
			return nil
		}
	}
	return refuse(signaling.CodeNoCodec, "This camera sends H264 video, which your browser did not offer. Try another browser.")
}

// offersH264 looks for H264 in packetization mode 1 (RFC 6184 section 8.1); the profile is left to
// the negotiation, since every browser's list has a baseline.
func offersH264(media *sdp.MediaDescription) bool {
	mode1 := map[string]bool{}
	for _, attribute := range media.Attributes {
		if attribute.Key == "fmtp" {
			payload, parameters, _ := strings.Cut(attribute.Value, " ")
			mode1[payload] = strings.Contains(parameters, "packetization-mode=1")
		}
	}
	for _, attribute := range media.Attributes {
		payload, codec, _ := strings.Cut(attribute.Value, " ")
		if attribute.Key == "rtpmap" && mode1[payload] && strings.HasPrefix(strings.ToUpper(codec), "H264/90000") {
			return true
		}
	}
	return false
}

func refuse(code signaling.Code, text string) *signaling.Error {
	return &signaling.Error{Code: code, Message: text, RetryAfter: retryAfter[code]}
}

// retryAfter is in seconds; a code that is absent is not worth trying again.
var retryAfter = map[signaling.Code]int{
	signaling.CodeBusy: 10, signaling.CodeSourceLost: 5, signaling.CodeInternal: 5,
}
