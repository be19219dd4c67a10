package turn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestURLs(t *testing.T) {
	for _, good := range []string{
		"stun:h", "stun:h:3478", "stuns:h", "stun:[::1]:3478", "stun:[2001:db8::1]", "turn:192.0.2.1", "turn:h_1.example.org",
		"turn:h?transport=udp", "turn:h:1?transport=tcp", "turns:h:65535?transport=tcp", "turns:h",
	} {
		_, err := parseURL(good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{
		"", "stun", "stun:", "stun::3478", "h:3478", "https://h", "stun://h", "turn://h:3478", "STUN:h", " stun:h", "stun:h ",
		"stun:h:0", "stun:h:65536", "stun:h:-1", "stun:h:+1", "stun:h:x", "stun:h:", "stun:a:b:1", "stun:user@h", "stun:h/p", "stun:h#f",
		"stun:h?transport=udp", "turn:h?transport=sctp", "turn:h?transport=", "turn:h?x=y", "turn:h?transport=udp&x=y",
		"stun:::1", "stun:[::1", "stun:[::::]", "stun:[fe80::1%25eth0]", "stun:h\n", "stun:ä", "turn:%68",
		"stun:" + string(make([]byte, signaling.MaxText)),
	} {
		_, err := parseURL(bad)
		require.ErrorIs(t, err, errURL, bad)
	}
}

func TestOnePerWay(t *testing.T) {
	raw := func(urls ...string) []string { return urls }
	for _, tc := range []struct{ given, kept []string }{
		{raw("turn:a:3478", "turn:a:53"), raw("turn:a:3478")},
		{raw("turn:a:53", "turn:a:3478", "turn:a:80", "turn:a:443"), raw("turn:a:443")},
		{raw("turn:a:53"), raw("turn:a:53")},
		{raw("turn:a", "turn:b"), raw("turn:a")},
		{raw("turns:a:5349", "turn:a?transport=tcp", "turns:a:443", "stun:a", "turn:a"), raw("turns:a:443", "turn:a?transport=tcp", "stun:a", "turn:a")},
	} {
		all, err := endpoints([]signaling.ICEServer{{URLs: tc.given, Username: "u", Credential: "c"}})
		require.NoError(t, err)
		var kept []string
		for _, e := range onePerWay(all) {
			kept = append(kept, e.raw)
		}
		require.Equal(t, tc.kept, kept)
	}
}
