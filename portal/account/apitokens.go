package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"seccam/portal/bearer"
	"seccam/portal/store"
)

// Limits of API tokens.
const (
	MaxAPITokens    = 50 // of one person
	maxAPITokenTime = 366 * 24 * time.Hour
)

// FieldScopes is the field of an API token's scopes.
const FieldScopes = "scopes"

// Scope is a part of the API.
type Scope string

// The scopes. What needs a recent proof of who somebody is, and what gives a camera away, is in none.
const (
	ScopeCamerasRead  Scope = "cameras:read"
	ScopeCamerasWrite Scope = "cameras:write"
	ScopeWatch        Scope = "watch"
	ScopeShare        Scope = "share"
	ScopeAccountRead  Scope = "account:read"
	ScopeAuditRead    Scope = "audit:read"
)

// Scopes are all of them with what they allow, in the order of the page.
var Scopes = []struct {
	Scope Scope
	Text  string
}{
	{ScopeCamerasRead, "See your cameras, those shared with you, and their state"},
	{ScopeCamerasWrite, "Add and rename cameras, set their privacy mode"},
	{ScopeWatch, "Watch, and take pictures"},
	{ScopeShare, "Share cameras, make and end guest links and links for programs"},
	{ScopeAccountRead, "See your account's name"},
	{ScopeAuditRead, "Read the log of what happened"},
}

// APITokenForm is what a person says of a new API token.
type APITokenForm struct {
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	ExpiresAt *time.Time `json:"expires_at"`
}

var apiSecret = bearer.NewKind("seccam_pat_", "seccam API token v1")

// CreateAPIToken lets a program act for the user, as far as the scopes go. The token itself is returned only
// here. Failures are FieldErrors.
func (s *Service) CreateAPIToken(ctx context.Context, userID int64, form APITokenForm) (*store.APIToken, string, error) {
	wrong := FieldErrors{}
	name := wrong.checkLabel(FieldName, form.Name, "Say what it is for, such as the name of the program.")
	scopes := wrong.checkScopes(form.Scopes)
	if e := form.ExpiresAt; e == nil || !e.After(s.now()) || e.After(s.now().Add(maxAPITokenTime)) {
		wrong[FieldExpires] = "Say when it ends: in the future, at most a year away."
	}
	if err := wrong.err(); err != nil {
		return nil, "", err
	}
	secret := apiSecret.New()
	token := &store.APIToken{ID: newID(), UserID: userID, Name: name, Scopes: scopes, ExpiresAt: form.ExpiresAt.UTC()}
	token.Hash, _ = apiSecret.Hash(secret)
	err := s.store.AddAPIToken(ctx, token, MaxAPITokens)
	if errors.Is(err, store.ErrTooMany) {
		return nil, "", FieldErrors{FieldName: fmt.Sprintf("There are at most %d of these. Revoke one that is not used any more.", MaxAPITokens)}
	}
	if err != nil {
		return nil, "", err
	}
	s.Record(ctx, userID, "", AuditAPIToken, name+" ("+scopes+")")
	s.log.Info("API token created", "user", userID, "token", token.ID, "scopes", scopes)
	return token, secret, nil
}

// checkScopes returns the scopes as they are stored: each once, in the order of the page.
func (f FieldErrors) checkScopes(asked []string) string {
	var kept []string
	for _, known := range Scopes {
		if slices.Contains(asked, string(known.Scope)) {
			kept = append(kept, string(known.Scope))
		}
	}
	for _, scope := range asked {
		if !slices.Contains(kept, scope) {
			f[FieldScopes] = "One of these is no scope. See the list in the documentation."
		}
	}
	if len(kept) == 0 && f[FieldScopes] == "" {
		f[FieldScopes] = "Choose what the token may do."
	}
	return strings.Join(kept, " ")
}

// APITokens lists the user's API tokens, expired ones included.
func (s *Service) APITokens(ctx context.Context, userID int64) ([]store.APIToken, error) {
	return s.store.APITokens(ctx, userID)
}

// RevokeAPIToken ends one of the user's API tokens, and what is watched by it.
func (s *Service) RevokeAPIToken(ctx context.Context, userID int64, tokenID string) error {
	token, err := s.store.RevokeAPIToken(ctx, userID, tokenID)
	if err != nil {
		return err
	}
	s.revoker.Look()
	s.Record(ctx, userID, "", AuditAPITokenRevoked, token.Name)
	s.log.Info("API token revoked", "user", userID, "token", tokenID)
	return nil
}

// RedeemAPIToken returns the token that a program showed, and whose it is, else ErrNotFound.
func (s *Service) RedeemAPIToken(ctx context.Context, secret string) (*store.APIToken, *store.User, error) {
	hash, ok := apiSecret.Hash(secret)
	if !ok {
		return nil, nil, ErrNotFound
	}
	token, err := s.store.APITokenByHash(ctx, hash)
	if err != nil {
		return nil, nil, err
	}
	user, err := s.store.UserByID(ctx, token.UserID)
	if err != nil {
		return nil, nil, err
	}
	return token, user, s.store.TouchAPIToken(ctx, token.ID)
}

// APITokenHolds reports whether a token that was redeemed still holds.
func (s *Service) APITokenHolds(ctx context.Context, tokenID string) (bool, error) {
	_, err := s.store.APITokenByID(ctx, tokenID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
