// Package device gives cameras their MQTT tokens: a fresh nonce, a proof that the camera has its
// device key, a token that says what it may do.
package device

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// Lifetimes of a nonce and of a camera's token. Our own broker ends what was revoked at once; of any other one nothing
// is sure but that it refuses a token that has ended.
const (
	NonceTTL        = time.Minute
	TokenTTL        = 24 * time.Hour
	ForeignTokenTTL = time.Hour
)

// ErrRefused is the one answer to every failed proof: an unknown camera, a wrong key, a nonce that
// is old, forged or used.
var ErrRefused = errors.New("the portal does not accept this proof; check camera_id and the device key file, and that the key was not revoked")

// Store is what is known of cameras.
type Store interface {
	CameraByID(ctx context.Context, id string) (*store.Camera, error)
	UseNonce(ctx context.Context, nonce string, expires time.Time) (bool, error)
	ReportFingerprint(ctx context.Context, camera, fingerprint string) error
}

// Service answers challenges. It holds no state: a nonce proves itself, its use is recorded in the
// store, so any portal can complete what another began.
type Service struct {
	Store    Store
	Master   credential.Secret
	Keys     credential.Keys
	MQTTURLs func() []string // where the broker is, in the order in which the asker is to try
	TokenTTL time.Duration
	// ReconnectWithin is over how long cameras are to spread when a broker has lost them all.
	ReconnectWithin func() time.Duration
	// ICE returns ICE servers with credentials for a camera that checks itself.
	ICE func(camera string) []signaling.ICEServer
	Now func() time.Time
	Log *slog.Logger
}

const (
	nonceRandom  = 16
	nonceSize    = nonceRandom + 8 + sha256.Size
	noncePurpose = "seccam nonce v1"
)

// nonceEncoding gives a nonce one spelling, since its text is what is recorded as used. The decoder
// also skips line ends, so the text's length is checked, too.
var nonceEncoding = base64.RawURLEncoding.Strict()

// Challenge returns a nonce for the camera, whether or not that exists.
func (s *Service) Challenge(_ context.Context, req credential.ChallengeRequest) (credential.Challenge, error) {
	raw := make([]byte, nonceRandom, nonceSize)
	_, _ = rand.Read(raw) // crypto/rand.Read never fails (Go 1.24)
	raw = binary.BigEndian.AppendUint64(raw, uint64(s.Now().Add(NonceTTL).Unix()))
	raw = append(raw, s.nonceMAC(req.Camera, raw)...)
	return credential.Challenge{
		Nonce: nonceEncoding.EncodeToString(raw), ExpiresIn: int(NonceTTL.Seconds()),
	}, nil
}

func (s *Service) nonceMAC(camera string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.Master.Derive(noncePurpose).Bytes())
	fmt.Fprintf(mac, "%d|%s|", len(camera), camera)
	mac.Write(body)
	return mac.Sum(nil)
}

// redeem checks that a nonce is ours, for this camera, fresh, and not used before.
func (s *Service) redeem(ctx context.Context, camera, nonce string) error {
	raw, err := nonceEncoding.DecodeString(nonce)
	if err != nil || len(raw) != nonceSize || len(nonce) != nonceEncoding.EncodedLen(nonceSize) {
		return ErrRefused
	}
	body := raw[:nonceRandom+8]
	expires := time.Unix(int64(binary.BigEndian.Uint64(body[nonceRandom:])), 0)
	if !hmac.Equal(raw[nonceRandom+8:], s.nonceMAC(camera, body)) || !s.Now().Before(expires) {
		return ErrRefused
	}
	fresh, err := s.Store.UseNonce(ctx, nonce, expires)
	if err != nil {
		return fmt.Errorf("redeem nonce: %w", err)
	}
	if !fresh {
		return ErrRefused
	}
	return nil
}

// fingerprintForm is an SDP sha-256 fingerprint (RFC 8122): 32 upper-case bytes.
var fingerprintForm = regexp.MustCompile(`^[0-9A-F]{2}(:[0-9A-F]{2}){31}$`)

// Token verifies a proof and returns a token for the broker. It returns [ErrRefused] for whatever
// the camera got wrong.
func (s *Service) Token(ctx context.Context, req credential.TokenRequest) (credential.TokenResponse, error) {
	proof, err := hex.DecodeString(req.Proof)
	if err != nil || !fingerprintForm.MatchString(req.Fingerprint) {
		return credential.TokenResponse{}, ErrRefused
	}
	if err := s.redeem(ctx, req.Camera, req.Nonce); err != nil {
		return credential.TokenResponse{}, err
	}
	version := 0 // of a camera that does not exist: the proof is checked all the same
	camera, err := s.Store.CameraByID(ctx, req.Camera)
	switch {
	case err == nil:
		version = camera.KeyVersion
	case !errors.Is(err, store.ErrNotFound):
		return credential.TokenResponse{}, fmt.Errorf("token: %w", err)
	}
	key := credential.DeviceKey(s.Master, req.Camera, version)
	if !credential.VerifyProof(key, req.Camera, req.Nonce, req.Fingerprint, proof) || camera == nil {
		s.Log.Warn("camera refused", "camera", fmt.Sprintf("%.40q", req.Camera))
		return credential.TokenResponse{}, ErrRefused
	}
	if err := s.Store.ReportFingerprint(ctx, camera.ID, req.Fingerprint); err != nil {
		return credential.TokenResponse{}, fmt.Errorf("token: %w", err)
	}
	response, err := s.issue(camera)
	if err == nil && req.ICE {
		response.ICEServers = s.ICE(camera.ID)
	}
	return response, err
}

// FirstKey is the key of a camera that was just added.
func (s *Service) FirstKey(camera string) credential.Secret {
	return credential.DeviceKey(s.Master, camera, 1)
}

func (s *Service) issue(camera *store.Camera) (credential.TokenResponse, error) {
	who := credential.Identity{Role: credential.RoleCamera, ID: camera.ID}
	now := s.Now()
	token, _, err := s.Keys.Issue(who, credential.CameraRules(camera.ID), camera.KeyVersion, now, s.TokenTTL)
	if err != nil {
		return credential.TokenResponse{}, fmt.Errorf("token: %w", err)
	}
	response := credential.TokenResponse{
		Token: token, Username: s.Keys.Username(who), ClientID: who.Subject(),
		ExpiresIn: int(s.TokenTTL.Seconds()), ReconnectWithin: int(s.ReconnectWithin().Seconds()), ServerTime: now.UnixMilli(),
	}
	if urls := s.MQTTURLs(); len(urls) > 0 {
		response.MQTTURL = urls[0]
		if len(urls) > 1 {
			response.MQTTURLs = urls
		}
	}
	return response, nil
}
