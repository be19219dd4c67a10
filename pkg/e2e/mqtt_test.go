package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

// token mints a token for MQTT tools with the portal's own command.
func (l *lab) token(args ...string) (user, token, id string) {
	l.t.Helper()
	output := l.command(append([]string{"mqtt-token"}, args...)...)
	found := regexp.MustCompile(`id:\s+(\S+)\nuser name:\s+(\S+)[^\n]*\nexpires:[^\n]*\ntoken:\s+(\S+)`).FindStringSubmatch(output)
	require.NotNil(l.t, found, output)
	return found[2], found[3], found[1]
}

// mosquitto runs Debian's mosquitto_sub for one message and returns its output.
func (l *lab) mosquitto(user, token, clientID, topic string) (string, error) {
	l.t.Helper()
	host, port, _ := strings.Cut(l.mqtt, ":")
	args := []string{"-V", "5", "-h", host, "-p", port, "-i", clientID, "-t", topic, "-C", "1", "-W", "10", "-v", "-d"}
	if user != "" {
		args = append(args, "-u", user, "-P", token)
	}
	output, err := exec.Command("mosquitto_sub", args...).CombinedOutput()
	return string(output), err
}

func TestMosquittoSubSeesTheStatus(t *testing.T) {
	w := newTwo(t)
	topic := signaling.StatusTopic(w.mine.id)
	user, token, _ := w.token("--camera", w.mine.id)

	output, err := w.mosquitto(user, token, user, topic)
	require.NoError(t, err, output)
	require.Contains(t, output, `"online":true`)

	all, allToken, _ := w.token("--camera", "all")
	output, err = w.mosquitto(all, allToken, all, "seccam/v1/cameras/+/status")
	require.NoError(t, err, output)

	for name, tc := range map[string]struct{ user, token, client, topic, want string }{
		"no token":             {"", "", "tool-x", topic, "not authori[sz]ed|bad user"},
		"wrong token":          {user, token[:len(token)-3] + "AAA", user, topic, "not authori[sz]ed|bad user"},
		"another user name":    {"tool-other", token, "tool-other", topic, "not authori[sz]ed|bad user"},
		"another client id":    {user, token, "camera-" + w.mine.id, topic, "(?i)client identifier not valid"},
		"another's camera":     {user, token, user, signaling.StatusTopic(w.theirs.id), "135|(?i)not authori[sz]ed|denied"},
		"signalling":           {user, token, user, "seccam/v1/cameras/" + w.mine.id + "/sessions/#", "135|(?i)not authori[sz]ed|denied"},
		"everything":           {user, token, user, "#", "135|(?i)not authori[sz]ed|denied"},
		"the broker's insides": {user, token, user, "$SYS/#", "135|(?i)not authori[sz]ed|denied"},
	} {
		t.Run(name, func(t *testing.T) {
			output, _ := w.mosquitto(tc.user, tc.token, tc.client, tc.topic)
			require.Regexp(t, "(?i)"+tc.want, output)
			require.NotContains(t, output, `"online"`)
		})
	}
}

func TestMosquittoSubWithAnExpiredToken(t *testing.T) {
	l := newLab(t)
	c := l.provision()
	user, token, _ := l.token("--camera", c.id, "--ttl", "1s")
	require.Eventually(t, func() bool {
		output, err := l.mosquitto(user, token, user, signaling.StatusTopic(c.id))
		return err != nil && regexp.MustCompile(`(?i)not authori[sz]ed|bad user`).MatchString(output)
	}, patience, time.Second)
}

func TestRevokedTokenEndsItsConnection(t *testing.T) {
	l := newLab(t)
	c := l.provision()
	user, token, id := l.token("--camera", c.id)
	host, port, _ := strings.Cut(l.mqtt, ":")
	// Into a pipe it would print nothing before its end.
	tool := start(t, "mosquitto_sub", "stdbuf", "-oL", "mosquitto_sub", "-V", "5", "-h", host, "-p", port, "-u", user, "-P", token, "-i", user,
		"-t", signaling.StatusTopic(c.id), "-d")
	tool.await("Subscribed")
	l.command("mqtt-token", "revoke", id)
	tool.await(`(?i)disconnect.*135|received DISCONNECT|not authori[sz]ed`)
	tool.kill()
	output, err := l.mosquitto(user, token, user, signaling.StatusTopic(c.id))
	require.Error(t, err)
	require.Regexp(t, `(?i)not authori[sz]ed`, output)
}

func TestAbuse26_RevokedCameraIsDropped(t *testing.T) {
	l, c, person := newHousehold(t)
	s := person.dial("")
	s.awaitStatus(c.id, true)
	l.command("cameras", "revoke", c.id)
	p := s.awaitStatus(c.id, false)
	require.NotEmpty(t, p.Text)
	c.process.await(`does not accept`)

	// The new key brings it back.
	c.process.stop()
	fresh := t.TempDir()
	l.command("cameras", "rotate-key", c.id, "--out", fresh)
	leaks.file(fresh + "/device.key")
	require.NoError(t, exec.Command("cp", fresh+"/device.key", c.folder+"/device.key").Run())
	l.startCamera(c)
	s.awaitStatus(c.id, true)
}

// Abuse 24: a retained status is not for strangers, and a new owner sees nothing of the old one.
func TestAbuse24_RetainedStatusOfAnothersCamera(t *testing.T) {
	w := newTwo(t)
	s := w.me.dial("")
	s.awaitStatus(w.mine.id, true)
	for len(s.in) > 0 {
		require.NotEqual(t, w.theirs.id, (<-s.in).Camera)
	}
	status, body := w.them.call("PATCH", "/api/v1/cameras/"+w.theirs.id, map[string]string{"name": "Nursery"})
	require.Equal(t, 200, status, body)
	status, body = w.them.call("DELETE", "/api/v1/cameras/"+w.theirs.id, nil)
	require.Equal(t, 200, status, body)
	code, _ := body["claim_code"].(string)
	_, err := credential.ParseCode(code)
	require.NoError(t, err, body)
	status, body = w.me.call("POST", "/api/v1/cameras", map[string]string{"camera_id": w.theirs.id, "claim_code": code})
	require.Equal(t, 201, status, body)
	_, body = w.me.call("GET", "/api/v1/cameras/"+w.theirs.id, nil)
	require.NotContains(t, body["name"], "Nursery")
}
