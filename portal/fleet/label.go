package fleet

import (
	"fmt"
	"net/url"
	"strings"

	"seccam/pkg/credential"
)

// Label is what stands on a camera. The portal's database has the claim code's hash and never the pairing
// code: that is between the camera and its owner's devices.
type Label struct {
	Portal, Camera, Claim, Pairing, Fingerprint string
}

// Address is the label as a QR code has it. A browser keeps what follows the # to itself, so no log or proxy on
// the way has it; the page fills its form with it, and sends all but the pairing code.
func (l Label) Address() string {
	return fmt.Sprintf("%s/claim#id=%s&code=%s&fp=%s&pair=%s",
		strings.TrimSuffix(l.Portal, "/"), l.Camera, l.Claim, credential.ShortFingerprint(l.Fingerprint), l.Pairing)
}

// parseAddress is the inverse of [Label.Address].
func parseAddress(text string) (Label, error) {
	portal, fragment, found := strings.Cut(text, "/claim#")
	values, err := url.ParseQuery(fragment)
	if !found || err != nil {
		return Label{}, fmt.Errorf("%.200q is not the address of a label", text)
	}
	l := Label{Portal: portal}
	for name, into := range map[string]*string{"id": &l.Camera, "code": &l.Claim, "pair": &l.Pairing} {
		if *into, err = credential.ParseCode(values.Get(name)); err != nil {
			return Label{}, fmt.Errorf("label: %s: %w", name, err)
		}
	}
	if l.Fingerprint, err = credential.ParseFingerprint(values.Get("fp")); err != nil {
		return Label{}, fmt.Errorf("label: %w", err)
	}
	return l, nil
}

// addressTitle comes right before the address in the label's text, by which it is found again.
const addressTitle = "As a QR code (label.png), which a phone's camera opens:\n"

// Text is the label for people.
func (l Label) Text() string {
	groups := credential.FingerprintGroups(l.Fingerprint)
	half := len(groups) / 2
	return fmt.Sprintf(`SecCam camera
id:            %s
claim code:    %s
pairing code:  %s
fingerprint:   %s
               %s
sign up at:    %s/signup

%s%s
`, credential.FormatCode(l.Camera), credential.FormatCode(l.Claim), credential.FormatCode(l.Pairing),
		strings.Join(groups[:half], " "), strings.Join(groups[half:], " "), l.Portal, addressTitle, l.Address())
}

// parseText reads a label back from its text.
func parseText(text string) (Label, error) {
	_, address, found := strings.Cut(text, addressTitle)
	if !found {
		return Label{}, fmt.Errorf("this is no label.txt: it has no line %q", strings.TrimSpace(addressTitle))
	}
	return parseAddress(strings.TrimSpace(address))
}
