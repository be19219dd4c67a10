package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/alert"
	"seccam/portal/breach"
	"seccam/portal/configure"
	"seccam/portal/factor"
	"seccam/portal/fleet"
	"seccam/portal/store"
	"seccam/portal/store/storetest"
	"seccam/portal/whep"
)

const password = "correct horse 1"

var master = credential.NewSecret()

// portal is the web package on a real store and account service, with everything else faked.
type portal struct {
	t        *testing.T
	store    *store.Store
	accounts *account.Service
	presence *fakePresence
	revoked  *fakeRevoker
	signals  *fakeSignals
	devices  *fakeDevices
	cameras  *fakeCameras
	mqtt     *fakeMQTT
	mail     *fakeMail
	clock    *clock
	log      *safeBuffer
	alerts   *alert.Service
	configs  *configure.Service
	server   *server
	url      string
	path     string // of the database
	forgiven int
}

// Spend and Restore are the store's, over keys that nobody has used since the test last forgave.
func (p *portal) Spend(ctx context.Context, throttle store.Throttle, key string) (time.Duration, error) {
	return p.store.Spend(ctx, throttle, strconv.Itoa(p.forgiven)+" "+key)
}

func (p *portal) Restore(ctx context.Context, throttle store.Throttle, key string) error {
	return p.store.Restore(ctx, throttle, strconv.Itoa(p.forgiven)+" "+key)
}

// deafBroker takes what is published, for nobody.
type deafBroker struct{}

// Publish implements configure.Publisher.
func (deafBroker) Publish(context.Context, mqttclient.Message) error { return nil }

// forgive gives everybody their bursts back: the test is not about them.
func (p *portal) forgive() {
	p.forgiven++
	p.server.limits = newLimits(p, p.clock.now, p.server.Figures)
}

func newPortal(t *testing.T) *portal { return newPortalWith(t, func(*Config) {}) }

func newPortalWith(t *testing.T, change func(*Config)) *portal {
	t.Helper()
	p := &portal{t: t, mail: &fakeMail{t: t}, clock: &clock{start: time.Now()}, log: &safeBuffer{}, revoked: &fakeRevoker{}, devices: &fakeDevices{}, cameras: newFakeCameras(t)}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	var err error
	p.path = storetest.Prepared(t, storetest.By(store.Open))
	p.store, err = store.Open(t.Context(), p.path, p.clock.now)
	require.NoError(t, err)
	p.presence = &fakePresence{store: p.store, of: map[string]signaling.Presence{}, now: p.clock.now}
	p.signals = newFakeSignals(p)
	p.accounts, err = account.New(p.store, p.presence, p.revoked, p.clock.now, log,
		account.WithMail(p.mail, publicOrigin), account.WithBreached(&breach.List{}))
	require.NoError(t, err)
	p.alerts = alert.New(alert.Config{Store: p.store, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Now: p.clock.now, Log: log})
	p.mqtt = newFakeMQTT(p, log)
	p.configs = configure.New(p.store, deafBroker{}, p.clock.now, log)
	listener := httptest.NewUnstartedServer(nil)
	p.url = "http://" + listener.Listener.Addr().String()
	cfg := Config{PublicURL: p.url}
	change(&cfg)
	public, err := url.Parse(cfg.PublicURL)
	require.NoError(t, err)
	factors, err := factor.New(p.store, master, public, p.clock.now, log)
	require.NoError(t, err)
	factors.OnChange(p.accounts.FactorChanged)
	p.server, err = newServer(cfg, Deps{
		Accounts: p.accounts, Factors: factors, Logins: p.store.Logins(), Presence: p.presence, Cameras: p.cameras, Signals: p.signals, Devices: p.devices,
		Watching: whep.New(p.mqtt.hub, p.presence, log),
		Alerts:   p.alerts, Throttles: p, Configs: p.configs, Fleet: fleet.New(p.store, master),
		Ready: p.store.Ping, Now: p.clock.now, Log: log,
	})
	require.NoError(t, err)
	listener.Config.Handler = p.server.echo
	listener.Start()
	t.Cleanup(func() {
		p.signals.closeAll()
		listener.Close()
		p.mqtt.hub.Close()
		p.mqtt.talking.Wait()
		require.NoError(t, p.store.Close())
	})
	return p
}

// camera provisions a camera and returns its id and claim code.
func (p *portal) camera() (id, code string) {
	p.t.Helper()
	id, code = credential.NewCode(), credential.NewCode()
	require.NoError(p.t, p.store.Provision(p.t.Context(), id, credential.HashClaimCode(id, code)))
	return id, code
}

// member is a person with a finished sign-up, a camera that was seen, and a client logged in.
func (p *portal) member(name string) (*client, string) {
	p.t.Helper()
	id, code := p.camera()
	c := p.client()
	user, err := p.accounts.SignUp(p.t.Context(), account.SignUpForm{
		Username: name, CameraID: id, ClaimCode: code, Password: password, PasswordConfirm: password,
	})
	require.NoError(p.t, err)
	p.presence.set(id, online())
	require.NoError(p.t, p.accounts.Confirm(p.t.Context(), user.ID))
	require.Equal(p.t, http.StatusSeeOther, c.post("/login", fields("username", name, "password", password)).status)
	return c, id
}

// newcomer is a person with an unfinished sign-up, and its camera.
func (p *portal) newcomer(name string) (*client, string) {
	p.t.Helper()
	id, code := p.camera()
	c := p.client()
	require.Equal(p.t, http.StatusSeeOther, c.post("/signup", signUpForm(name, id, code)).status)
	return c, id
}

// secondCamera claims one more camera for a member.
func (p *portal) secondCamera(c *client, name string) string {
	p.t.Helper()
	id, code := p.camera()
	answer := c.post("/cameras/new", fields("camera_id", id, "claim_code", code, "name", name))
	require.Equal(p.t, http.StatusSeeOther, answer.status, answer.body)
	return id
}

// pin makes a certificate the one of an owned camera.
func (p *portal) pin(camera, fingerprint string) {
	p.t.Helper()
	require.NoError(p.t, p.store.ReportFingerprint(p.t.Context(), camera, fingerprint))
}

// revocations are the subjects that the database says were revoked.
func (p *portal) revocations() (subjects []string) {
	p.t.Helper()
	list, err := p.store.RevocationsAfter(p.t.Context(), 0)
	require.NoError(p.t, err)
	for _, r := range list {
		subjects = append(subjects, r.Subject)
	}
	return subjects
}

// ownership is what the owner's views of a camera are by.
func (p *portal) ownership(camera string) string {
	p.t.Helper()
	c, err := p.store.CameraByID(p.t.Context(), camera)
	require.NoError(p.t, err)
	return c.Ownership()
}

// fields makes a form of names and values in turn.
func fields(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

func signUpForm(name, camera, code string) url.Values {
	return fields("username", name, "camera_id", camera, "claim_code", code, "password", password, "password_confirm", password)
}

func online() signaling.Presence {
	return signaling.Presence{Online: true, State: signaling.StateOnline, Text: "Online"}
}

func offline(text string) signaling.Presence {
	return signaling.Presence{State: signaling.StateOffline, Text: text}
}

// client is a browser without a screen: it keeps cookies and does not follow redirects.
type client struct {
	guest bool // it has the cookie of a guest link
	p     *portal
	http  *http.Client
	head  http.Header
	host  string // what it says the host is, if not the portal's
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (p *portal) client() *client {
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	transport := &http.Transport{}
	p.t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{p: p, head: http.Header{}, http: &http.Client{Jar: jar, Transport: transport, CheckRedirect: stay}}
}

func (c *client) do(method, path, contentType string, body io.Reader) reply {
	c.p.t.Helper()
	req, err := http.NewRequestWithContext(c.p.t.Context(), method, c.p.url+path, body)
	require.NoError(c.p.t, err)
	for name, values := range c.head {
		req.Header[name] = values
	}
	req.Host = c.host
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	require.NoError(c.p.t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(c.p.t, err)
	checkAnswer(c.p.t, req, resp, data)
	return reply{resp.StatusCode, resp.Header, string(data)}
}

func (c *client) get(path string) reply {
	c.p.t.Helper()
	return c.do(http.MethodGet, path, "", nil)
}

func (c *client) post(path string, values url.Values) reply {
	c.p.t.Helper()
	return c.do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
}

// api calls the JSON API and decodes the answer into out, if that is not nil.
func (c *client) api(method, path string, in, out any) reply {
	c.p.t.Helper()
	var body io.Reader
	contentType := ""
	if in != nil {
		data, err := json.Marshal(in)
		require.NoError(c.p.t, err)
		body, contentType = bytes.NewReader(data), "application/json"
	}
	answer := c.do(method, apiPrefix+path, contentType, body)
	if out != nil {
		require.NoError(c.p.t, json.Unmarshal([]byte(answer.body), out), answer.body)
	}
	return answer
}

// cookie is the login cookie that the client has, "" without one.
func (c *client) cookie() string {
	u, err := url.Parse(c.p.url)
	require.NoError(c.p.t, err)
	for _, cookie := range c.http.Jar.Cookies(u) {
		if cookie.Name == "seccam_session" {
			return cookie.Value
		}
	}
	return ""
}
