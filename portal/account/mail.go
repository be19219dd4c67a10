package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	netmail "net/mail"
	"strconv"
	"strings"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/mail"
	"seccam/portal/store"
)

// How long links in mails work, and how long it takes until another mail of the same kind goes to a person.
const (
	ResetTime  = 30 * time.Minute
	VerifyTime = 24 * time.Hour
	mailPause  = time.Minute
)

// FieldEmail and FieldToken are fields of the forms about mail.
const (
	FieldEmail = "email"
	FieldToken = "token"
)

// maxAddress is the longest mail address (RFC 5321, section 4.5.3.1.3).
const maxAddress = 254

// ErrLink means that a link in a mail is not good any more.
var ErrLink = errors.New("this link is not good any more: it was used, it is too old, or a newer one was sent; ask for another one")

// Mailer writes and sends mails later.
type Mailer interface {
	Queue(what string, write func(ctx context.Context) ([]mail.Message, error))
	// Sends reports whether mails leave this machine.
	Sends() bool
}

// Option adds to a service what it can do without.
type Option func(*Service)

// WithMail has the service write mails whose links lead to the portal at this origin, such as
// "https://cameras.example.org", whatever host a request names.
func WithMail(mailer Mailer, origin string) Option {
	return func(s *Service) { s.mailer, s.origin = mailer, origin }
}

// MailSent reports whether mails leave this machine, or whoever runs the portal passes them on.
func (s *Service) MailSent() bool { return s.mailer != nil && s.mailer.Sends() }

// EmailState is what is known of a person's address.
type EmailState struct {
	Address string // verified, "" if there is none
	Pending string // waits to be verified
}

// Email returns what is known of the user's address.
func (s *Service) Email(ctx context.Context, userID int64) (state EmailState, err error) {
	email, err := s.store.EmailOf(ctx, userID)
	if err == nil {
		state.Address = email.Address
	} else if !errors.Is(err, ErrNotFound) {
		return state, fmt.Errorf("e-mail: %w", err)
	}
	token, err := s.store.MailTokenOf(ctx, userID, store.MailVerify)
	if err == nil {
		state.Pending = token.Address
	} else if !errors.Is(err, ErrNotFound) {
		return state, fmt.Errorf("e-mail: %w", err)
	}
	return state, nil
}

// AddEmail sends a link that verifies an address; until then nothing changes. Failures are FieldErrors.
func (s *Service) AddEmail(ctx context.Context, user *store.User, address string) error {
	address = strings.TrimSpace(address)
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > maxAddress || !strings.Contains(address, "@") {
		return FieldErrors{FieldEmail: "This is not a mail address. It looks like name@example.org."}
	}
	secret, token := newMailToken(user.ID, store.MailVerify, address, s.now().Add(VerifyTime))
	added, err := s.store.AddMailToken(ctx, token, mailPause)
	if err != nil {
		return fmt.Errorf("add e-mail: %w", err)
	}
	if !added {
		return FieldErrors{FieldEmail: "A mail was sent a moment ago. Wait a minute before you ask for another one."}
	}
	s.log.Info("e-mail to be verified", "user", user.ID)
	s.queue("verify address", func(context.Context) ([]mail.Message, error) {
		return []mail.Message{{To: address, Subject: "Is this your mail address?", Text: fill(verifyText, s.origin, user.Username,
			s.origin+"/verify#"+secret)}}, nil
	})
	return nil
}

// VerifyEmail makes the address of a link its user's.
func (s *Service) VerifyEmail(ctx context.Context, secret string) error {
	email, err := s.store.VerifyEmail(ctx, hashMailToken(secret))
	if errors.Is(err, ErrNotFound) {
		return ErrLink
	}
	if err != nil {
		return fmt.Errorf("verify e-mail: %w", err)
	}
	s.log.Info("e-mail verified", "user", email.UserID)
	return nil
}

// RemoveEmail removes the user's address, and one that waits to be verified.
func (s *Service) RemoveEmail(ctx context.Context, userID int64) error {
	if err := s.store.RemoveEmail(ctx, userID); err != nil {
		return fmt.Errorf("remove e-mail: %w", err)
	}
	s.log.Info("e-mail removed", "user", userID)
	return nil
}

// AskReset has links sent that set another password, to whoever has this user name or verified address. It does
// not say whether there is anybody: all of it happens later, when nobody can measure it.
func (s *Service) AskReset(who string) {
	who = strings.TrimSpace(who)
	if who == "" || len(who) > maxAddress {
		return
	}
	s.queue("reset password", func(ctx context.Context) ([]mail.Message, error) {
		emails, err := s.emailsOf(ctx, who)
		if err != nil {
			return nil, err
		}
		var list []mail.Message
		for _, email := range emails {
			m, err := s.resetMail(ctx, email)
			if err != nil {
				return list, err
			}
			if m != nil {
				list = append(list, *m)
			}
		}
		return list, nil
	})
}

func (s *Service) emailsOf(ctx context.Context, who string) ([]store.Email, error) {
	if strings.Contains(who, "@") {
		return s.store.EmailsBy(ctx, who)
	}
	user, err := s.store.UserByName(ctx, who)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	email, err := s.store.EmailOf(ctx, user.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []store.Email{*email}, nil
}

// resetMail returns nil for who was sent one a moment ago.
func (s *Service) resetMail(ctx context.Context, email store.Email) (*mail.Message, error) {
	user, err := s.store.UserByID(ctx, email.UserID)
	if err != nil {
		return nil, err
	}
	secret, token := newMailToken(user.ID, store.MailReset, email.Address, s.now().Add(ResetTime))
	added, err := s.store.AddMailToken(ctx, token, mailPause)
	if err != nil || !added {
		return nil, err
	}
	s.log.Info("password reset asked for", "user", user.ID)
	return &mail.Message{To: email.Address, Subject: "Choose another password",
		Text: fill(resetText, s.origin, user.Username, s.origin+"/reset#"+secret)}, nil
}

// ResetForm is what a person fills in who follows the link of a reset.
type ResetForm struct {
	Token           string `json:"token"`
	Password        string `json:"password"`
	PasswordConfirm string `json:"password_confirm"`
}

// Reset sets another password by a link, which is used up, and ends every login of its user. It logs nobody in: a
// second factor is still wanted for that. Failures are FieldErrors or ErrLink.
func (s *Service) Reset(ctx context.Context, form ResetForm) error {
	token, err := s.store.MailTokenBy(ctx, hashMailToken(form.Token), store.MailReset)
	if errors.Is(err, ErrNotFound) {
		return ErrLink
	}
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	user, err := s.store.UserByID(ctx, token.UserID)
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	wrong := FieldErrors{}
	s.checkNewPassword(wrong, user.Username, form.Password, form.PasswordConfirm)
	if err := wrong.err(); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, form.Password)
	if err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	_, err = s.store.ResetPassword(ctx, token.Hash, hash)
	if errors.Is(err, ErrNotFound) {
		return ErrLink // of two at once, the other one
	}
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	s.revoker.Look()
	s.Record(ctx, user.ID, "", AuditPassword, "by a link sent by mail")
	s.log.Info("password reset", "user", user.ID)
	s.tell(user.ID, "password changed", "Your password was changed", passwordText)
	return nil
}

// newMailToken makes a token of 130 random bits.
func newMailToken(userID int64, kind, address string, until time.Time) (string, *store.MailToken) {
	secret := kind + "_" + strings.ToLower(rand.Text())
	return secret, &store.MailToken{Hash: hashMailToken(secret), UserID: userID, Kind: kind, Address: address, ExpiresAt: until}
}

// hashMailToken needs no salt and no slowness: what it hashes is random.
func hashMailToken(secret string) []byte {
	sum := sha256.Sum256([]byte("seccam mail token v1|" + strings.TrimSpace(secret)))
	return sum[:]
}

// queue has mails written, if there is mail at all.
func (s *Service) queue(what string, write func(ctx context.Context) ([]mail.Message, error)) {
	if s.mailer != nil {
		s.mailer.Queue(what, write)
	}
}

// tell writes to a user who has a verified address. The text gets the portal, the user's name, the time and
// more.
func (s *Service) tell(userID int64, what, subject, text string, more ...string) {
	at := s.now()
	s.queue(what, func(ctx context.Context) ([]mail.Message, error) {
		return s.letter(ctx, userID, at, subject, text, more...)
	})
}

func (s *Service) letter(ctx context.Context, userID int64, at time.Time, subject, text string, more ...string) ([]mail.Message, error) {
	email, err := s.store.EmailOf(ctx, userID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	user, err := s.store.UserByID(ctx, userID)
	if err != nil {
		return nil, err
	}
	values := append([]string{s.origin, user.Username, at.UTC().Format("2 January 2006, 15:04 UTC")}, more...)
	return []mail.Message{{To: email.Address, Subject: subject, Text: fill(text, values...)}}, nil
}

// tellOwner writes to the owner of a camera that somebody tried to claim, once until they dismiss the notice.
func (s *Service) tellOwner(cameraID string) {
	at := s.now()
	s.queue("claim attempt", func(ctx context.Context) ([]mail.Message, error) {
		camera, err := s.store.CameraByID(ctx, cameraID)
		if errors.Is(err, ErrNotFound) || err == nil && camera.OwnerID == nil {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		notices, err := s.store.Notices(ctx, *camera.OwnerID)
		if err != nil {
			return nil, err
		}
		for _, notice := range notices {
			if notice.CameraID == cameraID && notice.Kind == store.NoticeClaimAttempt && notice.Count == 1 {
				return s.letter(ctx, *camera.OwnerID, at, "Somebody tried to claim your camera", claimText, credential.FormatCode(cameraID))
			}
		}
		return nil, nil
	})
}

// meet tells a person of a log-in from a device that is new to them. The device is what its User-Agent says but
// for versions, which change by themselves.
func (s *Service) meet(ctx context.Context, userID int64, client Client) error {
	agent := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r == '_' {
			return -1
		}
		return r
	}, client.agent())
	sum := sha256.Sum256([]byte("seccam device v1|" + strconv.FormatInt(userID, 10) + "|" + agent))
	fresh, first, err := s.store.MeetDevice(ctx, userID, sum[:])
	if err != nil || !fresh || first {
		return err
	}
	s.tell(userID, "new device", "A new device is logged in", deviceText, client.Address, client.agent())
	return nil
}
