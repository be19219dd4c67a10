package credential

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Audience is the aud of every MQTT token: one minted for another purpose is no credential here.
const Audience = "seccam-mqtt"

// MaxToken is the largest token in bytes that is looked at.
const MaxToken = 8 << 10

// leeway is the clock difference between two of our servers that is forgiven.
const leeway = 30 * time.Second

// Claims is what a token says.
type Claims struct {
	jwt.RegisteredClaims
	ACL []Rule `json:"acl"`
	// KeyVersion is the version of the camera's device key (cameras only). A camera whose key
	// version was raised since is refused.
	KeyVersion int `json:"kv,omitempty"`
	// JID is the bearer's user name where users are addresses; see [Keys.ForHost].
	JID string `json:"jid,omitempty"`
}

// Identity returns who the token is for.
func (c *Claims) Identity() (Identity, error) { return ParseSubject(c.Subject) }

// Keys are the secrets that sign tokens, by key id. The active one signs; all of them verify, so
// that the active one can be replaced without cutting anyone off.
type Keys struct {
	active string
	byID   map[string]Secret
	host   string // see [Keys.ForHost]
}

// NewKeys returns a set with one key, which is active.
func NewKeys(id string, key Secret) Keys {
	return Keys{active: id, byID: map[string]Secret{id: key}}
}

// With returns the set with another key that verifies but does not sign.
func (k Keys) With(id string, key Secret) Keys {
	all := map[string]Secret{id: key}
	for kid, secret := range k.byID {
		all[kid] = secret
	}
	return Keys{active: k.active, byID: all, host: k.host}
}

// ForHost returns the set for a broker whose users are addresses at this host, as ejabberd's are: tokens name their
// bearer in that form, too. A camera's is its bare id, so that a rule for topics can ask for it. "" is no such broker.
func (k Keys) ForHost(host string) Keys {
	k.host = host
	return k
}

// Username is what who tells the broker beside a token of the set.
func (k Keys) Username(who Identity) string {
	switch {
	case k.host == "":
		return who.Subject()
	case who.Role == RoleCamera:
		return who.ID + "@" + k.host
	}
	return who.Subject() + "@" + k.host
}

// Issue signs a token for who, valid from now for ttl.
func (k Keys) Issue(who Identity, rules []Rule, keyVersion int, now time.Time, ttl time.Duration) (string, *Claims, error) {
	if _, err := ParseSubject(who.Subject()); err != nil {
		return "", nil, err
	}
	claims := &Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   who.Subject(),
			Audience:  jwt.ClaimStrings{Audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
			ID:        strings.ToLower(rand.Text()),
		},
		ACL:        rules,
		KeyVersion: keyVersion,
	}
	if k.host != "" {
		claims.JID = k.Username(who)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	token.Header["kid"] = k.active
	secret, ok := k.byID[k.active]
	if !ok {
		return "", nil, errors.New("credential: no signing key")
	}
	signed, err := token.SignedString(secret.Bytes())
	if err != nil {
		return "", nil, fmt.Errorf("sign token: %w", err)
	}
	return signed, claims, nil
}

// Verify checks signature (HS256 only), audience, times and subject at the given time.
func (k Keys) Verify(token string, now time.Time) (*Claims, error) {
	if len(token) > MaxToken {
		return nil, errors.New("token too large")
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithAudience(Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
	)
	var claims Claims
	if _, err := parser.ParseWithClaims(token, &claims, k.key); err != nil {
		return nil, fmt.Errorf("token refused: %w", err)
	}
	// The leeway is for clocks that are behind (iat); an expired token is expired.
	if !claims.ExpiresAt.After(now) {
		return nil, fmt.Errorf("token refused: %w", jwt.ErrTokenExpired)
	}
	if _, err := claims.Identity(); err != nil {
		return nil, err
	}
	return &claims, nil
}

func (k Keys) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	secret, ok := k.byID[id]
	if !ok {
		return nil, fmt.Errorf("unknown key id %.32q", id)
	}
	return secret.Bytes(), nil
}
