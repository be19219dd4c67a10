package source

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLastLines(t *testing.T) {
	for name, c := range map[string]struct{ said, want string }{
		"nothing":                {"", ""},
		"blank lines":            {"\n \r\n\t\n", ""},
		"carriage returns":       {"frame 1\rframe 2\r\nend", ": frame 1; frame 2; end"},
		"the last four":          {"1\n2\n3\n4\n5\n", ": 2; 3; 4; 5"},
		"password in an address": {"open rtsp://me:p@ss@cam/a and http://x:y@b/", ": open rtsp://[redacted]@cam/a and http://[redacted]@b/"},
		"secret by itself":       {"user me, password p@ssword", ": user me, password [redacted]"},
		"addresses in memory":    {"[rtsp @ 0x55d0c8] failed", ": [rtsp] failed"},
		"no text":                {"a\xffb", ": a?b"},
		"long":                   {strings.Repeat("é", 10_000) + "\nshort", ": " + strings.Repeat("é", shownBytes/2) + "; short"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLastLines([]string{"p@ssword", "1", ""}, func(string) {})
			for _, b := range []byte(c.said) {
				n, err := l.Write([]byte{b})
				assert.Equal(t, 1, n)
				assert.NoError(t, err)
			}
			assert.Equal(t, c.want, l.words())
			whole := newLastLines([]string{"p@ssword", "1", ""}, func(string) {})
			_, _ = whole.Write([]byte(c.said))
			assert.Equal(t, c.want, whole.words())
		})
	}
}

func FuzzLastLines(f *testing.F) {
	f.Add("cannot open rtsp://me:", "@cam: 401\nHunter22", 300)
	f.Fuzz(func(t *testing.T, before, after string, filler int) {
		const secret = "Hunter22"
		var logged strings.Builder
		l := newLastLines([]string{secret}, func(line string) { logged.WriteString(line + "\n") })
		before += strings.Repeat("x", max(0, filler)%(2*shownBytes))
		for _, part := range []string{before, secret[:3], secret[3:], after} {
			n, err := l.Write([]byte(part))
			assert.Equal(t, len(part), n)
			assert.NoError(t, err)
		}
		words := l.words()
		if len(before) < foundBytes-len(secret) {
			assert.NotContains(t, words+"\n"+logged.String(), secret)
		}
		assert.LessOrEqual(t, len(words), keptLines*(shownBytes+2))
	})
}
