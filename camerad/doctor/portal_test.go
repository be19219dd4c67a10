package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// visit runs the checks of the way to a portal and returns what they found, by name.
func visit(t *testing.T, p *Portal) map[string]signaling.Check {
	t.Helper()
	if p.Trust == nil {
		p.Trust = &tls.Config{}
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Resolve == nil {
		p.Resolve = net.DefaultResolver.LookupHost
	}
	found := map[string]signaling.Check{}
	Run(t.Context(), p.Checks(), func(c signaling.Check) { found[c.Name] = c })
	return found
}

func require1(t *testing.T, c signaling.Check, result signaling.CheckResult, words string) {
	t.Helper()
	require.Equal(t, result, c.Result, "%+v", c)
	require.Regexp(t, words, c.Seen)
	if result == signaling.CheckWarn || result == signaling.CheckFail {
		require.NotEmpty(t, c.Next, "what to do next")
	}
}

// serve is a portal with a handler of its own for /healthz.
func serve(t *testing.T, secure bool, handler http.HandlerFunc) (*httptest.Server, *url.URL) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = nil
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return s, u
}

func healthy(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

func trusting(s *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{RootCAs: roots}
}

func TestPortalThatWorks(t *testing.T) {
	s, u := serve(t, true, healthy)
	found := visit(t, &Portal{URL: u, Trust: trusting(s)})
	require1(t, found[CheckDNS], signaling.CheckOK, "is an address")
	require1(t, found[CheckPortal], signaling.CheckOK, "answered in")
	require1(t, found[CheckClock], signaling.CheckOK, "within")
	require1(t, found[CheckTLS], signaling.CheckOK, `TLS 1.3, the certificate is valid until \d{4}-`)

	_, u = serve(t, false, healthy)
	require1(t, visit(t, &Portal{URL: u})[CheckTLS], signaling.CheckOK, "on this machine")
}

func TestNameThatIsNotFound(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "no-such-portal.invalid"}
	for words, err := range map[string]error{
		"there is no host no-such-portal.invalid": &net.DNSError{IsNotFound: true, Name: u.Host},
		"could not be looked up: .*refused":       &net.DNSError{Err: "connection refused"},
		"could not be looked up: odd":             errors.New("odd"),
	} {
		found := visit(t, &Portal{URL: u, Resolve: func(context.Context, string) ([]string, error) { return nil, err }})
		require1(t, found[CheckDNS], signaling.CheckFail, words)
		require1(t, found[CheckPortal], signaling.CheckSkipped, "dns")
		require1(t, found[CheckTLS], signaling.CheckSkipped, "portal")
	}
	u.Host = "localhost:1"
	found := visit(t, &Portal{URL: u, Resolve: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }})
	require1(t, found[CheckDNS], signaling.CheckOK, "localhost is 127.0.0.1")
	require1(t, found[CheckPortal], signaling.CheckFail, "does not answer: .*refused")
}

func TestPortalThatDoesNotAnswerAsOne(t *testing.T) {
	for words, handler := range map[string]http.HandlerFunc{
		"no SecCam portal that works: 200":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>router") },
		"no SecCam portal that works: 502":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		`sends elsewhere, to "https://other"`: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "https://other", http.StatusFound) },
		"broke off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			_, _ = io.WriteString(w, "o")
		},
	} {
		_, u := serve(t, false, handler)
		require1(t, visit(t, &Portal{URL: u})[CheckPortal], signaling.CheckFail, words)
	}
}

func TestClockThatIsWrong(t *testing.T) {
	dated := func(shift time.Duration) *url.URL {
		_, u := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(shift).UTC().Format(http.TimeFormat))
			healthy(w, r)
		})
		return u
	}
	require1(t, visit(t, &Portal{URL: dated(time.Hour)})[CheckClock], signaling.CheckFail, `(1h0m|59m)\d+s behind`)
	require1(t, visit(t, &Portal{URL: dated(-30 * time.Second)})[CheckClock], signaling.CheckWarn, "ahead")
	require1(t, visit(t, &Portal{URL: dated(2 * time.Second)})[CheckClock], signaling.CheckOK, "within")
	_, u := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		healthy(w, r)
	})
	require1(t, visit(t, &Portal{URL: u})[CheckClock], signaling.CheckSkipped, "no date")
}

func TestCertificateThatIsNotGood(t *testing.T) {
	s, u := serve(t, true, healthy)
	leaf := s.Certificate()
	at := func(when time.Time) func() time.Time { return func() time.Time { return when } }
	for name, tc := range map[string]struct {
		portal Portal
		result signaling.CheckResult
		words  string
	}{
		"unknown authority": {Portal{}, signaling.CheckFail, "does not trust"},
		"expired":           {Portal{Trust: trusting(s), Now: at(leaf.NotAfter.Add(time.Hour))}, signaling.CheckFail, "expired on " + leaf.NotAfter.Format(time.DateOnly)},
		"not valid yet":     {Portal{Trust: trusting(s), Now: at(leaf.NotBefore.Add(-time.Hour))}, signaling.CheckFail, "not valid yet"},
		"expires soon":      {Portal{Trust: trusting(s), Now: at(leaf.NotAfter.Add(-60 * time.Hour))}, signaling.CheckWarn, "expires in 2 days"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.portal.URL = u
			found := visit(t, &tc.portal)
			require1(t, found[CheckPortal], signaling.CheckOK, "answered")
			require1(t, found[CheckTLS], tc.result, tc.words)
		})
	}
	other := *u
	other.Host = fmt.Sprint("localhost:", u.Port()) // the certificate is for example.com and 127.0.0.1
	found := visit(t, &Portal{URL: &other, Trust: trusting(s), Resolve: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }})
	require1(t, found[CheckTLS], signaling.CheckFail, "not for localhost but for example.com")
}

func TestPortalWithoutTLSInANetwork(t *testing.T) {
	p := Portal{URL: &url.URL{Scheme: "http", Host: "192.0.2.1"}}
	require.Equal(t, signaling.CheckWarn, p.checkTLS(t.Context()).Result)
}
