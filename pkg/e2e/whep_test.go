package e2e

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// player is a program that watches by WHEP, with a pion connection.
type player struct {
	*view
	endpoint, bearer string // bearer is empty where the endpoint has the token in it
	location, etag   string
}

// viewToken is what the portal answers to a new one.
type viewToken struct{ id, secret, url, tokenURL string }

// viewToken lets a program watch one of the person's cameras; zero is for ever.
func (c *client) viewToken(camera string, life time.Duration) viewToken {
	c.t.Helper()
	form := map[string]any{"name": "Player"}
	if life != 0 {
		form["expires_at"] = time.Now().Add(life)
	}
	status, body := c.call("POST", "/api/v1/cameras/"+camera+"/tokens", form)
	require.Equal(c.t, http.StatusCreated, status, body)
	field := func(name string) string { return body[name].(string) }
	// The portal's configuration says port 0; it is the system that chose one.
	here := func(address string) string {
		u, err := url.Parse(address)
		require.NoError(c.t, err)
		return c.base + u.Path
	}
	return viewToken{field("id"), field("token"), here(field("url")), here(field("token_url"))}
}

func newPlayer(t *testing.T, endpoint, bearer string, cfg webrtc.Configuration) *player {
	t.Helper()
	packets := make(chan *rtp.Packet, 4096)
	p := &player{
		view:     &view{t: t, packets: packets, ended: make(chan signaling.Message)},
		endpoint: endpoint, bearer: bearer,
	}
	p.pc = newPeer(t, cfg, into(packets))
	t.Cleanup(func() { _ = p.pc.Close() })
	return p
}

// request is one of the player's, as programs send them: without cookies or Origin.
func (p *player) request(method, address, media, body, ifMatch string) (*http.Response, string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	require.NoError(p.t, err)
	for name, value := range map[string]string{"Content-Type": media, "If-Match": ifMatch} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp, string(answer)
}

const sdpMedia, fragmentMedia = "application/sdp", "application/trickle-ice-sdpfrag"

// post sends the present offer and takes the answer.
func (p *player) post() {
	p.t.Helper()
	resp, answer := p.request("POST", p.endpoint, sdpMedia, p.pc.LocalDescription().SDP, "")
	require.Equal(p.t, http.StatusCreated, resp.StatusCode, answer)
	at, err := resp.Location()
	require.NoError(p.t, err)
	p.location, p.etag = at.String(), resp.Header.Get("ETag")
	require.NoError(p.t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
}

// gathered makes an offer that has all of the player's candidates.
func (p *player) gathered(options *webrtc.OfferOptions) {
	p.t.Helper()
	done := webrtc.GatheringCompletePromise(p.pc)
	offer, err := p.pc.CreateOffer(options)
	require.NoError(p.t, err)
	require.NoError(p.t, p.pc.SetLocalDescription(offer))
	<-done
}

// watch does what go2rtc's client does: one POST with all candidates, and nothing else.
func (p *player) watch() {
	p.t.Helper()
	p.gathered(nil)
	p.post()
	p.awaitKeyFrame()
}

// awaitEnd returns how long it took until no more picture came.
func (v *view) awaitEnd() time.Duration {
	v.t.Helper()
	began, last := time.Now(), time.Now()
	const silence = time.Second
	for {
		select {
		case <-v.packets:
			last = time.Now()
			require.Less(v.t, last.Sub(began), patience, "the picture goes on")
		case <-time.After(silence):
			return last.Sub(began)
		}
	}
}

// fragmentOf is an SDP fragment with the description's credentials and these lines.
func fragmentOf(description string, lines ...string) string {
	kept := []string{}
	for _, line := range strings.Split(description, "\r\n") {
		if strings.HasPrefix(line, "a=ice-ufrag:") || strings.HasPrefix(line, "a=ice-pwd:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(append(append(kept[:2:2], "m=video 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0"), lines...), "\r\n") + "\r\n"
}

// Without Authorization, and without a word at the end, as go2rtc's client and so Home Assistant's.
func TestWHEPAsGo2rtcDoes(t *testing.T) {
	_, c, person := newHousehold(t)
	p := newPlayer(t, person.viewToken(c.id, 0).tokenURL, "", webrtc.Configuration{})
	p.watch()
	p.awaitFrames(30)
	require.NoError(t, p.pc.Close())
	c.process.await(`viewer gone.*viewers=0`)
	require.Eventually(t, func() bool {
		resp, _ := p.request("PATCH", p.location, fragmentMedia, "a=ice-ufrag:u\r\na=ice-pwd:p\r\n", "*")
		return resp.StatusCode == http.StatusNotFound
	}, patience, 20*time.Millisecond, "the view is gone at the portal, too")
}

// As MediaMTX's client: servers first, an offer without candidates, a PATCH for each, and a DELETE.
func TestWHEPAsMediaMTXDoes(t *testing.T) {
	_, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	p := newPlayer(t, token.url, token.secret, webrtc.Configuration{})
	resp, _ := p.request("OPTIONS", p.endpoint, "", "", "")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.Equal(t, sdpMedia, resp.Header.Get("Accept-Post"))
	candidates := make(chan *webrtc.ICECandidate, 64)
	p.pc.OnICECandidate(func(candidate *webrtc.ICECandidate) { candidates <- candidate })
	offer, err := p.pc.CreateOffer(nil)
	require.NoError(t, err)
	resp, answer := p.request("POST", p.endpoint, sdpMedia, offer.SDP, "")
	require.Equal(t, http.StatusCreated, resp.StatusCode, answer)
	require.Equal(t, fragmentMedia, resp.Header.Get("Accept-Patch"))
	require.Contains(t, answer, "a=end-of-candidates")
	at, err := resp.Location()
	require.NoError(t, err)
	p.location, p.etag = at.String(), resp.Header.Get("ETag")
	require.NoError(t, p.pc.SetLocalDescription(offer))
	// The camera is told nothing of itself, so that it has to use what comes by PATCH.
	bare := strings.Join(without(strings.SplitAfter(answer, "\r\n"), "a=candidate"), "")
	require.NoError(t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: bare}))
	for candidate := <-candidates; candidate != nil; candidate = <-candidates {
		resp, body := p.request("PATCH", p.location, fragmentMedia, fragmentOf(offer.SDP, "a="+candidate.ToJSON().Candidate), p.etag)
		require.Equal(t, http.StatusNoContent, resp.StatusCode, body)
	}
	p.awaitKeyFrame()
	p.awaitFrames(10)
	resp, _ = p.request("DELETE", p.location, "", "", "")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	c.process.await(`viewer left.*reason=left`)
	p.awaitEnd()
}

func without(lines []string, prefix string) (kept []string) {
	for _, line := range lines {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	return kept
}

func TestWHEPRestartsICE(t *testing.T) {
	_, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	p := newPlayer(t, token.url, token.secret, webrtc.Configuration{})
	p.watch()
	before := p.pc.RemoteDescription().SDP
	p.gathered(&webrtc.OfferOptions{ICERestart: true})
	offer := p.pc.LocalDescription().SDP
	var mine []string
	for _, line := range strings.Split(offer, "\r\n") {
		if strings.HasPrefix(line, "a=candidate") {
			mine = append(mine, line)
		}
	}
	resp, fragment := p.request("PATCH", p.location, fragmentMedia, fragmentOf(offer, mine...), "*")
	require.Equal(t, http.StatusOK, resp.StatusCode, fragment)
	require.NotEqual(t, p.etag, resp.Header.Get("ETag"))

	// The answer is the old one with what the fragment says (RFC 9725 section 4.3.3).
	var renewed, candidates []string
	for _, line := range strings.Split(fragment, "\r\n") {
		switch {
		case strings.HasPrefix(line, "a=ice-"):
			renewed = append(renewed, line)
		case strings.HasPrefix(line, "a=candidate"):
			candidates = append(candidates, line)
		}
	}
	require.Len(t, renewed, 2)
	require.NotContains(t, before, renewed[0])
	require.NotEmpty(t, candidates)
	answer := without(strings.Split(before, "\r\n"), "a=candidate")
	for i, line := range answer {
		for _, credential := range renewed {
			if name, _, _ := strings.Cut(credential, ":"); strings.HasPrefix(line, name+":") {
				answer[i] = credential
			}
		}
	}
	states := make(chan webrtc.ICEConnectionState, 16)
	p.pc.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) { states <- state })
	require.NoError(t, p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: strings.Join(answer, "\r\n")}))
	for _, candidate := range candidates {
		require.NoError(t, p.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: strings.TrimPrefix(candidate, "a=")}))
	}
	for state := range states {
		if state == webrtc.ICEConnectionStateConnected || state == webrtc.ICEConnectionStateCompleted {
			break
		}
	}
	for len(p.packets) > 0 {
		<-p.packets
	}
	p.awaitFrames(20)
	resp, _ = p.request("PATCH", p.location, fragmentMedia, fragmentOf(offer), p.etag)
	require.Equal(t, http.StatusPreconditionFailed, resp.StatusCode)
}

func TestWHEPOfACameraThatIsAway(t *testing.T) {
	_, c, person := newHousehold(t)
	s := person.dial("")
	p := newPlayer(t, person.viewToken(c.id, 0).tokenURL, "", webrtc.Configuration{})
	p.gathered(nil)
	person.privacy(c.id, true)
	resp, body := p.request("POST", p.endpoint, sdpMedia, p.pc.LocalDescription().SDP, "")
	require.Equal(t, http.StatusConflict, resp.StatusCode)
	require.Contains(t, body, "Privacy mode is on")
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	person.privacy(c.id, false)
	resp, body = p.request("POST", p.endpoint, sdpMedia, "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n", "")
	require.Equal(t, http.StatusBadRequest, resp.StatusCode, "what the camera cannot read: %s", body)
	p.post()
	p.awaitKeyFrame()
	c.process.stop()
	s.awaitStatus(c.id, false)
	resp, body = p.request("POST", p.endpoint, sdpMedia, p.pc.LocalDescription().SDP, "")
	require.Equal(t, http.StatusConflict, resp.StatusCode, body)
	require.Equal(t, "10", resp.Header.Get("Retry-After"))
}
