package mail

import (
	"errors"
	"fmt"
	"net/mail"
)

// Kinds of mailers.
const (
	KindFile = "file"
	KindLog  = "log"
	KindSMTP = "smtp"
)

// Ways to encrypt the connection to the mail server.
const (
	TLSStart = "starttls"
	TLSFull  = "tls"
	TLSNone  = "none"
)

// Config is the section mail of portal.yml.
type Config struct {
	Kind         string `yaml:"kind"`
	Dir          string `yaml:"dir"`
	From         string `yaml:"from"`
	Host         string `yaml:"host"`
	Port         int    `yaml:"port"`
	TLS          string `yaml:"tls"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
}

// DefaultConfig writes files.
func DefaultConfig() Config {
	return Config{Kind: KindFile, From: "seccam@localhost", Port: 587, TLS: TLSStart}
}

// Sends reports whether mails leave this machine.
func (c Config) Sends() bool { return c.Kind == KindSMTP }

// Validate returns everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("mail.%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		bad("from", "%q must be a mail address", c.From)
	}
	switch c.Kind {
	case KindFile, KindLog:
	case KindSMTP:
		c.validateSMTP(bad)
	default:
		bad("kind", "%q must be file, log or smtp", c.Kind)
	}
	return errors.Join(errs...)
}

func (c Config) validateSMTP(bad func(key, format string, args ...any)) {
	if c.Host == "" {
		bad("host", "must be the mail server's name with kind smtp")
	}
	if c.Port < 1 || c.Port > 65535 {
		bad("port", "%d must be 1 to 65535", c.Port)
	}
	if c.TLS != TLSStart && c.TLS != TLSFull && c.TLS != TLSNone {
		bad("tls", "%q must be starttls, tls or none", c.TLS)
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		bad("username, password_file", "set both, or neither")
	}
	if c.TLS == TLSNone && c.Username != "" {
		bad("tls", "none would send the password in clear; use starttls or tls")
	}
}
