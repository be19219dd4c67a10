package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// behind is a lab whose portals people reach through a reverse proxy only, by HTTPS.
type behind struct {
	*lab
	proxy     string // host:port
	authority string // file of the certificate that signed the proxy's
	roots     *x509.CertPool
}

func newBehind(t *testing.T) *behind {
	t.Helper()
	b := &behind{lab: &lab{t: t, dir: t.TempDir(), public: true}, proxy: "localhost:" + port(freeAddress(t))}
	b.url = "https://" + b.proxy
	return b
}

// config writes a portal's configuration, and returns its file.
func (b *behind) config(name, lines string) string {
	b.t.Helper()
	file := filepath.Join(b.dir, name)
	text := "public_url: " + b.url + "\nstate_dir: .\nlog_level: debug\ntrusted_proxies: [127.0.0.1/32]\n" + lines
	require.NoError(b.t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// replaced is a shipped text for this machine. Everything that is replaced has to be in it.
func replaced(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// startCaddy starts Caddy with a site's text, which says "localhost": so its certificate is of its own making.
func (b *behind) startCaddy(site string) *process {
	b.t.Helper()
	caddy, err := exec.LookPath("caddy")
	if err != nil {
		b.t.Skip("NOT TESTED: caddy is not installed (.ci/deps test)")
	}
	dir := b.t.TempDir()
	global := fmt.Sprintf("{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\thttps_port %s\n}\n", port(b.proxy))
	file := filepath.Join(dir, "Caddyfile")
	require.NoError(b.t, os.WriteFile(file, []byte(global+site), 0o600))
	cmd := exec.Command(caddy, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	p := startCommand(b.t, "caddy", cmd)
	p.await("certificate obtained successfully")
	b.trust(filepath.Join(dir, "caddy", "pki", "authorities", "local", "root.crt"))
	return p
}

// startNginx starts nginx with what belongs inside http.
func (b *behind) startNginx(inside string) *process {
	b.t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		b.t.Skip("NOT TESTED: nginx is not installed (.ci/deps test)")
	}
	dir := b.t.TempDir()
	text := "daemon off;\npid nginx.pid;\nerror_log stderr notice;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += kind + "_temp_path " + kind + ";\n"
	}
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(b.t, os.WriteFile(file, []byte(text+inside+"}\n"), 0o600))
	p := start(b.t, "nginx", nginx, "-p", dir, "-c", file, "-e", "stderr")
	p.await("start worker process ")
	return p
}

// trust has people and cameras believe in the proxy's certificate.
func (b *behind) trust(authority string) {
	b.t.Helper()
	text, err := os.ReadFile(authority)
	require.NoError(b.t, err)
	b.authority, b.roots = authority, x509.NewCertPool()
	require.True(b.t, b.roots.AppendCertsFromPEM(text))
	b.dialer = b.from("127.0.0.1")
}

// from is how people's programs come from one address of this machine.
func (b *behind) from(address string) *http.Transport {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.roots}, DialContext: dialer.DialContext}
	b.t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// moved is the same person at another address.
func (b *behind) moved(person *client, address string) *client {
	other, web := *person, *person.http
	web.Transport = b.from(address)
	other.http = &web
	return &other
}

// requireAddress: the portal sees who the client is, whatever the client says.
func (b *behind) requireAddress(address string) {
	t := b.t
	t.Helper()
	person := b.moved(b.client(), address)
	request, err := http.NewRequest(http.MethodPost, b.url+"/api/v1/login", strings.NewReader(`{"username":"owner","password":"`+testPassword+`"}`))
	require.NoError(t, err)
	request.Header = http.Header{"Content-Type": {"application/json"}, "X-Forwarded-For": {"203.0.113.9"}}
	answer, err := person.http.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NotEmpty(t, answer.Header.Get("Strict-Transport-Security"))
	require.True(t, answer.Cookies()[0].Secure)
	status, body := person.call(http.MethodGet, "/api/v1/account/logins", nil)
	require.Equal(t, http.StatusOK, status)
	current, _ := body["logins"].([]any)[0].(map[string]any)
	require.Equal(t, address, current["address"], body)
}

// The shipped Caddyfile carries everything between a portal, its people and its cameras.
func TestCaddy(t *testing.T) {
	t.Parallel()
	b := newBehind(t)
	listen, mqtt := freeAddress(t), freeAddress(t)
	shipped, err := os.ReadFile(filepath.Join("..", "..", "configs", "Caddyfile"))
	require.NoError(t, err)
	b.startCaddy(replaced(t, string(shipped), "{$SECCAM_NAME:cameras.example.org}", "localhost", "127.0.0.1:8083", mqtt, "127.0.0.1:8080", listen))
	b.config("portal.yml", "listen: "+listen+"\ndatabase: portal.db\nmqtt_url: wss://"+b.proxy+"/mqtt\nbroker: {tcp: \"\", websocket: \""+mqtt+"\"}\n")
	b.startPortal()
	camera := b.provisionWith("testpattern", videoConfig+"ca_file: "+b.authority+"\n")
	b.startCamera(camera)
	owner := b.signUp("owner", camera)
	b.requireAddress("127.0.0.2")
	s := owner.dial("")
	require.Equal(t, signaling.StateOnline, s.awaitStatus(camera.id, true).State)
	requireWorks(t, s, camera.id, 1)
}

// What the documentation says about two portals behind Caddy, and behind nginx, holds.
func TestProxiesOfTwoPortals(t *testing.T) {
	t.Parallel()
	database := sharedDatabase(t)
	b := newBehind(t)
	first, second, mqtt := freeAddress(t), freeAddress(t), freeAddress(t)
	common := "database: " + database + "\nmqtt_url: mqtt://" + mqtt + "\n"
	b.config("portal.yml", "listen: "+first+"\n"+common+"broker: {tcp: \""+mqtt+"\"}\n")
	other := b.config("second.yml", "listen: "+second+"\n"+common+"broker_url: mqtt://"+mqtt+"\n")
	caddy := b.startCaddy(documented(t, "With Caddy:", "cameras.example.org", "localhost", "10.0.0.11:8080", first, "10.0.0.12:8080", second))
	b.startPortal()
	startSecond := func() *process {
		p := start(t, "second portal", portalBinary, "serve", "--config", other)
		p.await("signalling is up")
		return p
	}
	portal := startSecond()
	camera := b.provisionWith("testpattern", videoConfig+"ca_file: "+b.authority+"\n")
	b.startCamera(camera)
	owner := b.signUp("owner", camera)
	b.requireAddress("127.0.0.2")
	b.requireOutlives(owner, camera, portal)
	caddy.stop()

	certificate, key := writeCertificate(t, "localhost")
	b.startNginx(documented(t, "With nginx, inside `http`:", "listen 443 ssl", "listen "+port(b.proxy)+" ssl", "cameras.example.org", "localhost",
		"10.0.0.11:8080", first, "10.0.0.12:8080", second, "/etc/nginx/fullchain.pem", certificate, "/etc/nginx/privkey.pem", key))
	b.trust(certificate)
	portal = startSecond()
	b.requireAddress("127.0.0.2")
	b.requireOutlives(owner, camera, portal)
}

// documented is the first block of docs/scaling.md after some words, for this machine.
func documented(t *testing.T, after string, pairs ...string) string {
	t.Helper()
	_, rest, found := strings.Cut(readDocument(t, "docs/scaling.md"), after)
	require.True(t, found, after)
	block := regexp.MustCompile("(?s)```\n(.*?)```").FindStringSubmatch(rest)
	require.NotNil(t, block, after)
	return replaced(t, block[1], pairs...)
}

// requireOutlives: pages from many addresses are spread over both portals. One of them dies; views go on, and all pages
// find the other at their first try.
func (b *behind) requireOutlives(owner *client, camera *camera, victim *process) {
	t := b.t
	t.Helper()
	var people []*client
	var pages []*socket
	for i := range 16 {
		person := b.moved(owner, fmt.Sprintf("127.0.%d.1", i+1)) // nginx goes by the first three numbers
		people, pages = append(people, person), append(pages, person.dial(""))
	}
	view := newView(t, pages[0], camera.id, 1)
	view.offer()
	view.awaitKeyFrame()
	victim.kill()
	began := time.Now()
	view.awaitFrames(10)
	lost := 0
	for _, person := range people {
		s := person.dial("")
		s.awaitStatus(camera.id, true)
	}
	for _, page := range pages {
		select {
		case <-page.closed:
			lost++
		default:
		}
	}
	t.Logf("%d of %d pages were at the portal that died; all were at the other one after %s", lost, len(pages), time.Since(began).Round(time.Millisecond))
	require.Positive(t, lost)
	require.Less(t, lost, len(pages))
	requireWorks(t, people[0].dial(""), camera.id, 1)
}

// writeCertificate makes a certificate that signs itself, and returns its file and its key's.
func writeCertificate(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	certificate, key = filepath.Join(t.TempDir(), "fullchain.pem"), filepath.Join(t.TempDir(), "privkey.pem")
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return certificate, key
}
