package turn

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"seccam/pkg/config"
)

// Config is the part of portal.yml that names STUN and TURN servers.
type Config struct {
	Servers  []Server  `yaml:"ice_servers"`
	Services []Service `yaml:"ice_providers"`
}

// Server is one configured STUN or TURN server.
type Server struct {
	URLs     []string `yaml:"urls"`
	Username string   `yaml:"username"`
	// CredentialFile holds a fixed password for Username.
	CredentialFile string `yaml:"credential_file"`
	// SecretFile holds the secret shared with the relay (coturn's use-auth-secret): credentials are
	// then minted per session and expire.
	SecretFile string `yaml:"secret_file"`
}

// Relays reports whether one of the URLs is of a TURN server.
func (s Server) Relays() bool {
	return slices.ContainsFunc(s.URLs, func(u string) bool { return strings.HasPrefix(u, "turn") })
}

// Service is a company that runs relays and tells which by HTTPS.
type Service struct {
	// Kind is metered or cloudflare.
	Kind string `yaml:"kind"`
	// App is the application's name at Metered, the first part of its name in metered.live.
	App string `yaml:"app"`
	// KeyFile holds Metered's API key of a TURN credential.
	KeyFile string `yaml:"key_file"`
	// KeyID is the id of Cloudflare's TURN key.
	KeyID string `yaml:"key_id"`
	// TokenFile holds the API token of Cloudflare's TURN key.
	TokenFile string `yaml:"token_file"`
	// TTL is how long Cloudflare's credentials live; 0 is 8 hours. They are renewed after half of it.
	TTL time.Duration `yaml:"ttl"`
	// URL replaces the address of the service, up to its path: for a proxy.
	URL string `yaml:"url"`
}

// Validate reports everything that is wrong, each error with its key.
func (c Config) Validate() error {
	var errs []error
	urls := 0
	for i, server := range c.Servers {
		urls += len(server.URLs)
		if err := server.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("ice_servers[%d]: %w", i, err))
		}
	}
	if urls > maxURLs {
		errs = append(errs, fmt.Errorf("ice_servers: %d urls slow every connection down; keep at most %d", urls, maxURLs))
	} else if urls == maxURLs && len(c.Services) > 0 {
		errs = append(errs, fmt.Errorf("ice_servers: %d urls leave no place for those of ice_providers; keep at most 4", urls))
	}
	for i, service := range c.Services {
		for _, err := range service.check() {
			errs = append(errs, fmt.Errorf("ice_providers[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// Files returns where the paths of secret files are kept, so that relative ones can be resolved.
func (c *Config) Files() []*string {
	var files []*string
	for i := range c.Servers {
		files = append(files, &c.Servers[i].CredentialFile, &c.Servers[i].SecretFile)
	}
	for i := range c.Services {
		files = append(files, &c.Services[i].KeyFile, &c.Services[i].TokenFile)
	}
	return files
}

// Validate reports what is wrong with the server's configuration.
func (s Server) Validate() error {
	if len(s.URLs) == 0 {
		return errors.New("urls is empty; name at least one, such as \"stun:stun.example.org:3478\"")
	}
	var errs []error
	needsCredential := false
	for _, raw := range s.URLs {
		uri, err := parseURL(raw)
		if err != nil {
			errs = append(errs, fmt.Errorf("url %q %w", raw, err))
			continue
		}
		needsCredential = needsCredential || endpoint{URI: uri}.isTURN()
	}
	if needsCredential && s.SecretFile == "" && (s.Username == "" || s.CredentialFile == "") {
		errs = append(errs, errors.New("a turn server needs secret_file, or username and credential_file"))
	}
	return errors.Join(errs...)
}

// check returns all that is wrong with the service's configuration.
func (s Service) check() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch s.Kind {
	case kindMetered:
		if !appForm.MatchString(s.App) && (s.App != "" || s.URL == "") {
			bad("app %q must be the application's name, as in https://NAME.metered.live", s.App)
		}
		if s.KeyFile == "" {
			bad("key_file is missing: the file with the API key of a TURN credential, from Metered's dashboard")
		}
		if s.KeyID != "" || s.TokenFile != "" || s.TTL != 0 {
			bad("key_id, token_file and ttl are of kind cloudflare; remove them")
		}
	case kindCloudflare:
		if !keyIDForm.MatchString(s.KeyID) {
			bad("key_id %q must be the id of a TURN key, letters and digits, from Cloudflare's dashboard", s.KeyID)
		}
		if s.TokenFile == "" {
			bad("token_file is missing: the file with the TURN key's API token")
		}
		if s.TTL != 0 && (s.TTL < minTTL || s.TTL > maxTTL) {
			bad("ttl %v must be from %v to %v", s.TTL, minTTL, maxTTL)
		}
		if s.App != "" || s.KeyFile != "" {
			bad("app and key_file are of kind metered; remove them")
		}
	default:
		bad("kind %q is unknown; use %s or %s", s.Kind, kindMetered, kindCloudflare)
	}
	if s.URL != "" && !isBase(s.URL) {
		bad("url must be https:// and a host, perhaps with a path, without user or query; http:// only on this machine")
	}
	return errs
}

var (
	appForm   = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?$`) // a DNS label
	keyIDForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)
)

// isBase tells whether a service's path may be appended to raw and a key sent there: over TLS, or without
// leaving this machine.
func isBase(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(raw, "?#") {
		return false
	}
	return config.Confidential(u)
}
