package e2e

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
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

// identity is what a provisioned camera's folder makes it.
type identity struct {
	base, camera, fingerprint string
	key                       credential.Secret
}

var labelFingerprint = regexp.MustCompile(`&fp=([\w-]+)`)

func readIdentity(t *testing.T, base, folder string) identity {
	t.Helper()
	key, err := credential.LoadSecret(filepath.Join(folder, "device.key"))
	require.NoError(t, err)
	label, err := os.ReadFile(filepath.Join(folder, "label.txt"))
	require.NoError(t, err)
	fingerprint, err := credential.ParseFingerprint(labelFingerprint.FindStringSubmatch(string(label))[1])
	require.NoError(t, err)
	return identity{base, filepath.Base(folder), fingerprint, key}
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
	return mqttclient.Credential{URL: token.MQTTURL, Username: token.Username, Password: token.Token, ClientID: token.ClientID}, err
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
			status := signaling.EncodeStatus(signaling.Status{Online: true, Boot: c.camera, Connection: 1, At: 1, Version: "1.2.3"})
			if client.Publish(ctx, mqttclient.Message{Topic: signaling.StatusTopic(c.camera), Payload: status, QoS: 1, Retain: true}) == nil {
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

// The cameras of one batch connect to one portal, each by the key in its own folder.
func TestFleetConnects(t *testing.T) {
	const count = 20
	l := newLabWith(t, "127.0.0.1", "metrics: 127.0.0.1:0\n")
	l.command("cameras", "provision", "--out", filepath.Join(l.dir, "fleet"), "--count", itoa(count), "--name", "fleet", "--source", "testpattern")
	folders, err := filepath.Glob(filepath.Join(l.dir, "fleet", "*", "device.key"))
	require.NoError(t, err)
	require.Len(t, folders, count)

	ctx, stop := context.WithCancel(t.Context())
	var running errgroup.Group
	defer func() { stop(); assert.NoError(t, running.Wait()) }()
	var connected sync.WaitGroup
	var first identity
	for i, file := range folders {
		leaks.file(file)
		camera := readIdentity(t, l.url, filepath.Dir(file))
		if i == 0 {
			first = camera
		} else if i == 1 {
			camera := camera
			camera.key = first.key
			_, err := camera.credential(ctx)
			require.ErrorContains(t, err, "401", "another camera's key is worth nothing")
		}
		connected.Add(1)
		running.Go(func() error { return camera.connect(ctx, sync.OnceFunc(connected.Done)) })
	}
	connected.Wait()
	require.Eventually(t, func() bool { return l.figure("seccam_portal_cameras_online") == count },
		patience, 50*time.Millisecond, "all are online")

	var list struct {
		Total   int
		Cameras []struct{ Batch, Fingerprint string }
	}
	require.NoError(t, json.Unmarshal([]byte(l.command("cameras", "list", "--json", "--batch", "fleet", "--limit", "5")), &list))
	assert.Equal(t, count, list.Total)
	require.Len(t, list.Cameras, 5)
	assert.NotEmpty(t, list.Cameras[0].Fingerprint, "each has shown its certificate")
	table := l.command("cameras", "export")
	assert.Len(t, strings.Split(strings.TrimSpace(table), "\n"), count+1)

	// One of them is revoked: it is cut off, and stays out until it has a new key.
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
