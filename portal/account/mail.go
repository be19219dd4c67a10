package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
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

// WithAlarm has f told whenever somebody's claim is refused, with the camera, which may be owned or not exist. It
// must not block.
func WithAlarm(f func(camera string)) Option {
	return func(s *Service) { s.alarm = f }
}

// MailSent reports whether mails leave this machine, or whoever runs the portal passes them on.
func (s *Service) MailSent() bool { return s.mailer != nil && s.mailer.Sends() }

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
