package turn

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// urls asks once and returns the answer's URLs.
func urls(t *testing.T, s service) []string {
	t.Helper()
	answer, err := s.ask(t.Context())
	require.NoError(t, err)
	var all []string
	for _, e := range answer {
		all = append(all, e.raw)
		if e.isTURN() {
			require.Equal(t, []string{"u", "c"}, []string{e.username, e.credential})
		}
	}
	return all
}

func TestServicesAnswer(t *testing.T) {
	require.Equal(t, []string{
		"stun:stun.relay.metered.ca:80", "turn:global.relay.metered.ca:443",
		"turn:global.relay.metered.ca:80?transport=tcp", "turns:global.relay.metered.ca:443?transport=tcp",
	}, urls(t, onLoopback(t, meteredAPI)[kindMetered]))
	require.Equal(t, []string{
		"stun:stun.cloudflare.com:3478", "turn:turn.cloudflare.com:3478?transport=udp",
		"turn:turn.cloudflare.com:80?transport=tcp", "turns:turn.cloudflare.com:443?transport=tcp",
	}, urls(t, onLoopback(t, cloudflareAPI)[kindCloudflare]))
	require.Equal(t, []string{
		"stun:stun.cloudflare.com:3478", "turn:turn.cloudflare.com:3478?transport=udp",
		"turn:turn.cloudflare.com:3478?transport=tcp", "turns:turn.cloudflare.com:5349?transport=tcp",
	}, urls(t, onLoopback(t, says(cloudflareObject))[kindCloudflare]))
}

// TestUsableServersOfAnAnswer has what is malformed or new left out, and the rest used.
func TestUsableServersOfAnAnswer(t *testing.T) {
	answer := says(`[{"urls":["turn:a:1?transport=quic","https://a","turn:a"],"username":"u","credential":"c","x":1},
		{"urls":"turns:b"}, {"urls":[]}, {}]`)
	require.Equal(t, []string{"turn:a"}, urls(t, onLoopback(t, answer)[kindMetered]))
}

func TestWrongKeys(t *testing.T) {
	for name, api := range map[string]http.HandlerFunc{kindMetered: meteredAPI, kindCloudflare: cloudflareAPI} {
		server := httptest.NewServer(api)
		t.Cleanup(server.Close)
		cfg := map[string]Service{
			kindMetered:    {Kind: kindMetered, App: "app", KeyFile: "wrong", URL: server.URL},
			kindCloudflare: {Kind: kindCloudflare, KeyID: "id", TokenFile: "wrong", URL: server.URL},
		}[name]
		s, err := newService(cfg, read(map[string]string{"wrong": "secret-but-wrong"}), newClient())
		require.NoError(t, err)
		_, err = s.ask(t.Context())
		require.ErrorContains(t, err, "refused with 401 Unauthorized; check ", name)
		require.ErrorContains(t, err, "wrong, then restart", name)
		require.NotContains(t, err.Error(), "secret-but-wrong", name)
	}
}

// TestRefusals is each way in which a service can fail. No error quotes what it sent, or the key.
func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"no permission":     {fails(http.StatusForbidden, ""), "refused with 403 Forbidden; check "},
		"not found":         {fails(http.StatusNotFound, ""), "refused with 404 Not Found; check "},
		"bad request":       {fails(http.StatusBadRequest, ""), "failed with 400 Bad Request"},
		"too many":          {fails(http.StatusTooManyRequests, "30"), "failed with 429 Too Many Requests: retry after 30s"},
		"too many, no hint": {fails(http.StatusTooManyRequests, ""), "failed with 429 Too Many Requests"},
		"broken":            {fails(http.StatusInternalServerError, ""), "failed with 500 Internal Server Error"},
		"down":              {fails(http.StatusServiceUnavailable, "7"), "retry after 7s"},
		"no content":        {fails(http.StatusNoContent, ""), "failed with 204 No Content"},
		"nothing":           {says(""), "not a list of ICE servers"},
		"a login page":      {says("<html>Log in to the hotel</html>"), "not a list of ICE servers"},
		"cut off":           {says(meteredAnswer[:60]), "not a list of ICE servers"},
		"another type":      {says(`{"iceServers":"turn:a"}`), "not a list of ICE servers"},
		"null":              {says("null"), "no TURN server"},
		"huge":              {says(`{"x":"` + strings.Repeat("x", maxAnswer) + `"}`), "over 65536 bytes"},
		"huge headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*maxAnswer))
		}, "the connection broke"},
		"it quotes us": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, r.URL.String()+r.Header.Get("Authorization"))
		}, "failed with 400"},
		"its status quotes us": {func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = fmt.Fprintf(conn, "%s %s\r\n\r\n", r.URL, r.Header.Get("Authorization"))
				_ = conn.Close()
			}
		}, "the connection broke"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range onLoopback(t, tc.answer) {
				answer, err := s.ask(t.Context())
				require.Empty(t, answer)
				require.ErrorContains(t, err, tc.want)
				noKey(t, err.Error())
			}
		})
	}
}

func TestNoUsableServer(t *testing.T) {
	for body, want := range map[string]string{
		`[]`:                  "no TURN server",
		`[{"urls":"stun:a"}]`: "no TURN server",
		`[{"urls":"turn:a"}]`: "server 0, url 0: turn without username and credential",
		`[{"urls":"stun:a"},{"urls":"turn:a","username":"u"}]`:                               "server 1, url 0: turn without",
		`[{"urls":"turn://a","username":"u","credential":"c"}]`:                              "server 0, url 0: must begin with",
		`[{"urls":[],"username":"u","credential":"c"}]`:                                      "server 0 has no url",
		`[{"urls":"turn:a","username":"u","credential":"` + strings.Repeat("<", 200) + `"}]`: "over 1024 bytes",
	} {
		s := onLoopback(t, says(body))[kindMetered]
		_, err := s.ask(t.Context())
		require.ErrorContains(t, err, want, body)
	}
}

// TestRedirectsAreNotFollowed has the key stay with the host it was meant for.
func TestRedirectsAreNotFollowed(t *testing.T) {
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	t.Cleanup(thief.Close)
	for _, status := range []int{301, 302, 307, 308} {
		for _, s := range onLoopback(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path+"?"+r.URL.RawQuery, status)
		}) {
			_, err := s.ask(t.Context())
			require.ErrorContains(t, err, "which is not followed")
			noKey(t, err.Error())
		}
	}
}

func TestUnreachable(t *testing.T) {
	stranger := httptest.NewUnstartedServer(nil)
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	t.Cleanup(stranger.Close)
	for _, s := range asking(t, stranger.URL, newClient()) {
		_, err := s.ask(t.Context())
		require.ErrorContains(t, err, "cannot be trusted: tls: failed to verify certificate")
		noKey(t, err.Error())
	}
	server := httptest.NewServer(nil)
	server.Close()
	for _, s := range asking(t, server.URL, newClient()) {
		_, err := s.ask(t.Context())
		require.ErrorContains(t, err, "cannot be reached: dial tcp")
		noKey(t, err.Error())
	}
}

// TestSlowAnswers has a service that sends half of its answer, or nothing, and then hangs.
func TestSlowAnswers(t *testing.T) {
	for _, sent := range []string{"", meteredAnswer[:40]} {
		synctest.Test(t, func(t *testing.T) {
			for _, s := range inMemory(t, &script{answer: hangs(sent)}) {
				began := time.Now()
				_, err := s.ask(t.Context())
				require.ErrorContains(t, err, "no answer within 10s")
				require.Equal(t, 10*time.Second, time.Since(began))
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "soon": 0, "-5": 0, "1.5": 0, "99999999999999999999": 0,
		"1": time.Second, "120": 2 * time.Minute, "86400": time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.AddDate(1, 0, 0).Format(http.TimeFormat):  time.Hour,
		now.Add(-time.Minute).Format(http.TimeFormat): -time.Minute,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {text}}, now), text)
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	for text, want := range map[string]string{"": "is empty", "a\nb": "one line", "a b": "one line", "schlüssel": "one line"} {
		cfg := Service{Kind: kindMetered, App: "app", KeyFile: "f"}
		_, err := newService(cfg, read(map[string]string{"f": text}), newClient())
		require.ErrorContains(t, err, want)
		if text != "" {
			require.NotContains(t, err.Error(), text)
		}
	}
}
