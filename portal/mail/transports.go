package mail

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/wneessen/go-mail"

	"seccam/pkg/credential"
)

// smtpTimeout bounds one attempt.
const smtpTimeout = 30 * time.Second

// compose makes the mail's wire form. Headers are encoded, so no text can add one.
func compose(from string, m Message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(from); err != nil {
		return nil, backoff.Permanent(err)
	}
	if err := msg.To(m.To); err != nil {
		return nil, backoff.Permanent(err)
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}

// fileTransport writes each mail into a file that only the portal's user can read: there are links in it.
func fileTransport(cfg Config) (transport, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("mail.dir: %w", err)
	}
	return func(_ context.Context, m Message) error {
		msg, err := compose(cfg.From, m)
		if err != nil {
			return err
		}
		name := time.Now().UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:6]) + ".eml"
		file, err := os.OpenFile(filepath.Join(cfg.Dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = msg.WriteTo(file)
		return errors.Join(err, file.Close())
	}, nil
}

func smtpTransport(cfg Config) (transport, error) {
	options := []mail.Option{mail.WithPort(cfg.Port), mail.WithTimeout(smtpTimeout)}
	switch cfg.TLS {
	case TLSStart:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLSFull:
		options = append(options, mail.WithSSL())
	default:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	}
	if cfg.Username != "" {
		password, err := credential.ReadPrivateFile(cfg.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("mail.password_file: %w", err)
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover),
			mail.WithUsername(cfg.Username), mail.WithPassword(strings.TrimSpace(password)))
	}
	if _, err := mail.NewClient(cfg.Host, options...); err != nil {
		return nil, err
	}
	return func(ctx context.Context, m Message) error {
		msg, err := compose(cfg.From, m)
		if err != nil {
			return err
		}
		client, err := mail.NewClient(cfg.Host, options...) // one for each attempt: it holds a connection
		if err != nil {
			return backoff.Permanent(err)
		}
		err = client.DialAndSendWithContext(ctx, msg)
		var refused *mail.SendError
		if errors.As(err, &refused) && !refused.IsTemp() {
			return backoff.Permanent(err)
		}
		return err
	}, nil
}
