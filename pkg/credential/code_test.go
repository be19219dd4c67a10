package credential

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodesAreTypedAsPeopleType(t *testing.T) {
	code := NewCode()
	shown := FormatCode(code)
	require.Len(t, shown, CodeLength+3)
	for _, typed := range []string{code, shown, strings.ToLower(shown), "  " + shown + "\n", strings.ReplaceAll(shown, "-", " "),
		strings.NewReplacer("0", "O", "1", "I").Replace(shown), strings.NewReplacer("1", "l").Replace(code)} {
		got, err := ParseCode(typed)
		require.NoError(t, err, typed)
		require.Equal(t, code, got)
	}
}

// The vector was computed by hand: the powers of 2 modulo x^5+x^2+1.
func TestCheckCharacterVector(t *testing.T) {
	for code, want := range map[string]byte{
		"0000000000000000000": '0',
		"0000000000000000001": '2',                     // 1·2
		"0000000000000000010": '4',                     // 1·2²
		"00000000000000g0000": alphabet[powerOfTwo(9)], // 16·2⁵ = 2⁹
	} {
		require.Equal(t, want, alphabet[checkValue([]byte(code))], code)
	}
}

func powerOfTwo(n int) byte {
	v := byte(1)
	for range n {
		v = gfDouble(v)
	}
	return v
}

func TestGeneratorHasFullOrder(t *testing.T) {
	seen := map[byte]bool{}
	for n := range 31 {
		seen[powerOfTwo(n)] = true
	}
	require.Len(t, seen, 31, "2 generates GF(32)*, so the weights of all positions differ")
}

func TestEverySingleErrorAndSwapIsCaught(t *testing.T) {
	code := NewCode()
	for i := range code {
		for _, c := range alphabet {
			if byte(c) == code[i] {
				continue
			}
			_, err := ParseCode(code[:i] + string(c) + code[i+1:])
			require.ErrorIs(t, err, ErrCode)
		}
		for j := i + 1; j < len(code); j++ {
			if code[i] == code[j] {
				continue
			}
			swapped := []byte(code)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			_, err := ParseCode(string(swapped))
			require.ErrorIs(t, err, ErrCode)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add("00000-00000-00000-00000")
	f.Add(FormatCode(NewCode()))
	f.Fuzz(func(t *testing.T, typed string) {
		code, err := ParseCode(typed)
		if err != nil {
			return
		}
		again, err := ParseCode(FormatCode(code))
		require.NoError(t, err)
		require.Equal(t, code, again)
	})
}
