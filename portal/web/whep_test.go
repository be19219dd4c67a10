package web

import (
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

const (
	whepOffer    = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=mid:0\r\n"
	whepFragment = "a=ice-ufrag:u\r\na=ice-pwd:p\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:9 1 udp 1 192.0.2.9 9 typ host\r\n"
)

// token creates a view token and returns its id and itself.
func (c *client) token(camera string) tokenBody {
	c.p.t.Helper()
	var body tokenBody
	answer := c.api(http.MethodPost, "/cameras/"+camera+"/tokens", object{"name": "Player"}, &body)
	require.Equal(c.p.t, http.StatusCreated, answer.status, answer.body)
	return body
}

// player is a program with a token and no cookie; with "" it has nothing.
func (p *portal) player(token string) *client {
	c := p.client()
	if token != "" {
		c.head.Set("Authorization", "Bearer "+token)
	}
	return c
}

func (c *client) offer(path string) reply {
	c.p.t.Helper()
	return c.do(http.MethodPost, path, mimeSDP, strings.NewReader(whepOffer))
}

func (c *client) patch(location, ifMatch, fragment string) reply {
	c.p.t.Helper()
	if ifMatch != "" {
		c.head.Set("If-Match", ifMatch)
		defer c.head.Del("If-Match")
	}
	return c.do(http.MethodPatch, location, mimeFragment, strings.NewReader(fragment))
}

func (c *client) code(answer reply) string {
	c.p.t.Helper()
	require.Equal(c.p.t, "application/problem+json", answer.header.Get("Content-Type"), answer.body)
	_, code, _ := strings.Cut(answer.body, problemURN)
	code, _, _ = strings.Cut(code, `"`)
	return code
}

// The three ways to show a right, each from the offer to the end.
func TestWHEPConversation(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	token := owner.token(camera)
	address := apiPrefix + "/cameras/" + camera + "/whep"
	for name, tc := range map[string]struct {
		client *client
		path   string
		grant  string
	}{
		"bearer":        {p.player(token.Token), address, "view-" + camera + "-" + token.ID},
		"token in path": {p.player(""), apiPrefix + "/whep/" + token.Token, "view-" + camera + "-" + token.ID},
		"cookie":        {owner, address, p.ownership(camera)},
	} {
		t.Run(name, func(t *testing.T) {
			c := tc.client
			p.mqtt.took()
			answer := c.offer(tc.path)
			require.Equal(t, http.StatusCreated, answer.status, answer.body)
			assert.Equal(t, mimeSDP, answer.header.Get("Content-Type"))
			assert.Equal(t, whepOffer+"a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\na=end-of-candidates\r\n", answer.body)
			assert.Equal(t, mimeFragment, answer.header.Get("Accept-Patch"))
			assert.Equal(t, []string{
				`<stun:stun.example.org>; rel="ice-server"`,
				`<turn:turn.example.org>; rel="ice-server"; username="us\"er"; credential="pass\\word"; credential-type="password"`,
				`<turns:turn.example.org>; rel="ice-server"; username="us\"er"; credential="pass\\word"; credential-type="password"`,
			}, answer.header.Values("Link"))
			location, etag := answer.header.Get("Location"), answer.header.Get("ETag")
			assert.Equal(t, tc.path, path.Dir(location))
			assert.Regexp(t, `^"\w+"$`, etag)
			heard := p.mqtt.took()
			require.Len(t, heard, 1)
			assert.Equal(t, camera, heard[0].camera)
			assert.Equal(t, signaling.RoleViewer, heard[0].Role, "view only")
			assert.Equal(t, tc.grant, heard[0].Grant)

			assert.Equal(t, http.StatusNoContent, c.patch(location, etag, whepFragment).status)
			assert.Equal(t, "candidate:9 1 udp 1 192.0.2.9 9 typ host", p.mqtt.took()[0].Candidate.Candidate)
			assert.Equal(t, http.StatusPreconditionRequired, c.patch(location, "", whepFragment).status)
			assert.Equal(t, http.StatusPreconditionFailed, c.patch(location, `"old"`, whepFragment).status)
			renewed := strings.Replace(whepFragment, "ice-ufrag:u", "ice-ufrag:v", 1)
			assert.Equal(t, http.StatusUnprocessableEntity, c.patch(location, etag, renewed).status)
			restarted := c.patch(location, "*", renewed)
			require.Equal(t, http.StatusOK, restarted.status, restarted.body)
			assert.Equal(t, mimeFragment, restarted.header.Get("Content-Type"))
			assert.NotEqual(t, etag, restarted.header.Get("ETag"))
			assert.Contains(t, restarted.body, "a=ice-ufrag:v\r\na=ice-pwd:p\r\nm=video")
			assert.Equal(t, http.StatusPreconditionFailed, c.patch(location, etag, renewed).status)

			p.mqtt.took()
			assert.Equal(t, http.StatusOK, c.do(http.MethodDelete, location, "", nil).status)
			assert.Equal(t, signaling.TypeBye, p.mqtt.took()[0].Type)
			assert.Equal(t, http.StatusNotFound, c.do(http.MethodDelete, location, "", nil).status)
			assert.Equal(t, http.StatusNotFound, c.patch(location, "*", whepFragment).status)
		})
	}
}

func TestWHEPRefusals(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	player := p.player(owner.token(camera).Token)
	for name, tc := range map[string]struct {
		change func()
		status int
		code   string
		retry  string
	}{
		"offline": {func() { p.presence.set(camera, offline("Offline: the camera was shut down")) }, http.StatusConflict, "camera-offline", "10"},
		"never online": {func() {
			p.presence.set(camera, signaling.Presence{State: signaling.StateNever, Text: "Not connected yet"})
		}, http.StatusConflict, "camera-offline", "10"},
		"private":    {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodePrivate, 0) }) }, http.StatusConflict, "camera-private", "60"},
		"no picture": {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodeSourceLost, 5) }) }, http.StatusConflict, "no-picture", "5"},
		"busy":       {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodeBusy, 10) }) }, http.StatusServiceUnavailable, "camera-busy", "10"},
		"unpaired":   {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodeUnpaired, 0) }) }, http.StatusForbidden, "only-paired-devices", ""},
		"no codec":   {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodeNoCodec, 0) }) }, http.StatusUnprocessableEntity, "no-common-codec", ""},
		"bad SDP":    {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodeBadMessage, 0) }) }, http.StatusBadRequest, "bad-sdp", ""},
		"broken":     {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing(signaling.CodeInternal, 5) }) }, http.StatusServiceUnavailable, "not-connected", "5"},
		"odd":        {func() { p.mqtt.set(func(f *fakeMQTT) { f.handle = refusing("new", 0) }) }, http.StatusBadGateway, "camera-failed", ""},
		"no broker":  {func() { p.mqtt.set(func(f *fakeMQTT) { f.down = true }) }, http.StatusServiceUnavailable, "not-connected", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.change()
			answer := player.offer(apiPrefix + "/cameras/" + camera + "/whep")
			assert.Equal(t, tc.status, answer.status, answer.body)
			assert.Equal(t, tc.code, player.code(answer))
			assert.Equal(t, tc.retry, answer.header.Get("Retry-After"))
			p.presence.set(camera, online())
			p.mqtt.set(func(f *fakeMQTT) { f.handle, f.down = answering, false })
		})
	}
	p.mqtt.hub.Close()
	assert.Equal(t, http.StatusServiceUnavailable, player.offer(apiPrefix+"/cameras/"+camera+"/whep").status)
}

func TestWHEPBodies(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	player, address := p.player(owner.token(camera).Token), apiPrefix+"/cameras/"+camera+"/whep"
	answer := player.offer(address)
	location, etag := answer.header.Get("Location"), answer.header.Get("ETag")
	p.mqtt.took()
	big := strings.Repeat("a=x\r\n", signaling.MaxSDP/5+1)
	player.head.Set("If-Match", etag)
	for name, tc := range map[string]struct {
		method, path, media, body string
		status                    int
	}{
		"an offer as JSON":        {http.MethodPost, address, "application/json", whepOffer, http.StatusUnsupportedMediaType},
		"an offer without a type": {http.MethodPost, address, "", whepOffer, http.StatusUnsupportedMediaType},
		"an offer that is large":  {http.MethodPost, address, mimeSDP, whepOffer + big, http.StatusRequestEntityTooLarge},
		"a very large one":        {http.MethodPost, address, mimeSDP, strings.Repeat(big, 20), http.StatusRequestEntityTooLarge},
		"no offer":                {http.MethodPost, address, mimeSDP, "hello", http.StatusBadRequest},
		"an empty one":            {http.MethodPost, address, mimeSDP, "", http.StatusBadRequest},
		"a fragment as an offer":  {http.MethodPatch, location, mimeSDP, whepFragment, http.StatusUnsupportedMediaType},
		"a large fragment":        {http.MethodPatch, location, mimeFragment, whepFragment + big, http.StatusRequestEntityTooLarge},
		"no fragment":             {http.MethodPatch, location, mimeFragment, "hello", http.StatusBadRequest},
		"GET":                     {http.MethodGet, address, "", "", http.StatusMethodNotAllowed},
		"PUT":                     {http.MethodPut, location, "", "", http.StatusMethodNotAllowed},
	} {
		assert.Equal(t, tc.status, player.do(tc.method, tc.path, tc.media, strings.NewReader(tc.body)).status, name)
	}
	assert.Equal(t, "OPTIONS, POST", player.get(address).header.Get("Allow"))
	assert.Empty(t, p.mqtt.took())
	utf8 := player.do(http.MethodPost, address, mimeSDP+"; charset=utf-8", strings.NewReader(whepOffer))
	assert.Equal(t, http.StatusCreated, utf8.status, "a parameter does no harm")
}

func TestWHEPOptions(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	token := owner.token(camera).Token
	address, byPath := apiPrefix+"/cameras/"+camera+"/whep", apiPrefix+"/whep/"
	for name, tc := range map[string]struct {
		client *client
		path   string
		links  int
	}{
		"nobody":               {p.player(""), address, 0},
		"owner's cookie":       {owner, address, 0},
		"token":                {p.player(token), address, 3},
		"token in path":        {p.player(""), byPath + token, 3},
		"not a token":          {p.player("x"), address, 0},
		"not a token in path":  {p.player(""), byPath + "x", 0},
		"no camera":            {p.player(""), apiPrefix + "/cameras/x/whep", 0},
		"another's camera":     {p.player(token), apiPrefix + "/cameras/x/whep", 0},
		"the view of a camera": {p.player(token), address + "/x", 0},
		"the view of a token":  {p.player(""), byPath + token + "/x", 0},
	} {
		answer := tc.client.do(http.MethodOptions, tc.path, "", nil)
		assert.Equal(t, http.StatusNoContent, answer.status, name)
		assert.Len(t, answer.header.Values("Link"), tc.links, name)
		assert.Equal(t, "*", answer.header.Get("Access-Control-Allow-Origin"), name)
		assert.Empty(t, answer.header.Get("Access-Control-Allow-Credentials"), name)
	}
	assert.Equal(t, mimeSDP, p.client().do(http.MethodOptions, address, "", nil).header.Get("Accept-Post"))
	assert.Equal(t, mimeFragment, p.client().do(http.MethodOptions, address+"/x", "", nil).header.Get("Accept-Patch"))
}

// A view that the camera ended is gone.
func TestWHEPViewThatTheCameraEnds(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	player := p.player(owner.token(camera).Token)
	answer := player.offer(apiPrefix + "/cameras/" + camera + "/whep")
	location := answer.header.Get("Location")
	topic := signaling.Topic{Kind: signaling.KindToViewer, Camera: camera, Portal: "p1", Session: signaling.SessionID(path.Base(location))}
	p.mqtt.says(topic, signaling.Message{Type: signaling.TypeBye, Reason: signaling.ReasonFailed})
	assert.Equal(t, http.StatusNotFound, player.patch(location, answer.header.Get("ETag"), whepFragment).status)
	assert.Equal(t, http.StatusNotFound, player.do(http.MethodDelete, location, "", nil).status)
}

func TestWHEPIsThrottled(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	player, address := p.player(owner.token(camera).Token), apiPrefix+"/cameras/"+camera+"/whep"
	p.presence.set(camera, offline("Offline"))
	for range watchBurst {
		require.Equal(t, http.StatusConflict, player.offer(address).status)
	}
	late := player.offer(address)
	assert.Equal(t, http.StatusTooManyRequests, late.status)
	assert.NotEmpty(t, late.header.Get("Retry-After"))

	// Guessing is throttled by address; a right token is not.
	guesser := p.player("")
	for range tokenBurst {
		guesser.offer(apiPrefix + "/whep/view_" + strings.Repeat("a", 26))
	}
	assert.Equal(t, http.StatusTooManyRequests, guesser.offer(apiPrefix+"/whep/x").status)
	p.presence.set(camera, online())
	p.clock.advance(watchEvery)
	assert.Equal(t, http.StatusCreated, player.offer(address).status)
}

func TestViewTokensByAPI(t *testing.T) {
	t.Parallel()
	p := newPortal(t)
	owner, camera := p.member("owner")
	list := func() []tokenBody {
		var body struct{ Tokens []tokenBody }
		require.Equal(t, http.StatusOK, owner.api(http.MethodGet, "/cameras/"+camera+"/tokens", nil, &body).status)
		return body.Tokens
	}
	require.Empty(t, list())
	end := p.clock.now().Add(time.Hour).UTC().Truncate(time.Second)
	var made tokenBody
	answer := owner.api(http.MethodPost, "/cameras/"+camera+"/tokens", object{"name": "Hall", "expires_at": end}, &made)
	require.Equal(t, http.StatusCreated, answer.status)
	assert.Equal(t, apiPrefix+"/cameras/"+camera+"/tokens/"+made.ID, answer.header.Get("Location"))
	assert.Equal(t, p.url+apiPrefix+"/cameras/"+camera+"/whep", made.URL)
	assert.Equal(t, p.url+apiPrefix+"/whep/"+made.Token, made.TokenURL)
	for _, wrong := range []object{{}, {"name": " "}, {"name": "x", "expires_at": "2001-01-01T00:00:00Z"}} {
		assert.Equal(t, http.StatusUnprocessableEntity, owner.api(http.MethodPost, "/cameras/"+camera+"/tokens", wrong, nil).status)
	}
	assert.Equal(t, http.StatusBadRequest, owner.api(http.MethodPost, "/cameras/"+camera+"/tokens", object{"name": "x", "expires_at": "tomorrow"}, nil).status)

	tokens := list()
	require.Len(t, tokens, 1)
	assert.Equal(t, "Hall", tokens[0].Name)
	assert.True(t, tokens[0].ExpiresAt.Equal(end))
	assert.Nil(t, tokens[0].LastUsedAt)
	assert.Empty(t, tokens[0].Token, "it is shown once")
	require.Equal(t, http.StatusCreated, p.player("").offer(apiPrefix+"/whep/"+made.Token).status)
	require.NotNil(t, list()[0].LastUsedAt)

	p.clock.advance(2 * time.Hour)
	assert.Equal(t, http.StatusNotFound, p.player("").offer(apiPrefix+"/whep/"+made.Token).status)
	require.Len(t, list(), 1, "expired, and still seen")
	assert.Equal(t, http.StatusNoContent, owner.api(http.MethodDelete, "/cameras/"+camera+"/tokens/"+made.ID, nil, nil).status)
	assert.Equal(t, http.StatusNotFound, owner.api(http.MethodDelete, "/cameras/"+camera+"/tokens/"+made.ID, nil, nil).status)
	require.Empty(t, list())
}
