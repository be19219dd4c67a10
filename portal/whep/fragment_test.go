package whep

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// What clients send, each as the client makes it.
func TestFragmentsOfClients(t *testing.T) {
	const host = "candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host"
	for name, tc := range map[string]struct {
		text       string
		want       credentials
		candidates []string
		mid        string
		line       uint16
	}{
		"RFC 9725, figure 5": {
			sdp("a=group:BUNDLE 0 1", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=ice-ufrag:EsAw", "a=ice-pwd:P2uY", "a="+host, "a=end-of-candidates"),
			credentials{"EsAw", "P2uY"}, []string{host, ""}, "0", 0,
		},
		"whip-whep": {
			sdp("a=ice-ufrag:u", "a=ice-pwd:p", "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:v", "a="+host),
			credentials{"u", "p"}, []string{host}, "v", 0,
		},
		"whip-whep, a restart":   {sdp("a=ice-ufrag:u", "a=ice-pwd:p"), credentials{"u", "p"}, nil, "", 0},
		"MediaMTX, second media": {sdp("a=ice-ufrag:u", "a=ice-pwd:p", "m=video 9 x 96", "a=mid:0", "m=audio 9 x 96", "a=mid:1", "a=candidate:"+host), credentials{"u", "p"}, []string{host}, "1", 1},
		"without media":          {"a=" + host + "\n", credentials{}, []string{host}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parseFragment(tc.text)
			require.NoError(t, err)
			require.Equal(t, tc.want, f.credentials)
			require.Len(t, f.candidates, len(tc.candidates))
			for i, c := range f.candidates {
				require.Equal(t, tc.candidates[i], c.Candidate)
				require.Equal(t, tc.line, *c.SDPMLineIndex)
				if tc.mid == "" {
					require.Nil(t, c.SDPMid)
				} else {
					require.Equal(t, tc.mid, *c.SDPMid)
				}
			}
		})
	}
}

func TestBadFragments(t *testing.T) {
	for _, bad := range []string{
		"", "\r\n", "hello", "a", "v=0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n", sdp("a=ice-ufrag:u"), sdp("a=ice-pwd:p", "a=candidate:1"), sdp("m=video 9 x 96", "a=mid:0"),
		sdp("a=candidate:" + strings.Repeat("x", signaling.MaxCandidate)), sdp("a=ice-ufrag:"+strings.Repeat("u", maxCredential+1), "a=ice-pwd:p"),
		strings.Repeat("a=candidate:1\r\n", maxCandidates+1),
	} {
		_, err := parseFragment(bad)
		require.ErrorIs(t, err, ErrBadFragment, "%.60q", bad)
	}
}

// Whatever a program sends: what passes is bounded, and each candidate is a message that a camera takes.
func FuzzFragment(f *testing.F) {
	f.Add(sdp("a=ice-ufrag:u", "a=ice-pwd:p", "m=video 9 x 96", "a=mid:0", "a=candidate:1 1 udp 1 192.0.2.1 5 typ host", "a=end-of-candidates"))
	f.Add("a=candidate:candidate:x\n")
	f.Add("a=mid\nm=\na=:")
	session := signaling.ViewerID(strings.Repeat("0", signaling.ViewerIDLength)).Session(1)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseFragment(text)
		if err != nil {
			require.ErrorIs(t, err, ErrBadFragment)
			require.Less(t, len(err.Error()), 400)
			return
		}
		require.LessOrEqual(t, len(got.candidates), maxCandidates)
		require.Equal(t, got.ufrag == "", got.pwd == "")
		for _, c := range got.candidates {
			_, err := signaling.Encode(signaling.Message{Type: signaling.TypeCandidate, Session: session, Candidate: &c})
			require.NoError(t, err)
		}
	})
}

// Whatever an offer is made of: a restart keeps its lines, and asks with the new credentials.
func FuzzRestartOffer(f *testing.F) {
	f.Add(offer, "u", "p")
	f.Fuzz(func(t *testing.T, text, ufrag, pwd string) {
		d, err := parseOffer(text)
		if err != nil {
			require.ErrorIs(t, err, ErrBadOffer)
			return
		}
		c := credentials{ufrag, pwd}
		again := d.with(c)
		require.LessOrEqual(t, len(again), len(d))
		if !strings.ContainsAny(ufrag+pwd, "\r\n") && ufrag != "" && pwd != "" {
			require.Equal(t, c, again.credentials())
		}
		g := gathered{candidates: []string{"candidate:1"}, complete: true}
		require.Len(t, d.complete(g), len(d)+2)
		require.Contains(t, fmt.Sprint(d.fragment(g)), "a=candidate:1\r\na=end-of-candidates\r\n")
	})
}
