package turn

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"seccam/pkg/signaling"
)

const (
	askTimeout    = 10 * time.Second
	maxAnswer     = 64 << 10 // bytes; the services send about one kilobyte
	maxRetryAfter = time.Hour
)

// service is how to ask a company for its servers.
type service struct {
	name   string
	hint   string // what to check when the service refuses us
	life   time.Duration
	client *http.Client
	// request carries the key, which is kept nowhere else.
	request func(ctx context.Context) (*http.Request, error)
	parse   func(body []byte) ([]signaling.ICEServer, error)
}

// newService reads the service's key and returns how to ask with it.
func newService(cfg Service, read func(path string) (string, error), client *http.Client) (service, error) {
	connect, path := metered, cfg.KeyFile
	if cfg.Kind == kindCloudflare {
		connect, path = cloudflare, cfg.TokenFile
	}
	key, err := readSecret(read, path)
	if err != nil {
		return service{}, err
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return service{}, fmt.Errorf("%s must hold the key on one line and nothing else", path)
	}
	s := connect(cfg, key)
	s.name, s.client = cfg.Kind, client
	return s, nil
}

// newClient follows no redirect: a key goes to the configured host only.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // hours pass between two requests
	transport.MaxResponseHeaderBytes = maxAnswer
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask asks once. No error holds the key or anything that the service sent.
func (s *service) ask(ctx context.Context) ([]endpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := s.request(ctx)
	if err != nil {
		return nil, unreachable(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := s.refusal(response); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is over %d bytes", maxAnswer)
	}
	return s.read(body)
}

// unreachable is why there was no answer. Of what net/http says, only errors of the network are repeated:
// a *url.Error holds the URL, with Metered's key in it, and others quote what the other end sent.
func unreachable(err error) error {
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer within %v", askTimeout)
	case errors.As(err, &network):
		return fmt.Errorf("cannot be reached: %w", network)
	case errors.As(err, &certificate):
		return fmt.Errorf("cannot be trusted: %w", certificate)
	}
	return errors.New("the connection broke; does something else answer in the service's place?")
}

// refusal is the error that the response's status says.
func (s *service) refusal(response *http.Response) error {
	code := response.StatusCode
	status := strconv.Itoa(code) + " " + http.StatusText(code)
	switch {
	case code == http.StatusOK || code == http.StatusCreated:
		return nil
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusNotFound:
		return fmt.Errorf("refused with %s; check %s, then restart the portal", status, s.hint)
	case code >= 300 && code < 400:
		return fmt.Errorf("redirected with %s, which is not followed; if the service has moved, set url", status)
	}
	if wait := retryAfter(response.Header, time.Now()); wait > 0 {
		return fmt.Errorf("failed with %s: %w", status, &backoff.RetryAfterError{Duration: wait})
	}
	return fmt.Errorf("failed with %s", status)
}

// retryAfter is RFC 9110 section 10.2.3: seconds, or a date. Without a sensible one it is 0.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	seconds, err := strconv.ParseUint(text, 10, 32)
	wait := time.Duration(seconds) * time.Second
	if err != nil {
		date, err := http.ParseTime(text)
		if err != nil {
			return 0
		}
		wait = date.Sub(now)
	}
	return min(wait, maxRetryAfter)
}

// read takes the usable servers from an answer. One without a relay is an error: for that the service is there.
func (s *service) read(body []byte) ([]endpoint, error) {
	servers, err := s.parse(body)
	if err != nil {
		return nil, errors.New("the answer is not a list of ICE servers; does a proxy answer in its place?")
	}
	all, err := endpoints(servers)
	for _, e := range all {
		if e.isTURN() {
			return onePerWay(all), nil // whatever else is new or wrong
		}
	}
	if err != nil {
		return nil, fmt.Errorf("no usable TURN server in the answer: %w", err)
	}
	return nil, errors.New("no TURN server in the answer")
}

// iceServer is the W3C's RTCIceServer, as services send it.
type iceServer struct {
	URLs       list[string] `json:"urls"`
	Username   string       `json:"username"`
	Credential string       `json:"credential"`
}

// list is an array of T, or one T in its place: the W3C allows that for urls, and Cloudflare's iceServers
// has been both.
type list[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *list[T]) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]T)(l))
	}
	*l = make(list[T], 1)
	return json.Unmarshal(data, &(*l)[0])
}

func forSignaling(servers []iceServer) []signaling.ICEServer {
	all := make([]signaling.ICEServer, len(servers))
	for i, s := range servers {
		all[i] = signaling.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential}
	}
	return all
}
