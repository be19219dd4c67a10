package credential

import (
	"crypto/rand"
	"errors"
	"strings"
)

// alphabet is Crockford's base32 in lower case: no i, l, o or u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// CodeLength is the number of characters of a code in canonical form: 19 random ones (95 bits) and
// a check character.
const CodeLength = 20

// codeGroup is how many characters stand together when a code is shown to a person.
const codeGroup = 5

// ErrCode is returned for text that is not a camera id or claim code.
var ErrCode = errors.New("not a valid code: 20 letters and digits in four groups of five; check for a typing mistake")

// NewCode returns a random code: a camera id or a claim code, in canonical form.
func NewCode() string {
	random := make([]byte, CodeLength-1)
	_, _ = rand.Read(random) // crypto/rand.Read never fails (Go 1.24)
	return CodeOf(random)
}

// CodeOf returns a code made of the low five bits of each of the first 19 bytes, in canonical form.
func CodeOf(bytes []byte) string {
	code := make([]byte, CodeLength)
	for i := range CodeLength - 1 {
		code[i] = alphabet[bytes[i]&31]
	}
	code[CodeLength-1] = alphabet[checkValue(code[:CodeLength-1])]
	return string(code)
}

// ParseCode accepts a code as a person types it (any case, spaces, hyphens, o for 0, i or l for 1)
// and returns its canonical form. The check character catches every single wrong character and
// every swap of two.
func ParseCode(typed string) (string, error) {
	code := make([]byte, 0, CodeLength)
	if len(typed) > 4*CodeLength {
		return "", ErrCode
	}
	for _, c := range []byte(strings.ToLower(typed)) {
		switch c {
		case ' ', '-', '\t', '\n', '\r':
			continue
		case 'o':
			c = '0'
		case 'i', 'l':
			c = '1'
		}
		if strings.IndexByte(alphabet, c) < 0 {
			return "", ErrCode
		}
		code = append(code, c)
	}
	if len(code) != CodeLength || alphabet[checkValue(code[:CodeLength-1])] != code[CodeLength-1] {
		return "", ErrCode
	}
	return string(code), nil
}

// FormatCode returns a canonical code as it is shown to people: XXXXX-XXXXX-XXXXX-XXXXX.
func FormatCode(code string) string {
	if len(code) != CodeLength {
		return code
	}
	groups := make([]string, 0, CodeLength/codeGroup)
	for i := 0; i < CodeLength; i += codeGroup {
		groups = append(groups, strings.ToUpper(code[i:i+codeGroup]))
	}
	return strings.Join(groups, "-")
}

// checkValue evaluates the code as a polynomial over GF(32) at the generator 2 (a Reed-Solomon code
// with one check symbol): the powers differ at every position, so one wrong symbol and one swap
// always change the result.
func checkValue(code []byte) byte {
	var sum byte
	for _, c := range code {
		sum = gfDouble(sum ^ byte(strings.IndexByte(alphabet, c)))
	}
	return sum
}

// gfDouble multiplies by 2 in GF(32) with the primitive polynomial x^5+x^2+1.
func gfDouble(v byte) byte {
	v <<= 1
	if v&32 != 0 {
		v ^= 0b100101
	}
	return v
}
