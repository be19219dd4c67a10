package session

import (
	"fmt"
	"strings"

	"seccam/camerad/media"
	"seccam/pkg/signaling"

	"github.com/pion/sdp/v3"
)

// maxMedia bounds the m= sections of an offer. Ours has three; each costs memory.
const maxMedia = 8

// offered is what an offer says of the viewer.
type offered struct {
	codecs map[media.Codec]bool
}

// inspect refuses an offer that cannot lead to a view, before anything is made for it.
func inspect(offer string) (offered, *signaling.Error) {
	o := offered{codecs: map[media.Codec]bool{}}
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(offer); err != nil {
		return o, refuse(signaling.CodeBadMessage, "The offer is not valid SDP. Reload the page and try again.")
	}
	if len(parsed.MediaDescriptions) > maxMedia {
		return o, refuse(signaling.CodeBadMessage, fmt.Sprintf("The offer has over %d media sections.", maxMedia))
	}
	for _, section := range parsed.MediaDescriptions {
		if section.MediaName.Media == "video" {
			o.addCodecs(section)
		}
	}
	if len(o.codecs) == 0 {
		return o, refuse(signaling.CodeNoCodec, "This camera sends H264 or VP8 video, which your browser did not offer. Try another browser.")
	}
	return o, nil
}

// addCodecs notes the codecs of a section. H264 counts in packetization mode 1 only (RFC 6184 section
// 8.1); the profile is left to the negotiation, since every browser's list has a baseline.
func (o *offered) addCodecs(section *sdp.MediaDescription) {
	mode1 := map[string]bool{}
	for _, attribute := range section.Attributes {
		if attribute.Key == "fmtp" {
			payload, parameters, _ := strings.Cut(attribute.Value, " ")
			mode1[payload] = strings.Contains(parameters, "packetization-mode=1")
		}
	}
	for _, attribute := range section.Attributes {
		payload, codec, _ := strings.Cut(attribute.Value, " ")
		name, _, _ := strings.Cut(strings.ToUpper(codec), "/")
		switch known := media.Codec(name); {
		case attribute.Key != "rtpmap":
		case known == media.H264 && mode1[payload], known == media.VP8, known == media.H265:
			o.codecs[known] = true
		}
	}
}

// choose returns the first of the camera's codecs that the viewer has.
func (o *offered) choose(codecs []media.Codec) (media.Codec, *signaling.Error) {
	for _, codec := range codecs {
		if o.codecs[codec] {
			return codec, nil
		}
	}
	return "", refuse(signaling.CodeNoCodec,
		fmt.Sprintf("This camera sends %s video, which your browser cannot show. Try another browser.", listOf(codecs)))
}

func listOf(codecs []media.Codec) string {
	names := make([]string, len(codecs))
	for i, codec := range codecs {
		names[i] = string(codec)
	}
	return strings.Join(names, " or ")
}

func refuse(code signaling.Code, text string) *signaling.Error {
	return &signaling.Error{Code: code, Message: text, RetryAfter: retryAfter[code]}
}

// retryAfter is in seconds; a code that is absent is not worth trying again.
var retryAfter = map[signaling.Code]int{
	signaling.CodeBusy: 10, signaling.CodeSourceLost: 5, signaling.CodeInternal: 5,
}
