package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"seccam/broker"
	"seccam/pkg/config"
)

// shipped is a path relative to this folder.
var shipped = filepath.Join("..", "configs", "portal.yml")

func TestShippedConfigIsTheDefaults(t *testing.T) {
	want := DefaultConfig()
	want.resolve(filepath.Dir(shipped))
	got, err := loadConfig(shipped, nil)
	require.NoError(t, err)
	if len(got.TrustedProxies) == 0 { // [] in the file, absent in the defaults
		got.TrustedProxies = nil
	}
	if len(got.WebhookAllow) == 0 {
		got.WebhookAllow = nil
	}
	if len(got.ICEServers) == 0 {
		got.ICEServers = nil
	}
	if len(got.ICEProviders) == 0 {
		got.ICEProviders = nil
	}
	if len(got.TURN.PublicAddress)+len(got.TURN.AllowPeers) == 0 {
		got.TURN.PublicAddress, got.TURN.AllowPeers = nil, nil
	}
	require.Equal(t, want, got)

	// A key that is absent from the file would be the default, too: each must be shown, as a line or
	// as an example in a comment.
	data, err := os.ReadFile(shipped)
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(data, &document))
	blank := Config{}
	for _, key := range config.Keys(&blank) {
		name := strings.ToLower(strings.TrimPrefix(key, config.EnvPrefix))
		assert.True(t, shown(document, name) || strings.Contains(string(data), "# "+name+":"), "%s is not shown", key)
	}
}

// shown finds a key in a document, or in one of its sections.
func shown(document map[string]any, name string) bool {
	if _, set := document[name]; set {
		return true
	}
	for section, inside := range document {
		rest, nested := strings.CutPrefix(name, section+"_")
		if keys, is := inside.(map[string]any); is && nested && shown(keys, rest) {
			return true
		}
	}
	return false
}

func TestConfigFixtures(t *testing.T) {
	good, err := filepath.Glob("testdata/good/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, path := range good {
		_, err := loadConfig(path, nil)
		assert.NoError(t, err, path)
	}
	bad := map[string][]string{
		"unknown_key": {"line 2", "lisen", "line 4", "tpc"},
		"wrong_types": {"line 1", "line 3", "soon"},
		"many_errors": {
			"listen:", "public_url:", "cert_file, key_file:", "trusted_proxies:", "database, state_dir:", "broker_url:",
			"mqtt_url:", "ice_servers[1]:", "ice_servers[2]:", "log_level:", "mail.kind:", "oidc.issuer:",
		},
		"broker":    {"broker.tcp:", "broker.tls:", "broker.max_packet_bytes:"},
		"path":      {"public_url:", "without a path"},
		"addresses": {"broker_url:", "must all begin with mqtt://", "broker_jid_host:", "traces.url:"},
	}
	files, err := filepath.Glob("testdata/bad/*.yml")
	require.NoError(t, err)
	require.Len(t, files, len(bad), "each has its words here")
	for name, words := range bad {
		_, err := loadConfig(filepath.Join("testdata", "bad", name+".yml"), nil)
		for _, word := range words {
			assert.ErrorContains(t, err, word, name)
		}
	}
	_, err = loadConfig("testdata/absent.yml", nil)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestEmptyFileAndNoFileAreTheDefaults(t *testing.T) {
	cfg, err := loadConfig("", nil)
	require.NoError(t, err)
	require.Equal(t, DefaultConfig(), cfg)
	require.Equal(t, broker.DefaultConfig(), cfg.Broker)
	file, err := loadConfig("testdata/good/minimal.yml", nil)
	require.NoError(t, err)
	cfg.resolve("testdata/good")
	require.Equal(t, cfg, file)
}

func TestPathsAreRelativeToTheConfig(t *testing.T) {
	in := func(name string) string { return filepath.Join("testdata", "good", name) }
	cfg, err := loadConfig(in("full.yml"), nil)
	require.NoError(t, err)
	assert.Equal(t, in("state"), cfg.StateDir)
	assert.Equal(t, in("portal.db"), cfg.Database)
	assert.Equal(t, in("tls/cert.pem"), cfg.CertFile)
	assert.Equal(t, "/etc/seccam/key.pem", cfg.KeyFile, "an absolute one is as it is")
	assert.Equal(t, in("tls/cert.pem"), cfg.Broker.CertFile)
	assert.Equal(t, in("tls/key.pem"), cfg.Broker.KeyFile)
	assert.Equal(t, in("city.mmdb"), cfg.GeoIPFile)
	assert.Equal(t, "/srv/pwned.txt", cfg.BreachedFile)
	assert.Equal(t, in("mail.password"), cfg.Mail.PasswordFile)
	assert.Equal(t, in("oidc.secret"), cfg.OIDC.ClientSecretFile)
	assert.Equal(t, in("state/mail"), cfg.mailConfig().Dir)
	assert.Empty(t, cfg.ICEServers[0].SecretFile)
	assert.Equal(t, in("turn.secret"), cfg.ICEServers[1].SecretFile)
	assert.Equal(t, in("turn.password"), cfg.ICEServers[2].CredentialFile)

	other, err := loadConfig(in("external_broker.yml"), nil)
	require.NoError(t, err)
	assert.Equal(t, "postgres://seccam@db.example.org/seccam", other.Database, "a URL is no path")
}

func TestEnvironmentOverrides(t *testing.T) {
	cfg, err := loadConfig("", []string{
		"HOME=/", "SECCAM_LISTEN=127.0.0.1:0", "SECCAM_BROKER_TCP=127.0.0.1:0", "SECCAM_BROKER_MAX_CLIENTS=5",
		"SECCAM_TRUSTED_PROXIES=[10.0.0.0/8]", `SECCAM_ICE_SERVERS=[{urls: ["stun:h"]}]`,
	})
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:0", cfg.Listen)
	assert.Equal(t, "127.0.0.1:0", cfg.Broker.TCP)
	assert.Equal(t, 5, cfg.Broker.MaxClients)
	assert.Equal(t, []string{"10.0.0.0/8"}, cfg.TrustedProxies)
	assert.Equal(t, []string{"stun:h"}, cfg.ICEServers[0].URLs)
	_, err = loadConfig("", []string{"SECCAM_BROKER_MAX_CLIENTS=many", "SECCAM_LISEN=x"})
	assert.ErrorContains(t, err, "SECCAM_BROKER_MAX_CLIENTS")
	assert.ErrorContains(t, err, "SECCAM_LISEN")
}
