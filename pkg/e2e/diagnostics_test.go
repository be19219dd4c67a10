package e2e

import (
	"encoding/json"
	"fmt"
	"image/jpeg"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// example is a command of docs/diagnostics.md with the output that follows it there.
type example struct{ command, kind, output string }

var exampleBlocks = regexp.MustCompile("```sh\n(mosquitto_[^`]*)\n```\n(?:\n```(json|text)\n([^`]*)\n```\n)?")

func examples(t *testing.T) (all []example) {
	t.Helper()
	for _, found := range exampleBlocks.FindAllStringSubmatch(readDocument(t, "docs/diagnostics.md"), -1) {
		all = append(all, example{found[1], found[2], found[3]})
	}
	return all
}

// shell runs commands as the page says: with the options of the tools in files, and with its names.
type shell struct {
	t    *testing.T
	dir  string
	vars []string
}

func (l *lab) newShell(camera, user, token string) *shell {
	l.t.Helper()
	s := &shell{t: l.t, dir: l.t.TempDir()}
	host, port, _ := strings.Cut(l.mqtt, ":")
	options := fmt.Sprintf("-V 5\n-h %s\n-p %s\n-u %s\n-i %s\n", host, port, user, user)
	for _, tool := range []string{"mosquitto_sub", "mosquitto_rr", "mosquitto_pub"} {
		more := "-W 30\n" // so that a test ends
		if tool == "mosquitto_pub" {
			more = ""
		}
		require.NoError(l.t, os.WriteFile(filepath.Join(s.dir, tool), []byte(options+more), 0o600))
	}
	s.vars = append(os.Environ(), "XDG_CONFIG_HOME="+s.dir, "TOOL="+user, "TOKEN="+token, "TOPIC="+strings.TrimSuffix(signaling.Root+camera, "/"))
	return s
}

func (s *shell) command(text string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", text)
	cmd.Dir, cmd.Env = s.dir, s.vars
	return cmd
}

// shape is the names in a JSON value, at all depths; what is in an array is of one shape.
func shape(value any, prefix string, into map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			into[prefix+name] = true
			shape(inner, prefix+name+".", into)
		}
	case []any:
		for _, inner := range v {
			shape(inner, prefix+"[].", into)
		}
	}
}

func shapeOf(t *testing.T, text string) []string {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value), "%s", text)
	names := map[string]bool{}
	shape(value, "", names)
	delete(names, "checks.[].next") // of checks that are not well only
	return slices.Sorted(maps.Keys(names))
}

// TestDiagnosticsPage runs each mosquitto command of the page as it is printed there, and compares what comes
// with what the page shows: its words in text, the names of its fields in JSON.
func TestDiagnosticsPage(t *testing.T) {
	t.Parallel()
	l := newLabWith(t, "127.0.0.1", "turn:\n  udp: 127.0.0.1:0\n  tcp: 127.0.0.1:0\n  public_address: [127.0.0.1]\n")
	c := l.provision()
	l.startCamera(c)
	person := l.signUp("owner", c)
	user, token, _ := l.token("--camera", c.id, "--rpc", "--snapshot", "--restart", "--configure")
	s := l.newShell(c.id, user, token)
	v := newView(t, person.dial(""), c.id, 1) // somebody watches
	v.offer()
	v.awaitKeyFrame()
	all := examples(t)
	require.Len(t, all, 16, "every command of the page is found")
	for _, e := range all {
		switch {
		case strings.HasSuffix(e.command, `/#"`):
			s.watch(e, l, c)
		case strings.Contains(e.command, "/events/"), strings.Contains(e.command, "/telemetry"):
			s.await(e, l, c)
		case strings.HasPrefix(e.command, "mosquitto_pub"):
			output, err := s.command(e.command).CombinedOutput()
			require.NoError(t, err, "%s", output)
			c.process.await(`configuration from afar applied.* values=0`)
		case strings.Contains(e.command, "/snapshot"):
			output, err := s.command(e.command).CombinedOutput()
			require.NoError(t, err, "%s", output)
			file, err := os.Open(filepath.Join(s.dir, "picture.jpg"))
			require.NoError(t, err)
			_, err = jpeg.Decode(file)
			require.NoError(t, err)
			require.NoError(t, file.Close())
		default:
			output, err := s.command(e.command).Output()
			require.NoError(t, err, "%s", e.command)
			s.compare(e, string(output))
			if strings.Contains(e.command, "/selftest") {
				require.Regexp(t, `"turn","result":"ok","seen":"allocated at .* by UDP, .* by TCP"`, string(output))
			}
		}
		if strings.Contains(e.command, `"daemon","seq":'$`) {
			<-c.process.done
			require.Equal(t, 3, c.process.cmd.ProcessState.ExitCode(), "systemd starts it again")
			l.startCamera(c)
		}
	}
}

func (s *shell) compare(e example, output string) {
	s.t.Helper()
	s.t.Logf("%s\n%s", e.command, output)
	if e.kind == "text" {
		require.Equal(s.t, e.output, strings.TrimSpace(output), e.command)
		return
	}
	assert.Equal(s.t, shapeOf(s.t, e.output), shapeOf(s.t, output), "%s\n%s", e.command, output)
}

// await has something happen while the command waits for it.
func (s *shell) await(e example, l *lab, c *camera) {
	s.t.Helper()
	p := startCommand(s.t, "mosquitto_sub", s.command("exec stdbuf -oL "+e.command+" -d 2>&1"))
	p.await("Subscribed")
	s.restartSource(l, c)
	<-p.done
	for _, line := range strings.Split(p.text(), "\n") {
		if strings.HasPrefix(line, "{") {
			s.compare(e, line)
			return
		}
	}
	s.t.Fatalf("nothing came: %s", p.text())
}

// restartSource makes an event, and telemetry.
func (s *shell) restartSource(l *lab, c *camera) {
	s.t.Helper()
	user, token, _ := l.token("--camera", c.id, "--restart")
	output, err := l.call(user, token, c.id, signaling.MethodRestart, string(s.restartRequest()))
	require.NoError(s.t, err, "%s", output)
}

func (s *shell) restartRequest() []byte {
	output, err := s.command(`printf '{"v":1,"what":"source","seq":%s}' "$(date +%s%6N)"`).Output()
	require.NoError(s.t, err)
	return output
}

// watch sees status, telemetry and events with one filter, each as JSON with its topic.
func (s *shell) watch(e example, l *lab, c *camera) {
	s.t.Helper()
	p := startCommand(s.t, "mosquitto_sub", s.command("exec stdbuf -oL "+e.command))
	p.await(`/status \{`)
	s.restartSource(l, c)
	p.await(`/events/restart \{`)
	p.await(`/telemetry \{`)
	p.kill()
	s.t.Logf("%s\n%s", e.command, p.text())
	shown := 0
	for _, line := range strings.Split(e.output, "\n") {
		topic, payload, _ := strings.Cut(line, " ")
		parsed, err := signaling.ParseTopic(topic)
		require.NoError(s.t, err)
		last := topic[len(signaling.Root+parsed.Camera):]
		seen := regexp.MustCompile(regexp.QuoteMeta(last) + ` (\{.*\})`).FindStringSubmatch(p.text())
		require.NotNil(s.t, seen, "%s in %s", last, p.text())
		assert.Equal(s.t, shapeOf(s.t, payload), shapeOf(s.t, seen[1]), "%s", seen[1])
		shown++
	}
	require.Equal(s.t, 3, shown, "the page shows one of each")
	require.NotContains(s.t, p.text(), "/sessions/")
}
