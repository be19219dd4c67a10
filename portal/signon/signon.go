// Package signon lets people log in by another provider's word (OpenID Connect, code flow with PKCE).
//
// What the provider says is believed only in an ID token that it signed for this portal and for the very trip
// that this browser began: state, nonce and PKCE's verifier wait in its login session.
package signon

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"seccam/pkg/config"

	"seccam/pkg/credential"
)

// CallbackPath is where the provider sends people back to.
const CallbackPath = "/login/sso/callback"

const (
	tripTime    = 10 * time.Minute // to the provider and back
	callTimeout = 15 * time.Second // of one request to the provider
)

// ErrRefused is the one failure of a trip, whatever was wrong. Its text is for people.
var ErrRefused = errors.New("logging in by the other provider did not work; start again")

// ErrUnreachable means that the provider does not answer. Its text is for people.
var ErrUnreachable = errors.New("the other provider cannot be reached at the moment; log in another way, or try again shortly")

// Config is the section oidc of portal.yml. Without an issuer there is none.
type Config struct {
	Issuer           string `yaml:"issuer"`
	ClientID         string `yaml:"client_id"`
	ClientSecretFile string `yaml:"client_secret_file"`
	Name             string `yaml:"name"`
}

// Enabled reports whether there is a provider.
func (c Config) Enabled() bool { return c.Issuer != "" }

// Validate returns everything that is wrong.
func (c Config) Validate() error {
	if !c.Enabled() {
		if c.ClientID != "" || c.ClientSecretFile != "" {
			return errors.New("oidc.issuer: must be set with client_id and client_secret_file")
		}
		return nil
	}
	var errs []error
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || !config.Confidential(u) {
		errs = append(errs, fmt.Errorf("oidc.issuer: %q must be an https:// address", c.Issuer))
	}
	if c.ClientID == "" || c.ClientSecretFile == "" {
		errs = append(errs, errors.New("oidc.client_id, oidc.client_secret_file: set both, as the provider gave them to you"))
	}
	if c.Name == "" {
		errs = append(errs, errors.New("oidc.name: must be what people call the provider"))
	}
	return errors.Join(errs...)
}

// Provider is the other provider.
type Provider struct {
	cfg    Config
	oauth  oauth2.Config
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	known  atomic.Pointer[oidc.Provider] // nil until it was asked what it is
	asking singleflight.Group            // so that many people wait for one answer
}

// New returns the provider of a configuration that was validated, nil if there is none. origin is the portal's.
func New(cfg Config, origin string, now func() time.Time, log *slog.Logger) (*Provider, error) {
	if !cfg.Enabled() {
		return nil, nil
	}
	secret, err := credential.ReadPrivateFile(cfg.ClientSecretFile)
	if err != nil {
		return nil, fmt.Errorf("oidc.client_secret_file: %w", err)
	}
	if now == nil {
		now = time.Now
	}
	return &Provider{
		cfg: cfg, client: &http.Client{Timeout: callTimeout}, now: now, log: log.With("in", "oidc"),
		oauth: oauth2.Config{
			ClientID: cfg.ClientID, ClientSecret: strings.TrimSpace(secret), RedirectURL: origin + CallbackPath,
			Scopes: []string{oidc.ScopeOpenID, "profile"},
		},
	}, nil
}

// Name is what people call the provider.
func (p *Provider) Name() string { return p.cfg.Name }

// Close ends its connections.
func (p *Provider) Close() {
	if p != nil {
		p.client.CloseIdleConnections()
	}
}

// discover asks the provider what it is, once it answers. It may be down while the portal starts.
func (p *Provider) discover() (*oidc.Provider, error) {
	if known := p.known.Load(); known != nil {
		return known, nil
	}
	_, err, _ := p.asking.Do("", func() (any, error) {
		// The provider keeps this context to fetch keys later, so it must not end with a request.
		known, err := oidc.NewProvider(oidc.ClientContext(context.Background(), p.client), p.cfg.Issuer)
		if err == nil {
			p.known.Store(known)
		}
		return nil, err
	})
	if err != nil {
		p.log.Error("the provider does not say what it is", "issuer", p.cfg.Issuer, "error", err)
		return nil, ErrUnreachable
	}
	return p.known.Load(), nil
}

// trip is what waits in the browser's login session.
type trip struct {
	State, Nonce, Verifier string
	Until                  int64 // Unix seconds
}

// Begin returns the provider's address for a person, and what is kept until they come back.
func (p *Provider) Begin() (address string, kept []byte, err error) {
	known, err := p.discover()
	if err != nil {
		return "", nil, err
	}
	t := trip{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Until: p.now().Add(tripTime).Unix()}
	if kept, err = json.Marshal(t); err != nil {
		return "", nil, fmt.Errorf("oidc: %w", err)
	}
	oauth := p.oauth
	oauth.Endpoint = known.Endpoint()
	return oauth.AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), kept, nil
}

// Person is whom the provider vouches for: known by Issuer and Subject. Name is only for people.
type Person struct{ Issuer, Subject, Name string }

// Finish takes what the provider sent back by the browser.
func (p *Provider) Finish(ctx context.Context, kept []byte, query url.Values) (Person, error) {
	var t trip
	if json.Unmarshal(kept, &t) != nil || t.State == "" || p.now().Unix() >= t.Until {
		return Person{}, p.refuse("no trip was begun, or too long ago", nil)
	}
	if subtle.ConstantTimeCompare([]byte(t.State), []byte(query.Get("state"))) != 1 {
		return Person{}, p.refuse("another state", nil)
	}
	if code := query.Get("error"); code != "" {
		return Person{}, p.refuse("the provider refused: "+code[:min(len(code), 60)], nil)
	}
	known, err := p.discover()
	if err != nil {
		return Person{}, err
	}
	oauth := p.oauth
	oauth.Endpoint = known.Endpoint()
	token, err := oauth.Exchange(oidc.ClientContext(ctx, p.client), query.Get("code"), oauth2.VerifierOption(t.Verifier))
	if err != nil {
		return Person{}, p.refuse("the code was not exchanged", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := known.VerifierContext(oidc.ClientContext(ctx, p.client), &oidc.Config{ClientID: p.cfg.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return Person{}, p.refuse("the ID token does not hold", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(t.Nonce)) != 1 {
		return Person{}, p.refuse("another nonce", nil)
	}
	var claims struct {
		Name     string `json:"name"`
		Username string `json:"preferred_username"`
	}
	if err := id.Claims(&claims); err != nil || id.Subject == "" {
		return Person{}, p.refuse("the ID token's claims", err)
	}
	name := claims.Username
	if name == "" {
		name = claims.Name
	}
	return Person{Issuer: id.Issuer, Subject: id.Subject, Name: name}, nil
}

// refuse logs what was wrong, and tells the person only that.
func (p *Provider) refuse(what string, err error) error {
	p.log.Warn("log-in by the provider refused", "reason", what, "error", err)
	return ErrRefused
}
