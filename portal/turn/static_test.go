package turn

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

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
