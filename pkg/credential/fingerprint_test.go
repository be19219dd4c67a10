package credential

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sha256("abc"), FIPS 180-2 appendix B.1.
const (
	abcHex    = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	abcSDP    = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
	abcBase64 = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
)

func TestFingerprints(t *testing.T) {
	assert.Equal(t, abcSDP, FingerprintOf([]byte("abc")))
	assert.Equal(t, abcBase64, ShortFingerprint(abcSDP))
	groups := FingerprintGroups(abcSDP)
	assert.Equal(t, "BA7816BF 8F01CFEA 414140DE 5DAE2223 B00361A3 96177A9C B410FF61 F20015AD", strings.Join(groups, " "))
	for _, text := range []string{abcSDP, abcHex, strings.ToLower(abcSDP), abcBase64, strings.Join(groups, " "), strings.Join(groups, "-\n")} {
		got, err := ParseFingerprint(text)
		require.NoError(t, err, text)
		assert.Equal(t, abcSDP, got)
	}
	for _, text := range []string{"", abcHex[1:], abcHex + "00", abcSDP + ":", abcBase64[1:], abcBase64 + "A", strings.Repeat("z", 64), strings.Repeat(" ", 200) + abcHex} {
		_, err := ParseFingerprint(text)
		if text == abcSDP+":" {
			require.NoError(t, err, "separators say nothing")
			continue
		}
		require.ErrorIs(t, err, ErrFingerprint, text)
	}
}
