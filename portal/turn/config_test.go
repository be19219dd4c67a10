package turn

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestServers(t *testing.T) {
	urls := func(list ...string) []string { return list }
	for _, tc := range []struct {
		name   string
		server Server
		want   string // part of the error; "" is none
	}{
		{"stun", Server{URLs: urls("stun:h:3478")}, ""},
		{"stuns", Server{URLs: urls("stuns:h", "stun:[::1]:3478")}, ""},
		{"turn with a secret", Server{URLs: urls("turn:h?transport=udp", "turns:h"), SecretFile: "f"}, ""},
		{"turn with a password", Server{URLs: urls("turn:h"), Username: "u", CredentialFile: "f"}, ""},
		{"nothing", Server{}, "urls is empty"},
		{"turn without anything", Server{URLs: urls("turn:h")}, "needs secret_file"},
		{"turns among stuns", Server{URLs: urls("stun:h", "turns:h")}, "needs secret_file"},
		{"no password", Server{URLs: urls("turn:h"), Username: "u"}, "needs secret_file"},
		{"no user name", Server{URLs: urls("turn:h"), CredentialFile: "f"}, "needs secret_file"},
		{"another scheme", Server{URLs: urls("stun:h", "https://h")}, `"https://h" must begin`},
		{"beside another", Server{URLs: urls("turn:h", "h")}, `"h" must begin`},
		{"beside another", Server{URLs: urls("turn:h", "h")}, "needs secret_file"},
	} {
		err := tc.server.Validate()
		if tc.want == "" {
			require.NoError(t, err, tc.name)
		} else {
			require.ErrorContains(t, err, tc.want, tc.name)
		}
	}
}

const goodConfig = `
ice_servers:
  - urls: [stun:turn.example.org]
  - urls: [turn:turn.example.org]
    secret_file: turn.secret
ice_providers:
  - kind: metered
    app: seccam
    key_file: metered.key
  - kind: cloudflare
    key_id: 0123456789abcdef0123456789abcdef
    token_file: cloudflare.token
    ttl: 12h
  - kind: metered
    key_file: metered.key
    url: http://127.0.0.1:8080/metered
  - kind: cloudflare
    key_id: x
    token_file: cloudflare.token
    url: https://proxy.example.org
`

func TestConfig(t *testing.T) {
	var cfg Config
	require.NoError(t, yaml.Unmarshal([]byte(goodConfig), &cfg))
	require.NoError(t, cfg.Validate())
	require.Equal(t, 12*time.Hour, cfg.Services[1].TTL)
	var named []string
	for _, file := range cfg.Files() {
		if *file != "" {
			named = append(named, *file)
			*file = "/etc/" + *file
		}
	}
	require.Equal(t, []string{"turn.secret", "metered.key", "cloudflare.token", "metered.key", "cloudflare.token"}, named)
	require.Equal(t, "/etc/metered.key", cfg.Services[0].KeyFile)
	require.NoError(t, Config{}.Validate())
}

func TestServices(t *testing.T) {
	m := func(change func(*Service)) Service {
		s := Service{Kind: kindMetered, App: "app", KeyFile: "f"}
		change(&s)
		return s
	}
	c := func(change func(*Service)) Service {
		s := Service{Kind: kindCloudflare, KeyID: "id", TokenFile: "f"}
		change(&s)
		return s
	}
	for name, tc := range map[string]struct {
		service Service
		want    string // part of the only error
	}{
		"no kind":                {Service{}, `kind "" is unknown; use metered or cloudflare`},
		"another kind":           {Service{Kind: "xirsys"}, `kind "xirsys" is unknown`},
		"no app":                 {m(func(s *Service) { s.App = "" }), "app "},
		"an app with its domain": {m(func(s *Service) { s.App = "app.metered.live" }), "app "},
		"an app elsewhere":       {m(func(s *Service) { s.App = "evil.example/" }), "app "},
		"a bad app and a url":    {m(func(s *Service) { s.App, s.URL = "a/b", "https://h" }), "app "},
		"no key file":            {m(func(s *Service) { s.KeyFile = "" }), "key_file is missing"},
		"Cloudflare's keys":      {m(func(s *Service) { s.KeyID = "x" }), "remove them"},
		"a ttl":                  {m(func(s *Service) { s.TTL = time.Hour }), "remove them"},
		"no key id":              {c(func(s *Service) { s.KeyID = "" }), "key_id "},
		"a key id with a slash":  {c(func(s *Service) { s.KeyID = "../x" }), "key_id "},
		"no token file":          {c(func(s *Service) { s.TokenFile = "" }), "token_file is missing"},
		"too short":              {c(func(s *Service) { s.TTL = time.Minute }), "ttl 1m0s must be from 20m0s to 48h0m0s"},
		"negative":               {c(func(s *Service) { s.TTL = -time.Hour }), "ttl "},
		"too long":               {c(func(s *Service) { s.TTL = 49 * time.Hour }), "ttl "},
		"Metered's keys":         {c(func(s *Service) { s.App = "x" }), "remove them"},
	} {
		errs := tc.service.check()
		require.Len(t, errs, 1, name)
		require.ErrorContains(t, errs[0], tc.want, name)
	}
}

func TestAddressesOfServices(t *testing.T) {
	for _, good := range []string{
		"https://h", "https://h:8443/path/", "https://192.0.2.1", "http://localhost:1", "http://127.0.0.1:1/p", "http://127.8.8.8", "http://[::1]:1",
	} {
		require.True(t, isBase(good), good)
	}
	for _, bad := range []string{
		"h", "//h", "https://", "https:///p", "ftp://h", "http://h", "http://192.0.2.1", "http://localhost.example.org", "http://127.0.0.1.nip.io",
		"https://u:p@h", "https://h?apiKey=x", "https://h/#f", "https://h?", "http://[::ffff:192.0.2.1]", "https://h\n", ":",
	} {
		require.False(t, isBase(bad), bad)
	}
}

func TestEveryErrorAtOnce(t *testing.T) {
	err := Config{
		Servers:  []Server{{}, {URLs: []string{"stun:h"}}, {URLs: []string{"x", "turn:h"}}, {URLs: strings.Fields("stun:a stun:b stun:c stun:d stun:e stun:f")}},
		Services: []Service{{Kind: "x", URL: "http://h"}, {Kind: kindMetered}},
	}.Validate()
	for _, want := range []string{
		"ice_servers[0]: urls is empty", `ice_servers[2]: url "x" must begin`, "a turn server needs", "ice_servers: 9 urls slow",
		`ice_providers[0]: kind "x"`, "ice_providers[0]: url must be https://", "ice_providers[1]: app ", "ice_providers[1]: key_file",
	} {
		require.ErrorContains(t, err, want)
	}
	eight := []Server{{URLs: strings.Fields("stun:a stun:b stun:c stun:d stun:e stun:f stun:g stun:h")}}
	require.NoError(t, Config{Servers: eight}.Validate())
	require.ErrorContains(t, Config{Servers: eight, Services: []Service{{}}}.Validate(), "leave no place")
	var joined interface{ Unwrap() []error }
	require.True(t, errors.As(err, &joined))
	require.Len(t, joined.Unwrap(), 7)
}
