package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// identity is what makes a camera of a program.
type identity struct {
	base, camera, fingerprint string
	key                       credential.Secret
}

// credential proves the key as camerad does.
func (c identity) credential(ctx context.Context) (mqttclient.Credential, error) {
	var challenge credential.Challenge
	if err := c.post(ctx, credential.ChallengePath, credential.ChallengeRequest{Camera: c.camera}, &challenge); err != nil {
		return mqttclient.Credential{}, err
	}
	proof := credential.Proof(c.key, c.camera, challenge.Nonce, c.fingerprint)
	var token credential.TokenResponse
	request := credential.TokenRequest{Camera: c.camera, Nonce: challenge.Nonce, Fingerprint: c.fingerprint, Proof: hex.EncodeToString(proof)}
	err := c.post(ctx, credential.TokenPath, request, &token)
	return mqttclient.Credential{URLs: []string{token.MQTTURL}, Username: token.Username, Password: token.Token, ClientID: token.ClientID}, err
}

func (c identity) post(ctx context.Context, path string, body, answer any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// connect keeps a camera connected, and online, until ctx ends; ready is called when it is.
func (c identity) connect(ctx context.Context, ready func()) error {
	var client *mqttclient.Client
	client, err := mqttclient.New(mqttclient.Config{
		Credentials:   c.credential,
		Subscriptions: []mqttclient.Subscription{{Filter: signaling.ToCameraFilter(c.camera)}},
		OnUp: func(ctx context.Context) {
			status := signaling.EncodeStatus(signaling.Status{Online: true, Boot: c.camera, Connection: 1, At: time.Now().UnixMilli(), Version: "1.2.3"})
			measured, _ := json.Marshal(signaling.Telemetry{V: signaling.Version, Version: "1.2.3"})
			err := errors.Join(
				client.Publish(ctx, mqttclient.Message{Topic: signaling.StatusTopic(c.camera), Payload: status, QoS: 1, Retain: true}),
				client.Publish(ctx, mqttclient.Message{Topic: signaling.TelemetryTopic(c.camera), Payload: measured, QoS: 1}),
			)
			if err == nil {
				ready()
			}
		},
		OnMessage: func(mqttclient.Message) {},
		Log:       slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	return client.Run(ctx)
}

// operatorAPI calls the admin API with a token.
func (l *lab) operatorAPI(scopes string) func(method, path string, body, answer any) {
	l.t.Helper()
	secret := regexp.MustCompile(`token:\s+(seccam_admin_\S+)`).FindStringSubmatch(l.command("admin-token", "--scope", scopes, "--name", "tests"))[1]
	leaks.secret("admin token", secret)
	return func(method, path string, body, answer any) {
		l.t.Helper()
		data, err := json.Marshal(body)
		require.NoError(l.t, err)
		request, err := http.NewRequestWithContext(l.t.Context(), method, l.url+"/api/v1/admin"+path, bytes.NewReader(data))
		require.NoError(l.t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+secret)
		response, err := http.DefaultClient.Do(request)
		require.NoError(l.t, err)
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		require.NoError(l.t, err)
		require.Equal(l.t, http.StatusOK, response.StatusCode, "%s", text)
		require.NoError(l.t, json.Unmarshal(text, answer))
	}
}

// register adds cameras as a factory's program does: their secrets stay with it, but for the keys.
func (l *lab) register(count int, call func(method, path string, body, answer any)) []identity {
	l.t.Helper()
	type camera struct {
		ID        string `json:"id"`
		ClaimHash string `json:"claim_hash"`
	}
	cameras := make([]camera, count)
	for i := range cameras {
		id := credential.NewCode()
		cameras[i] = camera{id, hex.EncodeToString(credential.HashClaimCode(id, credential.NewCode()))}
	}
	var keys struct {
		Cameras []struct {
			ID        string
			DeviceKey string `json:"device_key"`
		}
	}
	call(http.MethodPost, "/cameras", map[string]any{"batch": "fleet", "cameras": cameras}, &keys)
	identities := make([]identity, count)
	for i, c := range keys.Cameras {
		leaks.secret("device key", c.DeviceKey)
		key, err := credential.ParseSecret(c.DeviceKey)
		require.NoError(l.t, err)
		identities[i] = identity{l.url, c.ID, credential.FingerprintOf([]byte(c.ID)), key}
	}
	return identities
}

// Two hundred cameras, added by the admin API, connect to one portal, each by its own key.
func TestFleetConnects(t *testing.T) {
	const count = 200
	l := newLabWith(t, "127.0.0.1", "metrics: 127.0.0.1:0\n")
	call := l.operatorAPI("fleet:read,fleet:provision,fleet:keys")
	cameras := l.register(count, call)

	ctx, stop := context.WithCancel(t.Context())
	var running errgroup.Group
	defer func() { stop(); assert.NoError(t, running.Wait()) }()
	thief := cameras[0]
	thief.key = cameras[1].key
	_, err := thief.credential(ctx)
	require.ErrorContains(t, err, "401", "another camera's key is worth nothing")
	var connected sync.WaitGroup
	for _, camera := range cameras {
		connected.Add(1)
		running.Go(func() error { return camera.connect(ctx, sync.OnceFunc(connected.Done)) })
	}
	connected.Wait()
	require.Eventually(t, func() bool { return l.figure("seccam_portal_cameras_online") == count },
		patience, 50*time.Millisecond, "all are online")
	require.Positive(t, l.figure("seccam_portal_http_requests_total"))

	var list struct {
		Total   int
		Cameras []struct {
			Fingerprint string
			Presence    struct{ Online bool }
		}
	}
	call(http.MethodGet, "/cameras?batch=fleet&per_page=5", nil, &list)
	assert.Equal(t, count, list.Total)
	require.Len(t, list.Cameras, 5)
	assert.NotEmpty(t, list.Cameras[0].Fingerprint, "each has shown its certificate")
	assert.True(t, list.Cameras[0].Presence.Online)
	assert.Len(t, strings.Split(strings.TrimSpace(l.command("cameras", "export")), "\n"), count+1)
	require.Eventually(t, func() bool {
		call(http.MethodGet, "/cameras?version=1.2.3", nil, &list)
		return list.Total == count
	}, patience, 200*time.Millisecond, "what they say of themselves is heard")

	// One of them is revoked: it is cut off, and stays out until it has a new key.
	first := cameras[0]
	l.command("cameras", "revoke", first.camera)
	l.portal.await(`msg=revoked subject=\S*` + first.camera)
	_, err = first.credential(ctx)
	require.ErrorContains(t, err, "401")
	l.command("cameras", "rotate-key", first.camera, "--out", filepath.Join(l.dir, "rotated"))
	leaks.file(filepath.Join(l.dir, "rotated", "device.key"))
	first.key, err = credential.LoadSecret(filepath.Join(l.dir, "rotated", "device.key"))
	require.NoError(t, err)
	_, err = first.credential(ctx)
	require.NoError(t, err)
}
