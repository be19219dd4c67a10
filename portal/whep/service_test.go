package whep

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestAnswerHasAllCandidates(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		w := b.watcher("t")
		w.Until = time.Now().Add(time.Hour)
		began := time.Now()
		a := b.begin(w)
		require.Zero(t, time.Since(began), "it does not wait longer than the camera gathers")
		require.Equal(t, `"1"`, a.ETag)
		want := strings.Replace(answer, "AA\r\n", "AA\r\na=candidate:1 1 udp 2 192.0.2.1 5 typ host\r\na=candidate:2 1 udp 1 192.0.2.2 5 typ srflx\r\na=end-of-candidates\r\n", 1)
		require.Equal(t, want, a.SDP)
		require.Equal(t, string(a.Session.Viewer())+".viewer", a.Servers[0].Username)

		heard := b.took()
		require.Len(t, heard, 1)
		require.Equal(t, offer, heard[0].SDP)
		require.Equal(t, signaling.RoleViewer, heard[0].Role)
		require.Equal(t, w.Subject, heard[0].Grant)
		require.Equal(t, w.Until.UnixMilli(), heard[0].Until)

		require.NoError(t, b.End(w, string(a.Session)))
		require.Equal(t, signaling.ReasonLeft, b.took()[0].Reason)
		require.Subset(t, b.ended, []string{string(a.Session), string(a.Session.Viewer())}, "its relays die with it")
		require.ErrorIs(t, b.End(w, string(a.Session)), ErrNotFound)
	})
}

// A login has no grant: its end is not the camera's to know.
func TestViewByLoginHasNoGrant(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		a := b.begin(b.watcher(""))
		require.Empty(t, b.took()[0].Grant)
		require.NoError(t, b.End(b.watcher(""), string(a.Session)))
	})
}

func TestWaitForTheCamera(t *testing.T) {
	for name, tc := range map[string]struct {
		says   []signaling.Message
		takes  time.Duration
		has    string
		hasNot string
		err    error
	}{
		"never gathered to the end": {[]signaling.Message{answered(answer), candidate("candidate:1")}, gatherTimeout, "a=candidate:1\r\n", "end-of-candidates", nil},
		"candidates of before":      {[]signaling.Message{candidate("candidate:old"), answered(answer), candidate("")}, 0, "end-of-candidates", "old", nil},
		"no answer":                 {[]signaling.Message{candidate("")}, answerTimeout, "", "", ErrNoAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				b.set(func(m signaling.Message) []signaling.Message {
					if m.Type != signaling.TypeOffer {
						return nil
					}
					return tc.says
				})
				began := time.Now()
				a, err := b.Begin(t.Context(), b.watcher("t"), offer)
				require.ErrorIs(t, err, tc.err)
				require.Equal(t, tc.takes, time.Since(began))
				if tc.err != nil {
					require.Equal(t, signaling.TypeBye, b.took()[1].Type, "the camera may be late: it is told")
					require.Zero(t, b.count())
					return
				}
				require.Contains(t, a.SDP, tc.has)
				require.NotContains(t, a.SDP, tc.hasNot)
				require.NoError(t, b.End(b.watcher("t"), string(a.Session)))
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	refuses := func(code signaling.Code) func(*bench) {
		return func(b *bench) {
			b.handle = func(signaling.Message) []signaling.Message {
				return []signaling.Message{{Type: signaling.TypeError, Error: &signaling.Error{Code: code}}}
			}
		}
	}
	says := func(reason string) func(*bench) {
		return func(b *bench) {
			b.handle = func(signaling.Message) []signaling.Message {
				return []signaling.Message{{Type: signaling.TypeBye, Reason: reason}}
			}
		}
	}
	for name, tc := range map[string]struct {
		change func(*bench)
		code   signaling.Code
	}{
		"offline":               {func(b *bench) { b.presence = signaling.Presence{Text: "Offline"} }, signaling.CodeOffline},
		"busy":                  {refuses(signaling.CodeBusy), signaling.CodeBusy},
		"no codec":              {refuses(signaling.CodeNoCodec), signaling.CodeNoCodec},
		"private":               {refuses(signaling.CodePrivate), signaling.CodePrivate},
		"private a moment late": {says(signaling.ReasonPrivate), signaling.CodePrivate},
		"shut down meanwhile":   {says(signaling.ReasonShutdown), signaling.CodeOffline},
		"revoked meanwhile":     {says(signaling.ReasonRevoked), ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bench) {
				tc.change(b)
				_, err := b.Begin(t.Context(), b.watcher("t"), offer)
				var refusal *signaling.Error
				if errors.As(err, &refusal) {
					require.Equal(t, tc.code, refusal.Code)
				} else {
					require.ErrorIs(t, err, ErrNotFound)
					require.Empty(t, tc.code)
				}
				require.Zero(t, b.count())
				synctest.Wait()
			})
		})
	}
}

func TestProgramThatGivesUpWhileItWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		b.set(func(signaling.Message) []signaling.Message { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := b.Begin(ctx, b.watcher("t"), offer)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, signaling.TypeBye, b.took()[1].Type)
		require.Zero(t, b.count())
	})
}

func TestTrickle(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		w := b.watcher("t")
		a := b.begin(w)
		b.took()
		mine := sdp("a=ice-ufrag:mine", "a=ice-pwd:secret", "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", "a=candidate:7 1 udp 1 192.0.2.9 9 typ host", "a=end-of-candidates")
		for ifMatch, want := range map[string]error{
			a.ETag: nil, `"x", ` + a.ETag: nil, "*": nil, "": ErrNoMatch, `"0"`: ErrStale, "W/" + a.ETag: ErrStale, "1": ErrStale,
		} {
			restarted, _, err := b.Patch(t.Context(), w, string(a.Session), ifMatch, mine)
			require.ErrorIs(t, err, want, ifMatch)
			require.Empty(t, restarted)
			heard := b.took()
			if want != nil {
				require.Empty(t, heard, ifMatch)
				continue
			}
			require.Len(t, heard, 2)
			require.Equal(t, "candidate:7 1 udp 1 192.0.2.9 9 typ host", heard[0].Candidate.Candidate)
			require.Equal(t, "0", *heard[0].Candidate.SDPMid)
			require.Empty(t, heard[1].Candidate.Candidate)
		}
		_, _, err := b.Patch(t.Context(), w, string(a.Session), a.ETag, "hello")
		require.ErrorIs(t, err, ErrBadFragment)
		_, _, err = b.Patch(t.Context(), w, string(a.Session), a.ETag, sdp("a=ice-ufrag:new", "a=ice-pwd:new"))
		require.ErrorIs(t, err, ErrUnsupported)
		require.NoError(t, b.End(w, string(a.Session)))
	})
}

func TestRestart(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		w := b.watcher("t")
		a := b.begin(w)
		b.took()
		fragment := sdp("a=ice-ufrag:new", "a=ice-pwd:other", "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0", "a=candidate:7 1 udp 1 192.0.2.9 9 typ host")
		restarted, etag, err := b.Patch(t.Context(), w, string(a.Session), "*", fragment)
		require.NoError(t, err)
		require.Equal(t, `"2"`, etag)
		require.Equal(t, sdp("a=ice-ufrag:theirs", "a=ice-pwd:hidden", "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:0",
			"a=candidate:1 1 udp 2 192.0.2.1 5 typ host", "a=candidate:2 1 udp 1 192.0.2.2 5 typ srflx", "a=end-of-candidates"), restarted)
		heard := b.took()
		require.Len(t, heard, 2)
		again := strings.NewReplacer("a=ice-ufrag:mine", "a=ice-ufrag:new", "a=ice-pwd:secret", "a=ice-pwd:other", "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", "").Replace(offer)
		require.Equal(t, again, heard[0].SDP, "the offer again, with the new credentials")
		require.Equal(t, signaling.TypeCandidate, heard[1].Type)

		_, _, err = b.Patch(t.Context(), w, string(a.Session), a.ETag, fragment)
		require.ErrorIs(t, err, ErrStale)
		_, _, err = b.Patch(t.Context(), w, string(a.Session), etag, fragment)
		require.NoError(t, err, "its credentials are those in use now")

		// One that the camera refuses leaves the view as it is.
		b.set(func(m signaling.Message) []signaling.Message {
			return []signaling.Message{{Type: signaling.TypeError, Error: &signaling.Error{Code: signaling.CodeBadMessage}}}
		})
		_, _, err = b.Patch(t.Context(), w, string(a.Session), "*", sdp("a=ice-ufrag:third", "a=ice-pwd:x"))
		require.Error(t, err)
		_, _, err = b.Patch(t.Context(), w, string(a.Session), etag, fragment)
		require.NoError(t, err)
		require.NoError(t, b.End(w, string(a.Session)))
	})
}

func TestOneRestartAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		w := b.watcher("t")
		a := b.begin(w)
		b.set(func(signaling.Message) []signaling.Message { return nil })
		first := make(chan error, 1)
		go func() {
			_, _, err := b.Patch(t.Context(), w, string(a.Session), "*", sdp("a=ice-ufrag:a", "a=ice-pwd:a"))
			first <- err
		}()
		synctest.Wait()
		_, _, err := b.Patch(t.Context(), w, string(a.Session), "*", sdp("a=ice-ufrag:b", "a=ice-pwd:b"))
		require.ErrorIs(t, err, ErrRestarting)
		require.ErrorIs(t, <-first, ErrNoAnswer)
		require.NoError(t, b.End(w, string(a.Session)))
	})
}

// A view is for whoever made it.
func TestAbuse13_AnothersView(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		a := b.begin(b.watcher("t"))
		b.took()
		stranger, elsewhere := b.watcher("t"), b.watcher("t")
		stranger.UserID, elsewhere.Camera = 2, "another"
		for _, w := range []Watcher{b.watcher("u"), b.watcher(""), stranger, elsewhere} {
			require.ErrorIs(t, b.End(w, string(a.Session)), ErrNotFound)
			_, _, err := b.Patch(t.Context(), w, string(a.Session), "*", sdp("a=ice-ufrag:a", "a=ice-pwd:a"))
			require.ErrorIs(t, err, ErrNotFound)
		}
		require.Empty(t, b.took())
		require.NoError(t, b.End(b.watcher("t"), string(a.Session)))
	})
}

func TestViewEndsWhenTheCameraSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		w := b.watcher("t")
		a := b.begin(w)
		b.says(signaling.Topic{Camera: b.camera, Portal: "p1", Session: a.Session}, signaling.Message{Type: signaling.TypeBye, Reason: signaling.ReasonFailed})
		_, _, err := b.Patch(t.Context(), w, string(a.Session), a.ETag, sdp("a=ice-ufrag:mine", "a=ice-pwd:secret"))
		require.ErrorIs(t, err, ErrNotFound)
		require.Zero(t, b.count())
	})
}

func TestViewEndsWithItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		a, other := b.begin(b.watcher("t")), b.begin(b.watcher("u"))
		b.took()
		b.hub.EndGrant(t.Context(), b.camera, "view-t")
		heard := b.took()
		require.Equal(t, a.Session, heard[0].Session)
		require.Equal(t, "view-t", heard[1].Grant)
		require.Equal(t, 1, b.count())
		require.NoError(t, b.End(b.watcher("u"), string(other.Session)))
	})
}

func TestViewsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		var all []func() error
		for n := range MaxViewsForUser {
			w := b.watcher(fmt.Sprint(n / MaxViews))
			a := b.begin(w)
			all = append(all, func() error { return b.End(w, string(a.Session)) })
		}
		for _, token := range []string{"0", "more"} {
			_, err := b.Begin(t.Context(), b.watcher(token), offer)
			require.ErrorIs(t, err, ErrTooMany, token)
		}
		require.NoError(t, all[0]())
		time.Sleep(time.Second) // of the bubble
		a := b.begin(b.watcher("0"))

		// The camera was away: its oldest view may be dead, and makes room.
		b.mu.Lock()
		b.presence.Since = time.Now().Add(time.Second).UnixMilli()
		b.mu.Unlock()
		b.took()
		b.begin(b.watcher("0"))
		require.Equal(t, MaxViewsForUser, b.count())
		require.Equal(t, signaling.TypeBye, b.took()[0].Type, "in case it is not dead")
		require.NoError(t, b.End(b.watcher("0"), string(a.Session)), "it was not the oldest")
		b.hub.Close()
		require.Zero(t, b.count())
		_, err := b.Begin(t.Context(), b.watcher("0"), offer)
		require.ErrorIs(t, err, ErrClosed)
	})
}

func TestNotAnOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, b *bench) {
		for _, bad := range []string{"", "hello", "v=0\r\n", "{}", sdp("v=0", "m=video 9 x 96"), offer[5:]} {
			_, err := b.Begin(t.Context(), b.watcher("t"), bad)
			require.ErrorIs(t, err, ErrBadOffer, bad)
		}
		require.Empty(t, b.took())
		a, err := b.Begin(t.Context(), b.watcher("t"), strings.ReplaceAll(offer, "\r\n", "\n"))
		require.NoError(t, err, "line feeds only")
		require.Equal(t, offer, b.took()[0].SDP)
		require.NoError(t, b.End(b.watcher("t"), string(a.Session)))
	})
}
