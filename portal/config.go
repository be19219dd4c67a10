package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"seccam/broker"
	"seccam/pkg/certificate"
	"seccam/pkg/config"
	"seccam/pkg/metrics"
	"seccam/pkg/signaling"
	"seccam/pkg/tracing"
	"seccam/portal/mail"
	"seccam/portal/relay"
	"seccam/portal/signon"
	"seccam/portal/turn"
)

// Config is portal.yml. Its defaults are [DefaultConfig]; configs/portal.yml documents each key.
type Config struct {
	Listen         string           `yaml:"listen"`
	PublicURL      string           `yaml:"public_url"`
	CertFile       string           `yaml:"cert_file"`
	KeyFile        string           `yaml:"key_file"`
	ACME           ACME             `yaml:"acme"`
	TrustedProxies []string         `yaml:"trusted_proxies"`
	Database       string           `yaml:"database"`
	StateDir       string           `yaml:"state_dir"`
	GeoIPFile      string           `yaml:"geoip_file"`
	BreachedFile   string           `yaml:"breached_passwords_file"`
	BrokerURL      string           `yaml:"broker_url"`
	BrokerJIDHost  string           `yaml:"broker_jid_host"`
	MQTTURL        string           `yaml:"mqtt_url"`
	Reconnects     int              `yaml:"reconnects_per_second"`
	Broker         broker.Config    `yaml:"broker"`
	ICEServers     []turn.Server    `yaml:"ice_servers"`
	ICEProviders   []turn.Service   `yaml:"ice_providers"`
	ICEPolicy      signaling.Policy `yaml:"ice_policy"`
	TURN           relay.Config     `yaml:"turn"`
	AuditDays      int              `yaml:"audit_days"`
	WebhookAllow   []string         `yaml:"webhook_allow"`
	Mail           mail.Config      `yaml:"mail"`
	OIDC           signon.Config    `yaml:"oidc"`
	Metrics        string           `yaml:"metrics"`
	Traces         tracing.Config   `yaml:"traces"`
	LogLevel       string           `yaml:"log_level"`
}

// DefaultConfig serves this machine only, with everything in ./seccam-data.
func DefaultConfig() Config {
	return Config{
		Listen:     "127.0.0.1:8080",
		PublicURL:  "http://127.0.0.1:8080",
		Database:   "seccam-data/portal.db",
		StateDir:   "seccam-data",
		Reconnects: 500,
		Broker:     broker.DefaultConfig(),
		ICEPolicy:  signaling.PolicyAll,
		TURN:       relay.DefaultConfig(),
		AuditDays:  365,
		Mail:       mail.DefaultConfig(),
		LogLevel:   "info",
	}
}

// loadConfig reads path, or only the environment if path is empty. Relative paths in a file are
// relative to the file's folder.
func loadConfig(path string, environ []string) (Config, error) {
	cfg := DefaultConfig()
	if err := config.Load(&cfg, path, environ); err != nil {
		return Config{}, err
	}
	if path != "" {
		cfg.resolve(filepath.Dir(path))
	}
	return cfg, nil
}

func (c *Config) resolve(folder string) {
	paths := []*string{&c.StateDir, &c.GeoIPFile, &c.BreachedFile, &c.Mail.Dir, &c.OIDC.ClientSecretFile, &c.Mail.PasswordFile, &c.CertFile, &c.KeyFile, &c.Broker.CertFile, &c.Broker.KeyFile, &c.TURN.CertFile, &c.TURN.KeyFile, &c.ACME.CAFile}
	if u, err := url.Parse(c.Database); err == nil && u.Scheme == "" {
		paths = append(paths, &c.Database)
	}
	ice := c.iceConfig()
	paths = append(paths, ice.Files()...)
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
}

// Validate implements config.Validator.
func (c *Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	public, err := url.Parse(c.PublicURL)
	if err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https" || public.Path != "" {
		bad("public_url", "%q must be http:// or https:// and a host, without a path: what people type into the browser", c.PublicURL)
	}
	if _, err := netip.ParseAddrPort(c.Listen); err != nil {
		bad("listen", "%q must be an address and a port, such as 127.0.0.1:8080", c.Listen)
	}
	c.checkTLS(bad)
	for _, proxy := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(proxy); err != nil {
			bad("trusted_proxies", "%q must be a network, such as 127.0.0.1/32", proxy)
		}
	}
	if c.Database == "" || c.StateDir == "" {
		bad("database, state_dir", "must not be empty")
	}
	if c.AuditDays < 0 || c.AuditDays > 36500 {
		bad("audit_days", "%d must be from 0, which keeps the audit log for ever, to 36500", c.AuditDays)
	}
	for _, network := range c.WebhookAllow {
		if _, err := netip.ParsePrefix(network); err != nil {
			bad("webhook_allow", "%q must be a network, such as 192.168.1.0/24", network)
		}
	}
	c.checkMQTT(bad)
	errs = append(errs, c.iceConfig().Validate(), c.Mail.Validate(), c.OIDC.Validate(), c.Traces.Validate(), c.relayConfig(c.promised()).Validate())
	c.checkICE(bad)
	if err := new(slog.LevelVar).UnmarshalText([]byte(c.LogLevel)); err != nil {
		bad("log_level", "%q must be debug, info, warn or error", c.LogLevel)
	}
	return errors.Join(errs...)
}

// brokerConfig and relayConfig are of the broker and the relay; without files of their own they show the
// pages' certificate.
func (c *Config) brokerConfig(pages certificate.Source) broker.Config {
	cfg := c.Broker
	cfg.Certificate = pages
	return cfg
}

func (c *Config) relayConfig(pages certificate.Source) relay.Config {
	cfg := c.TURN
	cfg.Certificate = pages
	return cfg
}

// webhookNetworks are those of WebhookAllow, which was validated.
func (c *Config) webhookNetworks() []netip.Prefix {
	networks := make([]netip.Prefix, len(c.WebhookAllow))
	for i, text := range c.WebhookAllow {
		networks[i] = netip.MustParsePrefix(text).Masked()
	}
	return networks
}

// iceConfig is what says which STUN and TURN servers there are besides the portal's own.
func (c *Config) iceConfig() turn.Config {
	return turn.Config{Servers: c.ICEServers, Services: c.ICEProviders}
}

// mailConfig is the section mail, with the folder for what is not sent.
func (c *Config) mailConfig() mail.Config {
	cfg := c.Mail
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(c.StateDir, "mail")
	}
	return cfg
}

func (c *Config) checkICE(bad func(key, format string, args ...any)) {
	servers := c.TURN.Enabled() || len(c.ICEProviders) > 0
	for _, server := range c.ICEServers {
		servers = servers || server.Relays()
	}
	switch c.ICEPolicy {
	case signaling.PolicyAll:
	case signaling.PolicyRelay:
		if !servers {
			bad("ice_policy", "relay needs a TURN server: set turn, ice_servers or ice_providers")
		}
	default:
		bad("ice_policy", "%q must be all or relay", c.ICEPolicy)
	}
	if err := metrics.Check(c.Metrics); err != nil {
		bad("metrics", "%v", err)
	}
}

func (c *Config) checkMQTT(bad func(key, format string, args ...any)) {
	for key, value := range map[string]string{"broker_url": c.BrokerURL, "mqtt_url": c.MQTTURL} {
		scheme := ""
		for _, address := range splitURLs(value) {
			u, err := url.Parse(address)
			if err != nil || u.Host == "" || !mqttSchemes[u.Scheme] {
				bad(key, "%q must be mqtt://, mqtts://, ws:// or wss:// with a host", address)
				continue
			}
			if scheme != "" && scheme != u.Scheme {
				bad(key, "the addresses of one broker must all begin with %s://", scheme)
			}
			scheme = u.Scheme
		}
	}
	if c.BrokerURL == "" && len(splitURLs(c.MQTTURL)) > 1 {
		bad("mqtt_url", "the embedded broker has one address")
	}
	if c.Reconnects < 1 || c.Reconnects > 1_000_000 {
		bad("reconnects_per_second", "%d must be from 1 to 1000000", c.Reconnects)
	}
	if c.BrokerJIDHost != "" && (c.BrokerURL == "" || strings.ContainsAny(c.BrokerJIDHost, "@/ ")) {
		bad("broker_jid_host", "%q must be a host's name, and is for a broker_url only", c.BrokerJIDHost)
	}
	if c.BrokerURL != "" {
		if c.MQTTURL == "" {
			bad("mqtt_url", "must be set with broker_url: the address at which cameras reach that broker")
		}
		return // the embedded broker is not used
	}
	if err := c.brokerConfig(c.promised()).Validate(); err != nil {
		bad("broker", "%v", err)
	}
}

// splitURLs splits the addresses of one broker at their commas.
func splitURLs(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' })
}

func (c *Config) brokerURLs() []string { return splitURLs(c.BrokerURL) }

var mqttSchemes = map[string]bool{"mqtt": true, "mqtts": true, "ws": true, "wss": true}

// logger writes structured lines to standard error.
func (c *Config) logger() *slog.Logger {
	var level slog.LevelVar
	_ = level.UnmarshalText([]byte(c.LogLevel)) // validated
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: &level}))
}
