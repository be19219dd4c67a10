package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// release is camerad as another release, which is one byte from that under test.
func release(t *testing.T, version string) []byte {
	t.Helper()
	require.Len(t, version, len(testRelease))
	binary, err := os.ReadFile(cameradBinary)
	require.NoError(t, err)
	return bytes.ReplaceAll(binary, []byte(testRelease), []byte(version))
}

// shop is where releases are had.
type shop struct {
	t      *testing.T
	folder string
	key    minisign.PrivateKey
	url    string
	public string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	public, private, err := minisign.GenerateKey(rand.Reader)
	require.NoError(t, err)
	s := &shop{t: t, folder: t.TempDir(), key: private, public: public.String()}
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "stable"), 0o700))
	server := httptest.NewServer(http.FileServer(http.Dir(s.folder)))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *shop) publish(version string, binary []byte) {
	s.t.Helper()
	sum := sha256.Sum256(binary)
	manifest, err := json.Marshal(map[string]any{
		"product": "camerad", "channel": "stable", "os": runtime.GOOS, "arch": runtime.GOARCH, "version": version, "file": "camerad-" + version,
		"size": len(binary), "sha256": hex.EncodeToString(sum[:]), "percent": 100,
	})
	require.NoError(s.t, err)
	name := fmt.Sprintf("camerad-%s-%s.json", runtime.GOOS, runtime.GOARCH)
	for file, data := range map[string][]byte{"camerad-" + version: binary, name: manifest, name + ".minisig": minisign.Sign(s.key, manifest)} {
		require.NoError(s.t, os.WriteFile(filepath.Join(s.folder, "stable", file), data, 0o600))
	}
}

// asSystemd starts a program again whenever it ends, as the unit does.
const asSystemd = `trap 'kill $p; wait $p; exit 0' TERM; while :; do "$@" & p=$!; wait $p; done`

// updated is a camera under a supervisor.
type updated struct {
	*lab
	*camera
	shop        *shop
	user, token string
}

// trial sets how long a new release has.
func (u *updated) trial(limit string) {
	u.lab.t.Helper()
	text, err := os.ReadFile(u.config)
	require.NoError(u.lab.t, err)
	kept, _, _ := strings.Cut(string(text), "\nupdate:")
	kept += fmt.Sprintf("\nupdate: {url: %q, public_key: %q, trial: %s}\n", u.shop.url, u.shop.public, limit)
	require.NoError(u.lab.t, os.WriteFile(u.config, []byte(kept), 0o600))
}

// apply installs what the shop has, and has camerad restarted.
func (u *updated) apply() {
	u.lab.t.Helper()
	output, err := exec.Command(cameradBinary, "--config", u.config, "update", "apply").CombinedOutput()
	require.NoError(u.lab.t, err, "%s", output)
	request := fmt.Sprintf(`{"v":1,"what":"daemon","seq":%d}`, time.Now().UnixMicro())
	reply, err := u.call(u.user, u.token, u.id, signaling.MethodRestart, request)
	require.NoError(u.lab.t, err, "%s", reply)
	require.Contains(u.lab.t, string(reply), "camerad restarts")
}

// TestUpdate tries really different programs: a release that works, one that never becomes healthy, and one
// that crashes. The last two are taken back by themselves.
func TestUpdate(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	u := &updated{lab: l, camera: l.provision(), shop: newShop(t)}
	u.trial("60s")
	u.user, u.token, _ = l.token("--camera", u.id, "--restart")
	p := start(t, "camerad", "sh", "-c", asSystemd, "supervisor", cameradBinary, "run", "--config", u.config)
	u.process = p
	p.await(`camerad starts" version=7\.41\.5`)
	p.await(`connected to the portal's broker`)

	u.shop.publish("7.41.6", release(t, "7.41.6"))
	u.apply()
	p.await(`camerad starts" version=7\.41\.6`)
	p.await(`update: camerad 7\.41\.6 works`)

	u.trial("5s")
	u.shop.publish("7.41.7", []byte("#!/bin/sh\nexec sleep 1000\n"))
	u.apply()
	p.await(`update: camerad 7\.41\.7 was taken back: it was not connected with a picture within 5s`)

	u.shop.publish("7.41.8", []byte("#!/bin/sh\nexit 1\n"))
	u.apply()
	p.await(`update: camerad 7\.41\.8 was taken back: it ended by itself 3 times`)
	require.Equal(t, 3, strings.Count(p.text(), `camerad starts" version=7.41.6`), "it runs again each time")
	output, err := exec.Command(cameradBinary, "--config", u.config, "update", "check").CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "This is camerad 7.41.6; the newest in channel stable is 7.41.8")
	require.Contains(t, string(output), "has failed on this camera before")
}
