package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
)

// A computer without a label becomes a person's camera by one command, and is watched.
func TestEnrolledCameraIsWatched(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := l.provision()
	l.startCamera(first)
	owner := l.signUp("owner", first)
	first.process.stop()
	status, made := owner.call("POST", "/api/v1/enrolments", map[string]string{})
	require.Equal(t, http.StatusCreated, status, made)
	token, _ := made["token"].(string)
	leaks.secret("enrolment token", token)

	c := &camera{t: t, config: filepath.Join(t.TempDir(), "camerad.yml")}
	enroll := exec.Command(cameradBinary, "--config", c.config, "enroll", l.url, "--name", "Garden")
	enroll.Stdin = strings.NewReader(token + "\n")
	output, err := enroll.CombinedOutput()
	require.NoError(t, err, "%s", output)
	leaks.file(filepath.Join(filepath.Dir(c.config), "device.key"))
	text, err := os.ReadFile(c.config)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(text), `camera_id: "`)
	id, _, _ := strings.Cut(rest, `"`)
	c.id, err = credential.ParseCode(id)
	require.NoError(t, err)
	c.configure("source: testpattern\n" + videoConfig)
	l.startCamera(c)
	s := owner.dial("")
	s.awaitStatus(c.id, true)
	requireWorks(t, s, c.id, 1)
	_, body := owner.call("GET", "/api/v1/cameras/"+c.id, nil)
	require.Equal(t, "Garden", body["name"])
}
