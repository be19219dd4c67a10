package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
)

// Limits of a request to the portal.
const (
	portalTimeout = 10 * time.Second
	maxAnswer     = 64 << 10 // bytes
)

// portalClient obtains the camera's MQTT token, and with it the portal's clock.
type portalClient struct {
	enrolment
	fingerprint string
	trust       *tls.Config
	http        *http.Client

	mu       sync.Mutex
	received time.Time // monotonic: later changes of the wall clock do not matter
	clock    time.Time // the portal's, at received
}

func newPortalClient(p enrolment, fingerprint string, trust *tls.Config) *portalClient {
	transport := &http.Transport{
		// A clone: net/http adds "h2" to it, which the broker's WebSocket must not offer.
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true,
		DialContext:       mqttclient.NewDialer().DialContext,
		DisableKeepAlives: true, // one exchange a day
	}
	return &portalClient{enrolment: p, fingerprint: fingerprint, trust: trust, http: &http.Client{Transport: transport, Timeout: portalTimeout}}
}

// trustedCAs is the system's certificate authorities and those of file, if it is set.
func trustedCAs(file string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	if cfg.RootCAs, err = x509.SystemCertPool(); err != nil {
		cfg.RootCAs = x509.NewCertPool()
	}
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no certificate in PEM form", file)
	}
	return cfg, nil
}

// prove shows that this camera has its device key, and returns the token that it gets for it; with ice, ICE
// servers come with it.
func (p *portalClient) prove(ctx context.Context, ice bool) (credential.TokenResponse, error) {
	var challenge credential.Challenge
	var token credential.TokenResponse
	if err := p.post(ctx, credential.ChallengePath, credential.ChallengeRequest{Camera: p.camera}, &challenge); err != nil {
		return token, err
	}
	proof := credential.Proof(p.key, p.camera, challenge.Nonce, p.fingerprint)
	request := credential.TokenRequest{
		Camera: p.camera, Nonce: challenge.Nonce, Fingerprint: p.fingerprint, Proof: hex.EncodeToString(proof), ICE: ice,
	}
	err := p.post(ctx, credential.TokenPath, request, &token)
	return token, err
}

// credentials returns how to connect to the broker, and learns the portal's time.
func (p *portalClient) credentials(ctx context.Context) (mqttclient.Credential, error) {
	token, err := p.prove(ctx, false)
	if err != nil {
		return mqttclient.Credential{}, err
	}
	p.setClock(time.UnixMilli(token.ServerTime))
	return p.credential(token)
}

// credential says how to connect with a token.
func (p *portalClient) credential(token credential.TokenResponse) (mqttclient.Credential, error) {
	brokers, err := p.brokerURLs(token)
	if err != nil {
		return mqttclient.Credential{}, err
	}
	return mqttclient.Credential{
		URLs: brokers, Username: token.Username, Password: token.Token, ClientID: token.ClientID,
		RenewAfter:      time.Duration(token.ExpiresIn) * time.Second * 4 / 5,
		ReconnectWithin: time.Duration(token.ReconnectWithin) * time.Second,
	}, nil
}

// brokerURLs are the addresses of the broker, in the order in which they are to be tried.
func (p *portalClient) brokerURLs(token credential.TokenResponse) (urls []string, err error) {
	given := token.MQTTURLs
	if len(given) == 0 {
		given = []string{token.MQTTURL}
	}
	for _, text := range given {
		broker, err := p.brokerURL(text)
		if err != nil {
			return nil, err
		}
		urls = append(urls, broker)
	}
	return urls, nil
}

// brokerURL fills in the portal's host where the portal says only that the broker is beside it.
func (p *portalClient) brokerURL(given string) (string, error) {
	broker, err := url.Parse(given)
	if err != nil || broker.Scheme == "" {
		return "", fmt.Errorf("the portal gave no usable broker address (%q); check its mqtt settings", given)
	}
	host, port := broker.Hostname(), broker.Port()
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return given, nil
	}
	broker.Host = p.portal.Hostname()
	if port != "" {
		broker.Host = net.JoinHostPort(p.portal.Hostname(), port)
	}
	return broker.String(), nil
}

func (p *portalClient) post(ctx context.Context, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("portal %s: %w", path, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.portal.String()+path, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("portal %s: %w", path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(request)
	if err != nil {
		return fmt.Errorf("portal not reached; check portal_url and the network: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("portal %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, data)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("portal %s: the answer is not of a SecCam portal; check portal_url: %w", path, err)
	}
	return nil
}

// refusal puts a problem document (RFC 9457) into words.
func refusal(status int, body []byte) error {
	var problem struct{ Title, Detail string }
	_ = json.Unmarshal(body, &problem) // a proxy's error page is not one: the status must do
	why := problem.Detail
	if why == "" {
		why = problem.Title
	}
	if why == "" {
		why = http.StatusText(status)
	}
	if status == http.StatusUnauthorized {
		return fmt.Errorf("the portal does not accept this camera's key: %.200s", why)
	}
	return fmt.Errorf("the portal answered %d: %.200s", status, why)
}

func (p *portalClient) setClock(portal time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received, p.clock = time.Now(), portal
}

// clockKnown reports whether the portal has told the time since the start.
func (p *portalClient) clockKnown() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.received.IsZero()
}

// now is the time by the portal's clock, since a camera's own may be wrong; before the first token
// it is the camera's.
func (p *portalClient) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.received.IsZero() {
		return time.Now()
	}
	return p.clock.Add(time.Since(p.received))
}
