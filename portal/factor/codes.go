package factor

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"image/png"
	"strings"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"seccam/portal/store"
)

// Parameters of one-time codes: those that every authenticator app knows (RFC 6238 with SHA-1, six digits).
const (
	stepTime  = 30 // seconds
	stepSlack = 1  // steps that clocks may differ, each way
	qrSize    = 220
)

// Offer is an authenticator app that is about to be added.
type Offer struct {
	Secret string // for people who type it, in groups
	URL    string // what the picture says
	PNG    []byte // the picture, a QR code
}

// OfferCodes makes the secret of a new authenticator app. It counts once ConfirmCodes has seen a code.
func (s *Service) OfferCodes(ctx context.Context, user *store.User) (*Offer, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "SecCam " + s.host, AccountName: user.Username, SecretSize: 20})
	if err != nil {
		return nil, fmt.Errorf("new one-time codes: %w", err)
	}
	sealed := s.seal.Seal(nil, nil, []byte(key.Secret()), sealContext(user.ID))
	err = s.store.OfferOneTimeCode(ctx, user.ID, sealed)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrAlready
	}
	if err != nil {
		return nil, fmt.Errorf("new one-time codes: %w", err)
	}
	return draw(key)
}

// Offered returns the offer that was made last, to be shown again.
func (s *Service) Offered(ctx context.Context, user *store.User) (*Offer, error) {
	stored, secret, err := s.secret(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	if stored.ConfirmedAt != nil {
		return nil, ErrAlready
	}
	raw, err := otp.NewKeyFromURL(fmt.Sprintf("otpauth://totp/SecCam%%20%s:%s?issuer=SecCam%%20%s&secret=%s&algorithm=SHA1&digits=6&period=%d",
		s.host, user.Username, s.host, secret, stepTime))
	if err != nil {
		return nil, fmt.Errorf("one-time codes: %w", err)
	}
	return draw(raw)
}

func draw(key *otp.Key) (*Offer, error) {
	picture, err := key.Image(qrSize, qrSize)
	if err != nil {
		return nil, fmt.Errorf("draw the code: %w", err)
	}
	var data bytes.Buffer
	if err := png.Encode(&data, picture); err != nil {
		return nil, fmt.Errorf("draw the code: %w", err)
	}
	return &Offer{Secret: grouped(key.Secret()), URL: key.URL(), PNG: data.Bytes()}, nil
}

// grouped puts a space after each four letters.
func grouped(text string) string {
	var out strings.Builder
	for i, letter := range text {
		if i > 0 && i%4 == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(letter)
	}
	return out.String()
}

// secret opens a user's sealed secret.
func (s *Service) secret(ctx context.Context, userID int64) (*store.OneTimeCode, string, error) {
	stored, err := s.store.OneTimeCodeOf(ctx, userID)
	if err != nil {
		return nil, "", err
	}
	secret, err := s.seal.Open(nil, nil, stored.Secret, sealContext(userID))
	if err != nil {
		return nil, "", errors.New("the secret of one-time codes cannot be opened: is master.key another one than before?")
	}
	return stored, string(secret), nil
}

// ConfirmCodes makes the offered app count, by a code of it. It returns recovery codes if this is the person's
// first second factor; they are shown only this once.
func (s *Service) ConfirmCodes(ctx context.Context, userID int64, code string) (recovery []string, err error) {
	stored, secret, err := s.secret(ctx, userID)
	if errors.Is(err, store.ErrNotFound) || err == nil && stored.ConfirmedAt != nil {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	step := s.stepOf(secret, code)
	if step == 0 {
		return nil, ErrWrongCode
	}
	codes, hashes := newRecovery(userID)
	first, err := s.store.ConfirmOneTimeCode(ctx, userID, step, hashes)
	if err != nil {
		return nil, fmt.Errorf("confirm one-time codes: %w", err)
	}
	s.happened(ctx, userID, "An authenticator app was added.")
	if !first {
		codes = nil
	}
	return codes, nil
}

// UseCode checks a code and uses it up: the same one is refused afterwards, by every portal.
func (s *Service) UseCode(ctx context.Context, userID int64, code string) error {
	stored, secret, err := s.secret(ctx, userID)
	if errors.Is(err, store.ErrNotFound) || err == nil && stored.ConfirmedAt == nil {
		return ErrWrongCode
	}
	if err != nil {
		return err
	}
	step := s.stepOf(secret, code)
	if step == 0 {
		return ErrWrongCode
	}
	fresh, err := s.store.UseStep(ctx, userID, step)
	if err != nil {
		return fmt.Errorf("use one-time code: %w", err)
	}
	if !fresh {
		s.log.Warn("a one-time code was used again", "user", userID)
		return ErrWrongCode
	}
	return nil
}

// stepOf returns the time step of a code, 0 if it is of none near now. It compares with all of them.
func (s *Service) stepOf(secret, code string) int64 {
	code = strings.Map(dropSpace, code)
	now := s.now().Unix() / stepTime
	var step int64
	for candidate := now - stepSlack; candidate <= now+stepSlack; candidate++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(candidate), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step = candidate
		}
	}
	return step
}

// dropSpace removes what apps put into codes to make them readable.
func dropSpace(r rune) rune {
	if r == ' ' || r == '\u00a0' || r == '-' {
		return -1
	}
	return r
}

// RemoveCodes removes the person's authenticator app.
func (s *Service) RemoveCodes(ctx context.Context, userID int64) error {
	if err := s.store.DeleteOneTimeCode(ctx, userID); err != nil {
		return err
	}
	s.happened(ctx, userID, "The authenticator app was removed.")
	return nil
}
