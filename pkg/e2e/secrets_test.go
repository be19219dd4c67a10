package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// Abuse 36: after everything that handles a secret was used, at the most talkative log level, none is
// in a log, and none is in the database but as a hash.
func TestAbuse36_NoSecretsInLogsOrDatabase(t *testing.T) {
	l := newLab(t)
	c := l.provision()
	c.configure("log_level: debug\n")
	l.startCamera(c)
	person := l.signUp("owner", c)
	s := person.dial("")
	requireWorks(t, s, c.id, 1)
	own := newPage(t)
	own.pair(person, c)
	own.close()
	user, token, _ := l.token("--camera", c.id)
	_, err := l.mosquitto(user, token, user, signaling.StatusTopic(c.id))
	require.NoError(t, err)
	_, _ = l.mosquitto(user, token+"x", user, signaling.StatusTopic(c.id)) // a refused credential is one, too
	status, _ := person.call("POST", "/api/v1/login", map[string]string{"username": "owner", "password": testPassword + "x"})
	require.Equal(t, http.StatusUnauthorized, status)
	cookie := person.cookies()[0].Value
	status, body := person.call("DELETE", "/api/v1/cameras/"+c.id, nil)
	require.Equal(t, http.StatusOK, status)
	released, _ := body["claim_code"].(string)
	c.process.stop()
	l.portal.stop()

	secrets := map[string]string{
		"password": testPassword, "claim code": c.code, "new claim code": released, "session cookie": cookie,
		"MQTT token": strings.Split(token, ".")[2], "pairing code": c.pairingCode(),
	}
	for name, file := range map[string]string{
		"device key": filepath.Join(c.folder, "device.key"), "master key": filepath.Join(l.dir, "master.key"),
		"signing key": filepath.Join(l.dir, "mqtt.key"),
	} {
		key, err := os.ReadFile(file)
		require.NoError(t, err)
		secrets[name] = strings.TrimSpace(string(key))
	}
	places := map[string]string{"portal's log": l.portal.text(), "camera's log": c.process.text()}
	for _, file := range []string{"portal.db", "portal.db-wal"} {
		data, err := os.ReadFile(filepath.Join(l.dir, file))
		if err == nil {
			places[file] = string(data)
		}
	}
	require.Contains(t, places, "portal.db")
	for place, text := range places {
		plain := strings.ToLower(strings.ReplaceAll(text, "-", ""))
		for name, secret := range secrets {
			require.NotEmpty(t, secret, name)
			require.NotContains(t, plain, strings.ToLower(strings.ReplaceAll(secret, "-", "")), "the %s is in the %s", name, place)
		}
		require.NotRegexp(t, regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.eyJ`), text, "a token is in the %s", place)
	}
}
