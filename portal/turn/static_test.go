package turn

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestValidate(t *testing.T) {
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
		{"no scheme", Server{URLs: urls("h:3478")}, "must begin"},
		{"only a scheme", Server{URLs: urls("stun")}, "must begin"},
		{"no host", Server{URLs: urls("stun:")}, "must begin"},
		{"only a port", Server{URLs: urls("stun::3478")}, "must begin"},
		{"empty", Server{URLs: urls("")}, "must begin"},
	} {
		err := tc.server.Validate()
		if tc.want == "" {
			require.NoError(t, err, tc.name)
		} else {
			require.ErrorContains(t, err, tc.want, tc.name)
		}
	}
}

func read(files map[string]string) func(string) (string, error) {
	return func(path string) (string, error) {
		text, ok := files[path]
		if !ok {
			return "", os.ErrNotExist
		}
		return text, nil
	}
}

func TestFor(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	s, err := NewStatic([]Server{
		{URLs: []string{"stun:a"}},
		{URLs: []string{"turn:b"}, Username: "u", CredentialFile: "password"},
		{URLs: []string{"turn:c", "turns:c"}, SecretFile: "secret"},
	}, read(map[string]string{"password": "p\n", "secret": " north\n"}), func() time.Time { return at })
	require.NoError(t, err)
	require.Equal(t, []signaling.ICEServer{
		{URLs: []string{"stun:a"}},
		{URLs: []string{"turn:b"}, Username: "u", Credential: "p"},
		// printf 1700014400:viewer | openssl dgst -sha1 -hmac north -binary | base64
		{URLs: []string{"turn:c", "turns:c"}, Username: "1700014400:viewer", Credential: "d9Kkak56jp2A6jtkrXKxULfRKrs="},
	}, s.For("viewer"))
	require.NotEqual(t, s.For("viewer")[2], s.For("camera")[2])
	at = at.Add(time.Second)
	require.Equal(t, "1700014401:viewer", s.For("viewer")[2].Username)

	none, err := NewStatic(nil, nil, time.Now)
	require.NoError(t, err)
	require.Equal(t, []signaling.ICEServer{}, none.For("viewer"), "an empty list, not null")
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	refused := errors.New("others can read it")
	for name, tc := range map[string]struct {
		read func(string) (string, error)
		want string
	}{
		"absent":  {read(nil), "ice_servers[1]"},
		"empty":   {read(map[string]string{"f": " \n"}), "f is empty"},
		"refused": {func(string) (string, error) { return "", refused }, "others can read it"},
	} {
		for _, server := range []Server{{URLs: []string{"turn:h"}, SecretFile: "f"}, {URLs: []string{"turn:h"}, Username: "u", CredentialFile: "f"}} {
			_, err := NewStatic([]Server{{URLs: []string{"stun:h"}}, server}, tc.read, time.Now)
			require.ErrorContains(t, err, tc.want, name)
		}
	}
}
