package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// lab is one portal, with its state in a folder of its own.
type lab struct {
	t       *testing.T
	dir     string
	portal  *process
	url     string // of the pages
	mqttURL string
	mqtt    string          // host:port
	more    string          // lines of the portal's configuration
	data    string          // its database; "" is a file
	where   *host           // nil: on this machine
	public  bool            // url is public_url, and not where the portal listens
	dialer  *http.Transport // by which people's programs reach it; nil: as usual
}

// newLab starts a portal on ports of the system's choice.
func newLab(t *testing.T) *lab {
	t.Helper()
	return newLabAt(t, "127.0.0.1")
}

// newLabAt starts a portal on an address of this machine.
func newLabAt(t *testing.T, address string) *lab {
	t.Helper()
	return newLabWith(t, address, "")
}

// newLabWith adds lines to the portal's configuration.
func newLabWith(t *testing.T, address, more string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), more: more}
	l.begin(address)
	return l
}

// newLabOn starts a portal on a host.
func newLabOn(t *testing.T, h *host) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), where: h, dialer: &http.Transport{DialContext: h.dial}}
	l.begin(h.address)
	return l
}

func (l *lab) begin(address string) {
	l.t.Helper()
	l.configure(address+":0", address+":0")
	l.startPortal()
	// A restarted portal is found at the same addresses.
	l.configure(strings.TrimPrefix(l.url, "http://"), l.mqtt)
}

func (l *lab) configFile() string { return filepath.Join(l.dir, "portal.yml") }

func (l *lab) configure(listen, mqtt string) {
	l.t.Helper()
	text := fmt.Sprintf("listen: %s\npublic_url: http://%s\ndatabase: %q\nstate_dir: .\nlog_level: debug\nbroker:\n  tcp: %s\n",
		listen, listen, cmp.Or(l.data, "portal.db"), mqtt) + l.more
	require.NoError(l.t, os.WriteFile(l.configFile(), []byte(text), 0o600))
}

func (l *lab) startPortal() {
	l.t.Helper()
	l.portal = start(l.t, "portal", l.where.command(portalBinary, "serve", "--config", l.configFile())...)
	found := l.portal.await(`portal ready.* listen=(\S+).* mqtt_url=(\S+)`)
	if !l.public {
		l.url = "http://" + found[1]
	}
	l.mqttURL = found[2]
	l.mqtt = strings.TrimPrefix(l.mqttURL, "mqtt://")
	l.portal.await("signalling is up")
	for _, key := range []string{"master.key", "mqtt.key"} {
		leaks.file(filepath.Join(l.dir, key))
	}
}

// command runs one of the portal's commands on the lab's database and returns its output.
func (l *lab) command(args ...string) string {
	l.t.Helper()
	cmd := exec.Command(portalBinary, append([]string{"--config", l.configFile()}, args...)...)
	output, err := cmd.CombinedOutput()
	require.NoError(l.t, err, "portal %v: %s", args, output)
	return string(output)
}

// camera is a provisioned camera.
type camera struct {
	t        *testing.T
	id, code string
	config   string
	folder   string
	where    *host // nil: this machine
	process  *process
}

// provision adds a camera with a small, fast picture.
func (l *lab) provision() *camera {
	l.t.Helper()
	return l.provisionWith("testpattern", videoConfig)
}

// provisionWith adds a camera with a source and further lines of its configuration.
func (l *lab) provisionWith(source, lines string) *camera {
	l.t.Helper()
	batch, err := os.MkdirTemp(l.dir, "cameras-")
	require.NoError(l.t, err)
	output := l.command("cameras", "provision", "--out", batch, "--source", "testpattern")
	found := regexp.MustCompile(`camera id:\s+(\S+)\nclaim code:\s+(\S+)\nfiles:\s+(\S+)`).FindStringSubmatch(output)
	require.NotNil(l.t, found, output)
	id, err := credential.ParseCode(found[1])
	require.NoError(l.t, err)
	c := &camera{t: l.t, id: id, code: found[2], folder: found[3], config: filepath.Join(found[3], "camerad.yml"), where: l.where}
	leaks.secret("claim code", c.code)
	leaks.file(filepath.Join(c.folder, "device.key"))
	leaks.file(filepath.Join(c.folder, "pairing.code"))
	// The portal's configuration says port 0; it is the system that chose one.
	file, err := os.ReadFile(c.config)
	require.NoError(l.t, err)
	text := regexp.MustCompile(`portal_url: \S+`).ReplaceAllString(string(file), "portal_url: "+l.url)
	text = strings.Replace(text, "source: testpattern", fmt.Sprintf("source: %q", source), 1)
	require.NoError(l.t, os.WriteFile(c.config, []byte(text), 0o600))
	c.configure(lines)
	return c
}

// configure adds lines to the camera's configuration.
func (c *camera) configure(lines string) {
	c.t.Helper()
	file, err := os.OpenFile(c.config, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(c.t, err)
	_, err = file.WriteString(lines)
	require.NoError(c.t, errors.Join(err, file.Close()))
}

// startCamera starts camerad and waits until it is connected.
func (l *lab) startCamera(c *camera) {
	l.t.Helper()
	c.process = start(l.t, "camerad", c.where.command(cameradBinary, "run", "--config", c.config)...)
	c.process.await(`connected to the portal's broker`)
}

// client is a person's HTTP client with their cookies.
type client struct {
	t    *testing.T
	base string
	http *http.Client
}

func (l *lab) client() *client {
	jar, err := cookiejar.New(nil)
	require.NoError(l.t, err)
	person := &client{t: l.t, base: l.url, http: &http.Client{
		Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if l.dialer != nil {
		person.http.Transport = l.dialer
	}
	return person
}

// call sends JSON to the API and returns the status and the decoded body.
func (c *client) call(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		require.NoError(c.t, err)
		payload = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, c.base+path, payload)
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	require.NoError(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	for _, cookie := range resp.Cookies() {
		leaks.secret("cookie", cookie.Value)
	}
	var answer map[string]any
	data, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	if len(data) > 0 && strings.Contains(resp.Header.Get("Content-Type"), "json") && data[0] == '{' {
		require.NoError(c.t, json.Unmarshal(data, &answer), "%s", data)
		leaks.answer(answer)
	}
	return resp.StatusCode, answer
}

const testPassword = "correct horse battery 1"

// signUp makes an account with a camera, which must be running.
func (l *lab) signUp(username string, c *camera) *client {
	l.t.Helper()
	person := l.client()
	status, body := person.call("POST", "/api/v1/signup", map[string]string{
		"username": username, "camera_id": c.id, "claim_code": c.code,
		"password": testPassword, "password_confirm": testPassword,
	})
	require.Equal(l.t, http.StatusCreated, status, body)
	require.Eventually(l.t, func() bool {
		status, body = person.call("POST", "/api/v1/signup/confirm", nil)
		return status == http.StatusOK
	}, patience, 50*time.Millisecond, "the camera is seen: %v", body)
	return person
}

// newHousehold is a portal with one person and their running camera.
func newHousehold(t *testing.T) (*lab, *camera, *client) {
	t.Helper()
	return newHouseholdWith(t, "testpattern", videoConfig)
}

// newHouseholdWith is the same with another camera.
func newHouseholdWith(t *testing.T, source, lines string) (*lab, *camera, *client) {
	t.Helper()
	l := newLab(t)
	c := l.provisionWith(source, lines)
	l.startCamera(c)
	return l, c, l.signUp("owner", c)
}

// cookies returns the person's cookies as a header, for WebSockets and browsers.
func (c *client) cookies() []*http.Cookie {
	req, err := http.NewRequest("GET", c.base, nil)
	require.NoError(c.t, err)
	return c.http.Jar.Cookies(req.URL)
}
