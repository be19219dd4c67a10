package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// whipWhep is where .ci/deps installs a WHEP client that nobody here wrote.
const whipWhep = root + "/.tools/node_modules/whip-whep/whep.js"

// foreignPage is a page of another site that plays with that client when it is told to; %q are the address
// and the token.
const foreignPage = `<!doctype html><video muted autoplay playsinline></video><script type="module">
import { WHEPClient } from './whep.js';
const pc = new RTCPeerConnection();
const stream = new MediaStream();
for (const kind of ['video', 'audio']) pc.addTransceiver(kind, { direction: 'recvonly' });
pc.ontrack = ({ track }) => stream.addTrack(track);
window.client = new WHEPClient();
window.view = () => {
	document.querySelector('video').srcObject = stream; // before it, the page counts as loaded
	return client.view(pc, %q, %q).then(() => '', String);
};
</script>`

// otherSite serves the page and the client to a browser, from an origin that is not the portal's.
func otherSite(t *testing.T, endpoint, token string) string {
	t.Helper()
	client, err := os.ReadFile(whipWhep)
	require.NoError(t, err, "install it with: .ci/deps test")
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/whep.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(client)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, foreignPage, endpoint, token)
	}))
	t.Cleanup(site.Close)
	return site.URL
}

// Medooze's whip-whep in Chromium, on another site's page: with the token as Bearer, and in the address.
func TestWHEPWithWhipWhepInChromium(t *testing.T) {
	_, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	for name, site := range map[string]string{
		"bearer": otherSite(t, token.url, token.secret), "token in the path": otherSite(t, token.tokenURL, ""),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPage(t)
			p.open(site)
			require.Empty(t, eval[string](p, `view()`))
			p.await(isPlaying)
			p.awaitAdvance(30)
			eval[any](p, `client.stop().then(() => 0)`)
			c.process.await(`viewer left.*reason=left|viewer gone.*viewers=0`)
		})
	}
	revoked := newPage(t)
	status, _ := person.call("DELETE", "/api/v1/cameras/"+c.id+"/tokens/"+token.id, nil)
	require.Equal(t, http.StatusNoContent, status)
	revoked.open(otherSite(t, token.url, token.secret))
	require.Contains(t, eval[string](revoked, `view()`), "401", "the page of another site sees why")
}

// GStreamer's webrtcbin, which has its own ICE, DTLS and jitter buffer; testdata/whep.py is the few lines of
// HTTP around it, that Debian's GStreamer has no element for.
func TestWHEPWithGStreamer(t *testing.T) {
	_, c, person := newHousehold(t)
	token := person.viewToken(c.id, 0)
	script := filepath.Join("testdata", "whep.py")
	for name, args := range map[string][]string{"bearer": {token.url, token.secret}, "token in the path": {token.tokenURL}} {
		t.Run(name, func(t *testing.T) {
			output, err := exec.Command("timeout", append([]string{"60", "/usr/bin/python3", script}, args...)...).CombinedOutput()
			require.NoError(t, err, "%s", output)
			require.Contains(t, string(output), "60 pictures decoded")
		})
	}
}
