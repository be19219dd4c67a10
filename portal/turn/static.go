package turn

import (
	"crypto/hmac"
	"crypto/sha1" // the TURN REST convention is HMAC-SHA1
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"seccam/pkg/signaling"
)

// CredentialTTL is how long a minted TURN credential lives. A relay checks it when an allocation is
// made or refreshed, so it outlasts a view, not a day.
const CredentialTTL = 4 * time.Hour

// Static is the configured servers with the contents of their files: fixed passwords, and the secrets
// of coturn. It is a [Provider].
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
			var err error
			if *into, err = readSecret(read, path); err != nil {
				return nil, fmt.Errorf("ice_servers[%d]: %w", i, err)
			}
		}
		s.servers = append(s.servers, l)
	}
	return s, nil
}

func readSecret(read func(path string) (string, error), path string) (string, error) {
	text, err := read(path)
	if err != nil {
		return "", err
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// Name implements [Provider].
func (s *Static) Name() string { return "static" }

// Servers implements [Provider].
func (s *Static) Servers(who Who) ([]signaling.ICEServer, error) { return s.For(who.String()), nil }

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
