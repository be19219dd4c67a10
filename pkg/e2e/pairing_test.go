package e2e

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// camerad runs one of camerad's commands beside the daemon and returns its output.
func (c *camera) command(args ...string) string {
	c.t.Helper()
	output, err := exec.Command(cameradBinary, append([]string{"--config", c.config}, args...)...).CombinedOutput()
	require.NoError(c.t, err, "camerad %v: %s", args, output)
	return string(output)
}

// pairingCode is what the camera's label says besides id and claim code.
func (c *camera) pairingCode() string {
	c.t.Helper()
	found := regexp.MustCompile(`pairing code\s+(\S+)`).FindStringSubmatch(c.command("pairing"))
	require.NotNil(c.t, found)
	return found[1]
}

const pairingState = `document.getElementById('main').dataset.state`

func inState(state string) string { return fmt.Sprintf(`%s === %q`, pairingState, state) }

// pair pairs a page's browser by the camera's code.
func (p *page) pair(person *client, c *camera) {
	p.t.Helper()
	p.openAs(person, "/cameras/"+c.id+"/pairing")
	p.await(inState("unpaired"))
	p.fill("#pairing-code", c.pairingCode())
	p.click("#pair")
	p.await(inState("paired"))
}

// switchOnly sets "only my paired devices".
func (p *page) switchOnly(words string) {
	p.t.Helper()
	p.click("#only")
	p.await(fmt.Sprintf(`document.getElementById('only-note').innerText.includes(%q)`, words))
}

const isRefusedUnpaired = `document.querySelector('#player').dataset.state === 'refused' && document.querySelector('#overlay-text').innerText.includes('paired')`

// A person pairs their browser and lets only that watch: another browser of the same account is refused with
// words, also after the camera was restarted; a second device is added by the first; at the camera it ends.
func TestPairedViewing(t *testing.T) {
	_, c, person := newHousehold(t)
	watch := "/cameras/" + c.id
	own, other := newPage(t), newPage(t)
	other.openAs(person, watch)
	other.await(isLive)

	own.pair(person, c)
	own.screenshot("paired")
	own.switchOnly("From now on")
	other.await(isRefusedUnpaired) // while it watched
	own.openAs(person, watch)
	own.await(isLive + ` && ` + isPlaying)

	c.process.stop()
	own.await(`document.querySelector('#player').dataset.state === 'offline'`)
	l := &lab{t: t}
	l.startCamera(c)
	own.await(isLive) // by itself, with the certificate that it keeps
	other.openAs(person, watch)
	other.await(isRefusedUnpaired)
	other.screenshot("refused")
	status, answer := person.call("POST", "/api/v1/cameras/"+c.id+"/snapshot", map[string]any{"key": pointOf(t)})
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, answer["type"], "only-paired-devices")

	// The second one shows a code, which is typed on the first.
	other.openAs(person, watch+"/pairing")
	other.await(inState("unpaired"))
	own.openAs(person, watch+"/pairing")
	own.await(inState("paired"))
	own.fill("#new-code", eval[string](other, `document.getElementById('own-code').textContent`))
	own.fill("#new-name", "Kitchen")
	own.click("#add")
	other.await(inState("paired"))
	code := `document.querySelector('#compare [data-camera-code]').textContent`
	require.Equal(t, eval[string](own, `document.querySelector('#add-compare [data-camera-code]').textContent`), eval[string](other, code))
	other.click("#same")
	other.openAs(person, watch)
	other.await(isLive)
	own.await(`document.querySelectorAll('#devices li').length === 2`)
	own.screenshot("two")
	for range 2 { // it asks once more
		own.click("#devices li:last-child button")
	}
	other.await(isRefusedUnpaired)

	c.command("pairing", "off")
	other.openAs(person, watch)
	other.await(isLive)
}

// pointOf is a page's key for a picture.
func pointOf(t *testing.T) []byte {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	return key.PublicKey().Bytes()
}

// repin changes which certificate the portal's database names, as who controls it can.
func (l *lab) repin(camera, before, now string) {
	l.t.Helper()
	l.portal.stop()
	s, err := store.Open(l.t.Context(), filepath.Join(l.dir, "portal.db"), nil)
	require.NoError(l.t, err)
	owner, err := s.UserByName(l.t.Context(), "owner")
	require.NoError(l.t, err)
	require.NoError(l.t, s.ReportFingerprint(l.t.Context(), camera, now))
	require.NoError(l.t, s.AcceptFingerprint(l.t.Context(), owner.ID, camera, before, now))
	require.NoError(l.t, s.Close())
	l.startPortal()
}

// A portal and a broker under someone else's control: they have every key of the server, publish what they
// like, read all that passes by, and change the database.
func TestHostilePortalSeesNothing(t *testing.T) {
	l, c, person := newHousehold(t)
	own := newPage(t)
	own.pair(person, c)
	own.switchOnly("From now on")
	own.openAs(person, "/cameras/"+c.id)
	own.await(isLive)

	heard := make(chan signaling.Message, 64)
	hostile := l.asPortalThatHears("hostile", func(m mqttclient.Message) {
		if message, err := signaling.Decode(m.Payload); err == nil && message.Type != signaling.TypeCandidate {
			heard <- message
		}
	})
	viewer := signaling.ViewerID(strings.Repeat("0", 12) + credential.NewCode())
	publish := func(n int, m signaling.Message) signaling.Message {
		t.Helper()
		m.V, m.Session, m.Seq, m.Role = signaling.Version, viewer.Session(n), uint64(time.Now().UnixMicro()), signaling.RoleOwner
		payload, err := json.Marshal(m)
		require.NoError(t, err)
		topic := signaling.Topic{Kind: signaling.KindToCamera, Camera: c.id, Portal: "hostile", Session: m.Session}
		require.NoError(t, hostile.Publish(t.Context(), mqttclient.Message{Topic: topic.String(), Payload: payload}))
		select {
		case answer := <-heard:
			return answer
		case <-time.After(patience):
			t.Fatal("the camera says nothing")
			panic("unreachable")
		}
	}
	offer := offerOf(t)
	answer := publish(1, signaling.Message{Type: signaling.TypeOffer, SDP: offer})
	require.Equal(t, signaling.TypeError, answer.Type)
	require.Equal(t, signaling.CodeUnpaired, answer.Error.Code)

	// With the fingerprint of the device that is paired, which the portal can read in its offers.
	paired := regexp.MustCompile(`"fingerprint":"([0-9A-F:]+)"`).FindStringSubmatch(readFile(t, filepath.Join(c.folder, "state", "pairing.json")))[1]
	line := regexp.MustCompile(`a=fingerprint:sha-256 [0-9A-F:]+`)
	both := strings.Replace(offer, line.FindString(offer), line.FindString(offer)+"\r\na=fingerprint:sha-256 "+paired, 1)
	require.Equal(t, signaling.CodeUnpaired, publish(2, signaling.Message{Type: signaling.TypeOffer, SDP: both}).Error.Code)
	forged := line.ReplaceAllString(offer, "a=fingerprint:sha-256 "+paired)
	require.Equal(t, signaling.TypeAnswer, publish(3, signaling.Message{Type: signaling.TypeOffer, SDP: forged}).Type, "who is at the other end DTLS will tell")

	for _, width := range []int{64, 640} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		reply, err := hostile.Request(ctx, mqttclient.Message{
			Topic: signaling.RPCTopic(c.id, signaling.MethodSnapshot), ResponseTopic: signaling.ReplyTopic(c.id, "portal-hostile"),
			Payload: fmt.Appendf(nil, `{"v":1,"width":%d}`, width),
		})
		cancel()
		require.NoError(t, err)
		require.Equal(t, signaling.CodeUnpaired, refusalIn(t, reply.Payload).Code)
	}

	// The portal names another certificate as the camera's: the browser knows better, and was told by the camera
	// itself when it was paired.
	status, identity := person.call("GET", "/api/v1/cameras/"+c.id+"/identity", nil)
	require.Equal(t, http.StatusOK, status)
	swapped := credential.FingerprintOf([]byte("the attacker's"))
	l.repin(c.id, identity["pinned"].(string), swapped)
	own.openAs(person, "/cameras/"+c.id)
	own.await(`document.querySelector('#player').dataset.state === 'refused' && document.querySelector('#overlay-text').innerText.includes('seen')`)

	l.repin(c.id, swapped, identity["pinned"].(string))
	own.openAs(person, "/cameras/"+c.id)
	own.await(isLive + ` && ` + isPlaying)
	assert.Contains(t, c.command("pairing"), "paired devices only")
	assert.NotContains(t, l.portal.text(), strings.ReplaceAll(strings.ToLower(c.pairingCode()), "-", ""))
}

// A factory reset at the camera: its owner sees another camera, and nothing of the pairing is left.
func TestFactoryResetIsNoticed(t *testing.T) {
	l, c, person := newHousehold(t)
	own := newPage(t)
	own.pair(person, c)
	own.switchOnly("From now on")
	code := c.pairingCode()
	c.process.stop()
	c.command("factory-reset", "--yes")
	l.startCamera(c)
	require.NotEqual(t, code, c.pairingCode())
	own.openAs(person, "/cameras/"+c.id)
	own.await(`document.querySelector('#player').dataset.state === 'refused' && !document.querySelector('#identity-link').hidden`)
	own.click("#identity-link")
	own.await(`location.pathname.endsWith('/identity') && document.querySelector('#accept-form')`)
	printed := strings.Fields(c.command("fingerprint"))
	require.Equal(t, strings.Join(printed[:8], ""), eval[string](own, `document.querySelector('#new-print').innerText.replace(/\s/g, '')`))
	own.fill("#confirm", printed[7])
	own.click("#accept")
	own.await(`location.search === '?done=identity'`)
	own.openAs(person, "/cameras/"+c.id)
	own.await(isLive)
	own.openAs(person, "/cameras/"+c.id+"/pairing")
	own.await(inState("unpaired")) // the page is told that the camera does not know it any more
}

// offerOf is an offer of somebody with a certificate of their own.
func offerOf(t *testing.T) string {
	t.Helper()
	pc := newPeer(t, webrtc.Configuration{}, func(*rtp.Packet) {})
	defer func() { _ = pc.Close() }()
	offer, err := pc.CreateOffer(nil)
	require.NoError(t, err)
	return offer.SDP
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

// With "only my paired devices" on, every other way to watch ends and says why: a share, a guest link, another
// program; and off again, each is what it was.
func TestOnlyPairedEndsEveryOtherWay(t *testing.T) {
	n := newNeighbours(t)
	_, secret, guest := n.guest(time.Hour)
	require.NotEmpty(t, secret)
	_, byShare := n.watchMine(n.them, 1)
	_, byLink := n.watchAsGuest(guest)
	program := newPlayer(t, n.me.viewToken(n.mine.id, 0).tokenURL, "", webrtc.Configuration{})
	program.watch()

	own := newPage(t)
	own.pair(n.me, n.mine)
	own.switchOnly("From now on")
	for name, v := range map[string]*view{"share": byShare, "guest": byLink} {
		m := <-v.ended
		require.Equal(t, signaling.ReasonUnpaired, m.Reason, name)
	}
	require.Less(t, program.awaitEnd(), cutWithin)

	for name, s := range map[string]*socket{"share": n.them.dial(""), "guest": guest.dial("?as=guest")} {
		v := newView(t, s, n.mine.id, 7)
		v.offer()
		m := <-v.ended
		require.Equal(t, signaling.TypeError, m.Type, name)
		require.Equal(t, signaling.CodeUnpaired, m.Error.Code, name)
	}
	again := newPlayer(t, program.endpoint, "", webrtc.Configuration{})
	again.gathered(nil)
	resp, answer := again.request("POST", again.endpoint, sdpMedia, again.pc.LocalDescription().SDP, "")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	require.Contains(t, answer, "only-paired-devices")

	own.switchOnly("can watch again")
	n.watchMine(n.them, 8)
}
