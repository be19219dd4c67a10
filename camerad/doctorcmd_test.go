package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seccam/camerad/session"
	"seccam/camerad/statefile"
	"seccam/pkg/credential"
	"seccam/pkg/signaling"

	"github.com/stretchr/testify/require"
)

// examine runs "camerad doctor" and returns what it printed.
func examine(t *testing.T, config string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := execute(console{ctx: context.Background(), out: &out, errors: &out}, append([]string{"doctor", "--config", config}, args...))
	return out.String(), err
}

// started makes what a camera has after its first start.
func started(t *testing.T, config string) (folder string) {
	t.Helper()
	folder = filepath.Join(filepath.Dir(config), "state")
	_, err := session.LoadIdentity(folder)
	require.NoError(t, err)
	return folder
}

func TestDoctorOfACameraThatIsWell(t *testing.T) {
	_, address := startBroker(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	portal := newFakePortal(t, "mqtt://:"+port)
	config := portal.writeConfig(t, credential.NewCode())
	folder := started(t, config)
	out, err := examine(t, config)
	require.NoError(t, err, out)
	for _, line := range []string{"disk +(ok|warn)", "files +ok", "portal +ok", "clock +ok", "key +ok .*accepts the key", "mqtt +ok .*logged in at mqtt://127.0.0.1:" + port, "turn +warn", "source +ok .*320x180"} {
		require.Regexp(t, "(?m)^"+line, out)
	}
	require.Contains(t, out, "→ Switch on the portal's relay")
	require.NotContains(t, out, portal.key.Hex())

	// While camerad runs, what it has in use is left alone.
	unlock, err := statefile.Lock(folder)
	require.NoError(t, err)
	defer unlock()
	out, err = examine(t, config, "--json")
	require.NoError(t, err, out)
	var report signaling.SelftestReply
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	require.Equal(t, signaling.CheckWarn, report.Result)
	skipped := 0
	for _, check := range report.Checks {
		if strings.Contains(check.Seen, "because the running camerad") {
			require.Equal(t, signaling.CheckSkipped, check.Result)
			skipped++
		}
	}
	require.Equal(t, 2, skipped, "the broker and the source: %s", out)
}

func TestDoctorSaysWhatFails(t *testing.T) {
	portal := newFakePortal(t, "mqtt://127.0.0.1:1") // where nobody listens
	config := portal.writeConfig(t, credential.NewCode())
	out, err := examine(t, config)
	require.NoError(t, err, "a camera that has not started yet is not unwell: %s", out)
	require.Regexp(t, `(?m)^key +skipped .*no certificate yet`, out)

	folder := started(t, config)
	out, err = examine(t, config)
	require.ErrorIs(t, err, errUnwell)
	require.Regexp(t, `(?m)^mqtt +fail .*no connection to the broker at mqtt://127.0.0.1:1: .*refused`, out)

	portal.key = credential.NewSecret()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "pairing.code"), nil, 0o644))
	out, err = examine(t, config)
	require.ErrorIs(t, err, errUnwell)
	require.Regexp(t, `(?m)^key +fail .*does not accept this camera's key: key was revoked`, out)
	require.Regexp(t, `(?m)^mqtt +skipped +because of "key"`, out)
	require.Regexp(t, `(?m)^files +fail .*pairing.code`, out)

	require.NoError(t, os.Chmod(filepath.Join(folder, credential.CertificateFile), 0o644))
	out, err = examine(t, config)
	require.ErrorIs(t, err, errUnwell)
	require.Regexp(t, `(?m)^config +fail .*dtls.pem`, out)
	require.NoError(t, os.Chmod(filepath.Join(folder, credential.CertificateFile), 0o600))

	portal.server.Close()
	out, err = examine(t, config)
	require.ErrorIs(t, err, errUnwell)
	require.Regexp(t, `(?m)^portal +fail .*does not answer`, out)
	require.Regexp(t, `(?m)^tls +skipped`, out)

	require.NoError(t, os.WriteFile(config, []byte("source: testpattern\nvideo: {width: 320, height: 180}\nstate_dir: state\n"), 0o600))
	out, err = examine(t, config)
	require.ErrorIs(t, err, errUnwell)
	require.Regexp(t, `(?m)^config +fail .*portal_url: .*; camera_id: `, out)
	require.Regexp(t, `(?m)^turn +skipped +because of "config"`, out)
	require.Regexp(t, `(?m)^source +ok`, out)
}
