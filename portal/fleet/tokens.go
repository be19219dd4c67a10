package fleet

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"seccam/portal/bearer"
	"seccam/portal/store"
)

// Scope is a part of the admin API. None leads to a picture.
type Scope string

// The scopes of admin tokens.
const (
	ScopeRead      Scope = "fleet:read"
	ScopeProvision Scope = "fleet:provision"
	ScopeKeys      Scope = "fleet:keys"
	ScopeLog       Scope = "fleet:log"
)

// Scopes are all of them, with what they allow.
var Scopes = []struct {
	Scope Scope
	Text  string
}{
	{ScopeRead, "list and export cameras"},
	{ScopeProvision, "add cameras, and get their keys"},
	{ScopeKeys, "revoke and replace cameras' keys"},
	{ScopeLog, "read what was done with the fleet"},
}

// MaxTokenTime bounds how long an admin token holds.
const MaxTokenTime = 366 * 24 * time.Hour

// TokenPrefix begins every admin token.
const TokenPrefix = "seccam_admin_"

var adminSecret = bearer.NewKind(TokenPrefix, "seccam admin token v1")

// CreateToken makes an admin token. The secret is returned only here.
func (s *Service) CreateToken(ctx context.Context, name string, scopes []string, until time.Duration) (*store.AdminToken, string, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 100 {
		return nil, "", fmt.Errorf("say in up to 100 letters what the token is for, such as the name of the program")
	}
	if until < time.Minute || until > MaxTokenTime {
		return nil, "", fmt.Errorf("a token holds from a minute to a year (8784h), not %s", until)
	}
	kept, err := checkScopes(scopes)
	if err != nil {
		return nil, "", err
	}
	secret := adminSecret.New()
	token := &store.AdminToken{ID: strings.ToLower(rand.Text()[:12]), Name: name, Scopes: kept}
	token.Hash, _ = adminSecret.Hash(secret)
	return token, secret, s.store.AddAdminToken(ctx, s.by, token, until)
}

// checkScopes returns the scopes as they are stored: each once, in the order of [Scopes].
func checkScopes(asked []string) (string, error) {
	var kept, known []string
	for _, s := range Scopes {
		known = append(known, string(s.Scope))
		if slices.Contains(asked, string(s.Scope)) {
			kept = append(kept, string(s.Scope))
		}
	}
	for _, scope := range asked {
		if !slices.Contains(known, scope) {
			return "", fmt.Errorf("there is no scope %.40q; the scopes are %s", scope, strings.Join(known, ", "))
		}
	}
	if len(kept) == 0 {
		return "", fmt.Errorf("say what the token may do; the scopes are %s", strings.Join(known, ", "))
	}
	return strings.Join(kept, " "), nil
}

// Tokens lists the admin tokens, expired ones included.
func (s *Service) Tokens(ctx context.Context) ([]store.AdminToken, error) {
	return s.store.AdminTokens(ctx)
}

// RevokeToken ends an admin token; store.ErrNotFound says that there is none with this id.
func (s *Service) RevokeToken(ctx context.Context, id string) error {
	return s.store.RevokeAdminToken(ctx, s.by, id)
}

// Redeem returns the admin token that a program showed, else store.ErrNotFound.
func (s *Service) Redeem(ctx context.Context, secret string) (*store.AdminToken, error) {
	hash, ok := adminSecret.Hash(secret)
	if !ok {
		return nil, store.ErrNotFound
	}
	return s.store.AdminTokenByHash(ctx, hash)
}

// LogPage is how many entries a page of the log has at most.
const LogPage = 100

// Log lists what was done with the fleet, or with one camera, before an entry, the newest first.
func (s *Service) Log(ctx context.Context, camera string, before int64) ([]store.AdminEntry, error) {
	return s.store.AdminLog(ctx, camera, before, LogPage)
}
