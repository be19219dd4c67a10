// Package turn tells browsers and cameras which STUN and TURN servers to use.
package turn

import (
	"crypto/hmac"
	"crypto/sha1" // the TURN REST convention is HMAC-SHA1
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"seccam/pkg/signaling"
)

// CredentialTTL is how long a minted TURN credential lives. A relay checks it when an allocation is
// made or refreshed, so it outlasts a view, not a day.
const CredentialTTL = 4 * time.Hour

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

// Validate reports what is wrong with the server's configuration.
func (s Server) Validate() error {
	if len(s.URLs) == 0 {
		return errors.New("urls is empty; name at least one, such as \"stun:stun.example.org:3478\"")
	}
	needsCredential := false
	for _, u := range s.URLs {
		scheme, host, _ := strings.Cut(u, ":")
		found := host != "" && host[0] != ':'
		switch {
		case found && (scheme == "turn" || scheme == "turns"):
			needsCredential = true
		case found && (scheme == "stun" || scheme == "stuns"):
		default:
			return fmt.Errorf("url %q must begin with one of stun:, stuns:, turn:, turns: and name a host", u)
		}
	}
	if needsCredential && s.SecretFile == "" && (s.Username == "" || s.CredentialFile == "") {
		return errors.New("a turn server needs secret_file, or username and credential_file")
	}
	return nil
}

// Static is the configured list with the contents of its files.
type Static struct {
	servers []loaded
	now     func() time.Time
}

type loaded struct {
	Server
	credential, secret string
}

// NewStatic reads the servers' files with read, which refuses a file that others can read.
func NewStatic(servers []Server, read func(path string) (string, error), now func() time.Time) (*Static, error) {
	s := &Static{now: now}
	for i, server := range servers {
		l := loaded{Server: server}
		for path, into := range map[string]*string{server.CredentialFile: &l.credential, server.SecretFile: &l.secret} {
			if path == "" {
				continue
			}
			text, err := read(path)
			if err != nil {
				return nil, fmt.Errorf("ice_servers[%d]: %w", i, err)
			}
			if *into = strings.TrimSpace(text); *into == "" {
				return nil, fmt.Errorf("ice_servers[%d]: %s is empty", i, path)
			}
		}
		s.servers = append(s.servers, l)
	}
	return s, nil
}

// For returns the servers with credentials for one end of a view; who goes into the relay's log.
func (s *Static) For(who string) []signaling.ICEServer {
	list := make([]signaling.ICEServer, 0, len(s.servers))
	for _, server := range s.servers {
		ice := signaling.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.credential}
		if server.secret != "" {
			ice.Username, ice.Credential = restCredential(server.secret, who, s.now().Add(CredentialTTL))
		}
		list = append(list, ice)
	}
	return list
}

// restCredential is the convention of draft-uberti-behave-turn-rest-00: the user name carries the
// expiry, the password is its HMAC-SHA1.
func restCredential(secret, who string, expires time.Time) (username, password string) {
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + who
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return username, base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
