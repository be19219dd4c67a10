package session

import (
	"fmt"
	"slices"
	"strings"

	"seccam/camerad/media"
	"seccam/pkg/credential"
	"seccam/pkg/signaling"

	"github.com/pion/sdp/v3"
)

// maxMedia bounds the m= sections of an offer. Ours has three; each costs memory.
const maxMedia = 8

// offered is what an offer says of the viewer.
type offered struct {
	sdp    string // with what it left out
	codecs map[media.Codec]bool
	// fingerprint is of the one certificate that the whole offer names, in the form in which they are
	// compared; "" if it names several, none, or one by another hash than SHA-256.
	fingerprint string
}

// inspect refuses an offer that cannot lead to a view, or to a visit, before anything is made for it.
func inspect(offer string, visit bool) (offered, *signaling.Error) {
	o := offered{sdp: offer, codecs: map[media.Codec]bool{}}
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(offer); err != nil {
		return o, refuse(signaling.CodeBadMessage, "The offer is not valid SDP. Reload the page and try again.")
	}
	if len(parsed.MediaDescriptions) > maxMedia {
		return o, refuse(signaling.CodeBadMessage, fmt.Sprintf("The offer has over %d media sections.", maxMedia))
	}
	o.fingerprint = fingerprintOf(&parsed)
	completed := false
	for _, section := range parsed.MediaDescriptions {
		if section.MediaName.Media == "video" {
			completed = completeH264(section) || completed
			o.addCodecs(section)
		}
	}
	if completed {
		text, err := parsed.Marshal()
		if err != nil {
			return o, refuse(signaling.CodeBadMessage, "The offer is not valid SDP. Reload the page and try again.")
		}
		o.sdp = string(text)
	}
	if len(o.codecs) == 0 && !visit {
		return o, refuse(signaling.CodeNoCodec, "This camera sends H264 or VP8 video, which your browser did not offer. Try another browser.")
	}
	return o, nil
}

// fingerprintOf returns the fingerprint that every line agrees on, since which of several counts is each
// implementation's own affair. What cannot be read agrees with nothing.
func fingerprintOf(offer *sdp.SessionDescription) string {
	attributes := slices.Clone(offer.Attributes)
	for _, section := range offer.MediaDescriptions {
		attributes = append(attributes, section.Attributes...)
	}
	found := ""
	for _, attribute := range attributes {
		if !strings.EqualFold(strings.TrimSpace(attribute.Key), "fingerprint") {
			continue
		}
		hash, value, _ := strings.Cut(attribute.Value, " ")
		fingerprint, err := credential.ParseFingerprint(value)
		if err != nil || !strings.EqualFold(hash, "sha-256") || found != "" && found != fingerprint {
			return ""
		}
		found = fingerprint
	}
	return found
}

// impliedH264 is what whoever speaks WebRTC takes (RFC 7742 section 6.2).
var impliedH264 = []string{"packetization-mode=1", "profile-level-id=42e01f"}

// completeH264 adds what an offer leaves out of its H264 formats, and reports whether that was anything.
// GStreamer's programs do so, and pion compares the formats by it.
func completeH264(section *sdp.MediaDescription) (completed bool) {
	parameters := map[string]*sdp.Attribute{}
	var formats []string
	for i := range section.Attributes {
		attribute := &section.Attributes[i]
		payload, rest, _ := strings.Cut(attribute.Value, " ")
		switch {
		case attribute.Key == "fmtp":
			parameters[payload] = attribute
		case attribute.Key == "rtpmap" && strings.HasPrefix(strings.ToUpper(rest), "H264/"):
			formats = append(formats, payload)
		}
	}
	for _, payload := range formats {
		given := parameters[payload]
		if given == nil {
			section.WithValueAttribute("fmtp", payload+" "+strings.Join(impliedH264, ";"))
			completed = true
			continue
		}
		for _, parameter := range impliedH264 {
			if name, _, _ := strings.Cut(parameter, "="); !strings.Contains(given.Value, name+"=") {
				given.Value += ";" + parameter
				completed = true
			}
		}
	}
	return completed
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
