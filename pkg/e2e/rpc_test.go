package e2e

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// call runs Debian's mosquitto_rr and returns the payload of the reply.
func (l *lab) call(user, token, camera, method, payload string, more ...string) ([]byte, error) {
	l.t.Helper()
	host, port, _ := strings.Cut(l.mqtt, ":")
	args := []string{
		"-V", "5", "-h", host, "-p", port, "-u", user, "-P", token, "-i", user, "-W", "15", "-N",
		"-t", signaling.RPCTopic(camera, method), "-e", signaling.ReplyTopic(camera, user), "-m", payload,
	}
	var complaints bytes.Buffer
	cmd := exec.Command("mosquitto_rr", append(args, more...)...)
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &complaints)
	}
	return output, err
}

// refusalIn reads an error reply.
func refusalIn(t *testing.T, payload []byte) *signaling.Error {
	t.Helper()
	var reply signaling.ErrorReply
	require.NoError(t, json.Unmarshal(payload, &reply), "%.200q", payload)
	require.NotNil(t, reply.Error, "%s", payload)
	require.NotEmpty(t, reply.Error.Message)
	return reply.Error
}

func TestMosquittoTakesAPicture(t *testing.T) {
	l, c, _ := newHousehold(t)
	user, token, _ := l.token("--camera", c.id, "--snapshot", "--rpc")
	for _, width := range []int{128, 320} {
		picture, err := l.call(user, token, c.id, "snapshot", fmt.Sprintf(`{"v":1,"width":%d}`, width))
		require.NoError(t, err)
		decoded, err := jpeg.Decode(bytes.NewReader(picture))
		require.NoError(t, err, "%.60q", picture)
		require.Equal(t, width, decoded.Bounds().Dx())
	}
	for payload, code := range map[string]signaling.Code{
		"hello": signaling.CodeBadMessage, "{}": signaling.CodeBadMessage, `{"v":7}`: signaling.CodeVersion, `{"v":1,"width":7}`: signaling.CodeBadMessage,
	} {
		reply, err := l.call(user, token, c.id, "snapshot", payload)
		require.NoError(t, err)
		require.Equal(t, code, refusalIn(t, reply).Code, payload)
	}
}

// A picture is media and a tool's token does not bring it; privacy mode is nobody's but the owner's.
func TestToolWithoutTheRightToAPicture(t *testing.T) {
	w := newTwo(t)
	publish := func(user, token, camera, method string) string {
		host, port, _ := strings.Cut(w.mqtt, ":")
		output, _ := exec.Command("mosquitto_pub", "-V", "5", "-h", host, "-p", port, "-u", user, "-P", token, "-i", user, "-q", "1", "-d",
			"-t", signaling.RPCTopic(camera, method), "-m", `{"v":1}`, "-D", "publish", "response-topic", signaling.ReplyTopic(camera, user)).CombinedOutput()
		return string(output)
	}
	const refused = `rc135|(?i)not authori[sz]ed`
	for name, tc := range map[string]struct {
		rights []string
		may    map[string]bool
	}{
		"none":     {nil, map[string]bool{}},
		"rpc":      {[]string{"--rpc"}, map[string]bool{"ping": true}},
		"snapshot": {[]string{"--snapshot"}, map[string]bool{"snapshot": true}},
		"restart":  {[]string{"--restart"}, map[string]bool{"restart": true}},
		"all":      {[]string{"--rpc", "--snapshot", "--restart"}, map[string]bool{"ping": true, "snapshot": true, "restart": true}},
	} {
		t.Run(name, func(t *testing.T) {
			user, token, _ := w.token(append([]string{"--camera", w.mine.id}, tc.rights...)...)
			for _, method := range []string{"ping", "snapshot", "restart", "privacy", "nonsense"} {
				output := publish(user, token, w.mine.id, method)
				if tc.may[method] {
					require.NotRegexp(t, refused, output, method)
				} else {
					require.Regexp(t, refused, output, method)
				}
				require.Regexp(t, refused, publish(user, token, w.theirs.id, method), "another's camera")
			}
		})
	}
}

// open is the page's half of a sealed picture; docs/asyncapi.yaml says how.
func open(t *testing.T, key *ecdh.PrivateKey, sealed []byte, camera string) []byte {
	t.Helper()
	point, nonce, box := sealed[:65], sealed[65:77], sealed[77:]
	public, err := ecdh.P256().NewPublicKey(point)
	require.NoError(t, err)
	secret, err := key.ECDH(public)
	require.NoError(t, err)
	info := "seccam snapshot v1" + camera + string(point) + string(key.PublicKey().Bytes())
	aesKey, err := hkdf.Key(sha256.New, secret, nil, info, 32)
	require.NoError(t, err)
	block, err := aes.NewCipher(aesKey)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	picture, err := gcm.Open(nil, nonce, box, nil)
	require.NoError(t, err)
	return picture
}

// bytes sends JSON to the API and returns the status and the raw body.
func (c *client) bytes(method, path string, body any) (int, []byte, http.Header) {
	c.t.Helper()
	data, err := json.Marshal(body)
	require.NoError(c.t, err)
	req, err := http.NewRequest(method, c.base+path, bytes.NewReader(data))
	require.NoError(c.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	require.NoError(c.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, answer, resp.Header
}

func TestOwnersSnapshotIsSealed(t *testing.T) {
	w := newTwo(t)
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	request := map[string]any{"width": 320, "key": base64.StdEncoding.EncodeToString(key.PublicKey().Bytes())}
	path := "/api/v1/cameras/" + w.mine.id + "/snapshot"
	status, sealed, header := w.me.bytes("POST", path, request)
	require.Equal(t, http.StatusOK, status, "%s", sealed)
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	require.NotContains(t, string(sealed), "\xff\xd8\xff", "a JPEG begins so")
	decoded, err := jpeg.Decode(bytes.NewReader(open(t, key, sealed, w.mine.id)))
	require.NoError(t, err)
	require.Equal(t, 320, decoded.Bounds().Dx())

	status, _, _ = w.them.bytes("POST", path, request)
	require.Equal(t, http.StatusNotFound, status)
	status, answer := w.me.call("POST", path, map[string]any{"width": 320})
	require.Equal(t, http.StatusUnprocessableEntity, status, answer)
}

// privacy sets a camera's privacy mode through the portal.
func (c *client) privacy(camera string, on bool) {
	c.t.Helper()
	status, answer := c.call("PUT", "/api/v1/cameras/"+camera+"/privacy", map[string]any{"on": on})
	require.Equal(c.t, http.StatusOK, status, answer)
	require.Equal(c.t, on, answer["active"])
}

// awaitState waits until a camera's presence is in a state.
func (s *socket) awaitState(camera, state string) signaling.Presence {
	s.t.Helper()
	for {
		if m := s.await(signaling.TypeStatus); m.Camera == camera && m.Presence.State == state {
			return *m.Presence
		}
	}
}

// Privacy mode ends what is watched, refuses what comes, and holds over a restart of the camera while
// the portal is away.
func TestPrivacyMode(t *testing.T) {
	l, c, person := newHousehold(t)
	s, watching := person.dial(""), person.dial("")
	v := newView(t, watching, c.id, 1)
	v.offer()
	v.awaitKeyFrame()
	person.privacy(c.id, true)
	select {
	case m := <-v.ended:
		require.Equal(t, signaling.TypeBye, m.Type)
		require.Equal(t, signaling.ReasonPrivate, m.Reason)
	case <-time.After(patience):
		t.Fatal("the view goes on in privacy mode")
	}
	require.Equal(t, "Privacy mode is on", s.awaitState(c.id, signaling.StatePrivate).Text)
	s.send(signaling.Message{Type: signaling.TypeOffer, Session: s.viewer.Session(1), Camera: c.id, SDP: v.pc.LocalDescription().SDP})
	refusal(t, s, signaling.CodePrivate)
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	status, answer := person.call("POST", "/api/v1/cameras/"+c.id+"/snapshot", map[string]any{"key": key.PublicKey().Bytes()})
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, answer["detail"], "Privacy mode is on")
	user, token, _ := l.token("--camera", c.id, "--snapshot")
	reply, err := l.call(user, token, c.id, "snapshot", `{"v":1}`)
	require.NoError(t, err)
	require.Equal(t, signaling.CodePrivate, refusalIn(t, reply).Code)

	c.process.stop()
	l.portal.stop()
	c.process = start(t, "camerad", cameradBinary, "run", "--config", c.config)
	c.process.await(`(?i)privacy mode is on`)
	l.startPortal()
	c.process.await(`connected to the portal's broker`)
	again := person.dial("")
	again.awaitState(c.id, signaling.StatePrivate)
	person.privacy(c.id, false)
	again.awaitState(c.id, signaling.StateOnline)
	requireWorks(t, again, c.id, 1)
}

func TestPrivacyOfAnOfflineCamera(t *testing.T) {
	_, c, person := newHousehold(t)
	s := person.dial("")
	c.process.stop()
	s.awaitStatus(c.id, false)
	status, answer := person.call("PUT", "/api/v1/cameras/"+c.id+"/privacy", map[string]any{"on": true})
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, answer["detail"], "Nothing was changed")
}

// asPortal runs a client with a credential that only a portal can make.
func (l *lab) asPortal(instance string) *mqttclient.Client {
	l.t.Helper()
	return l.asPortalThatHears(instance, nil)
}

// asPortalThatHears also gets what cameras send to the viewers of that portal.
func (l *lab) asPortalThatHears(instance string, hear func(mqttclient.Message)) *mqttclient.Client {
	l.t.Helper()
	signing, err := credential.LoadSecret(filepath.Join(l.dir, "mqtt.key"))
	require.NoError(l.t, err)
	keys := credential.NewKeys(signing.Derive("seccam key id v1").Hex()[:8], signing)
	who := credential.Identity{Role: credential.RolePortal, ID: instance}
	up := make(chan struct{}, 1)
	client, err := mqttclient.New(mqttclient.Config{
		Credentials: func(context.Context) (mqttclient.Credential, error) {
			token, _, err := keys.Issue(who, credential.PortalRules(instance), 0, time.Now(), time.Hour)
			return mqttclient.Credential{URLs: []string{l.mqttURL}, Username: who.Subject(), Password: token, ClientID: who.Subject()}, err
		},
		Subscriptions: []mqttclient.Subscription{{Filter: signaling.RepliesFilter(who.Subject())}, {Filter: signaling.ToViewerFilter(instance)}},
		OnMessage:     hear,
		OnUp: func(context.Context) {
			select {
			case up <- struct{}{}:
			default: // again: the portal was restarted
			}
		},
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(l.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = client.Run(ctx) })
	l.t.Cleanup(func() { cancel(); group.Wait() })
	select {
	case <-up:
	case <-time.After(patience):
		l.t.Fatal("not connected")
	}
	return client
}

// Abuse 25: what switched privacy mode off once, recorded by whoever can listen in between, does not
// do it again: not after a newer change, not after a restart of the camera, not with another stamp.
func TestAbuse25_ReplayedRequest(t *testing.T) {
	l, c, person := newHousehold(t)
	replayer := l.asPortal("replayer")
	send := func(seq int64) []byte {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		reply, err := replayer.Request(ctx, mqttclient.Message{
			Topic: signaling.RPCTopic(c.id, signaling.MethodPrivacy), ResponseTopic: signaling.ReplyTopic(c.id, "portal-replayer"),
			Payload: fmt.Appendf(nil, `{"v":1,"seq":%d,"settings":{"on":false}}`, seq),
		})
		require.NoError(t, err)
		require.Equal(t, signaling.ContentJSON, reply.ContentType)
		return reply.Payload
	}
	off := time.Now().UnixMicro()
	require.NotContains(t, string(send(off)), "error", "as it was sent the first time")
	person.privacy(c.id, true)
	stamps := []int64{off, off + 1, 0, time.Now().Add(-2 * time.Minute).UnixMicro(), time.Now().Add(2 * time.Minute).UnixMicro()}
	for _, seq := range stamps {
		require.Equal(t, signaling.CodeReplayed, refusalIn(t, send(seq)).Code, "stamp %d", seq)
	}
	c.process.stop()
	l.startCamera(c)
	require.Equal(t, signaling.CodeReplayed, refusalIn(t, send(off)).Code, "after a restart")
	require.Eventually(t, func() bool { // the portal hears of the restart in its own time
		status, answer := person.call("GET", "/api/v1/cameras/"+c.id+"/privacy", nil)
		return status == http.StatusOK && answer["active"] == true
	}, patience, 50*time.Millisecond)
	require.Regexp(t, regexp.MustCompile(`privacy mode changed.*camera=`+c.id), l.portal.text())
}
