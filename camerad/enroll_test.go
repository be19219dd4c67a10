package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// enrolPortal answers new cameras as a portal does: the one token is for the first camera that shows it.
type enrolPortal struct {
	*httptest.Server
	key    credential.Secret
	broken atomic.Bool // the answer is lost

	mu       sync.Mutex
	requests []credential.EnrolRequest
}

// asked is what was asked so far.
func (p *enrolPortal) asked() []credential.EnrolRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func newEnrolPortal(t *testing.T) *enrolPortal {
	t.Helper()
	p := &enrolPortal{key: credential.NewSecret()}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request credential.EnrolRequest
		if r.URL.Path != credential.EnrolPath || json.NewDecoder(r.Body).Decode(&request) != nil {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		p.mu.Lock()
		p.requests = append(p.requests, request)
		first := p.requests[0]
		p.mu.Unlock()
		switch {
		case request.Token != "good" || request.Camera != first.Camera:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"title":"Enrolment token refused","detail":"This enrolment token does not hold."}`))
		case p.broken.Load():
			panic(http.ErrAbortHandler)
		default:
			_ = json.NewEncoder(w).Encode(credential.EnrolResponse{Camera: request.Camera, DeviceKey: p.key.Hex()})
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func enroll(t *testing.T, config, input string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	io := console{ctx: t.Context(), in: strings.NewReader(input), out: &out, errors: &out, environ: nil}
	err := execute(io, append([]string{"--config", config, "enroll"}, args...))
	return out.String(), err
}

func TestEnroll(t *testing.T) {
	t.Parallel()
	p := newEnrolPortal(t)
	config := filepath.Join(t.TempDir(), "camerad.yml")
	p.broken.Store(true)
	_, err := enroll(t, config, "good\n", p.URL)
	require.ErrorContains(t, err, "not enrolled")
	p.broken.Store(false)
	out, err := enroll(t, config, "good\n", p.URL+"/", "--name", "Front door")
	require.NoError(t, err)
	require.Len(t, p.asked(), 2)
	assert.Equal(t, p.asked()[0].Camera, p.asked()[1].Camera, "the same camera asks again")
	assert.Equal(t, p.asked()[0].Fingerprint, p.asked()[1].Fingerprint)
	assert.Equal(t, "Front door", p.asked()[1].Name)
	assert.Contains(t, out, "camerad run --config "+config)
	assert.NotContains(t, out, p.key.Hex())

	cfg, err := loadConfig(config, nil)
	require.NoError(t, err)
	have, err := cfg.loadEnrolment()
	require.NoError(t, err)
	assert.Equal(t, p.asked()[0].Camera, have.camera)
	assert.Equal(t, p.URL, have.portal.String())
	assert.True(t, have.key == p.key)
	for _, secret := range []string{cfg.DeviceKeyFile, filepath.Join(cfg.StateDir, credential.CertificateFile), filepath.Join(cfg.StateDir, credential.PairingCodeFile)} {
		info, err := os.Stat(secret)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), secret)
	}
	assert.NoFileExists(t, filepath.Join(cfg.StateDir, enrollingName))

	out, err = enroll(t, config, "", p.URL)
	require.NoError(t, err)
	assert.Contains(t, out, "enrolled already")
	require.Len(t, p.asked(), 2, "nobody is asked again")
	_, err = enroll(t, config, "", "https://other.example.org")
	require.ErrorContains(t, err, "already; to move it")
}

// What an operator wrote into the configuration stays.
func TestEnrollKeepsTheConfiguration(t *testing.T) {
	t.Parallel()
	p := newEnrolPortal(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "camerad.yml")
	before := "# mine\nportal_url: \"\"\n\n# The pattern.\nsource: testpattern # for now\nstate_dir: st\ndevice_key_file: key"
	require.NoError(t, os.WriteFile(config, []byte(before), 0o640))
	token := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(token, []byte("good\n"), 0o600))
	_, err := enroll(t, config, "", p.URL, "--token-file", token)
	require.NoError(t, err)
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	assert.Equal(t, "# mine\nportal_url: \""+p.URL+"\"\n\n# The pattern.\nsource: testpattern # for now\nstate_dir: st\ndevice_key_file: key\ncamera_id: \""+p.asked()[0].Camera+"\"\n", string(text))
	info, err := os.Stat(config)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

func TestEnrollRefusals(t *testing.T) {
	t.Parallel()
	p := newEnrolPortal(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "camerad.yml")
	for _, url := range []string{"cameras.example.org", "ftp://x", "https://x/path", "http://cameras.example.org"} {
		_, err := enroll(t, config, "good\n", url)
		require.ErrorAs(t, err, &configError{}, url)
	}
	_, err := enroll(t, config, "bad\n", p.URL)
	require.ErrorContains(t, err, "This enrolment token does not hold")
	_, err = enroll(t, config, "", p.URL)
	require.ErrorContains(t, err, "no enrolment token")
	assert.NoFileExists(t, config)

	other := filepath.Join(t.TempDir(), "camerad.yml")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(other), "device.key"), nil, 0o600))
	_, err = enroll(t, other, "good\n", p.URL)
	require.ErrorContains(t, err, "of another camera")
}
