package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"seccam/pkg/config"
	"seccam/pkg/credential"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func TestShippedConfigIsTheDefaults(t *testing.T) {
	cfg := defaultConfig()
	cfg.Video, cfg.Audio, cfg.MaxViewers, cfg.Linger, cfg.TelemetryInterval = VideoConfig{}, AudioConfig{}, 0, 0, 0
	cfg.Source, cfg.StateDir, cfg.DeviceKeyFile, cfg.LogLevel, cfg.Update = "", "", "", "", UpdateConfig{}
	path := filepath.Join("..", "configs", "camerad.yml")
	require.NoError(t, config.Load(&cfg, path, nil))
	assert.Equal(t, defaultConfig(), cfg)

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(data, &document))
	assert.Len(t, document, 20, "every key is shown")
	assert.Len(t, document["video"], 5)
}

func TestConfigFixtures(t *testing.T) {
	good, err := filepath.Glob("testdata/good/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, path := range good {
		_, err := loadConfig(path, nil)
		assert.NoError(t, err, path)
	}
	for name, words := range map[string][]string{
		"unknown_key":  {"line 2", "sourc"},
		"many_errors":  {"source:", "video.width:", "video.fps:", "max_viewers:", "linger:", "log_level:", "traces.url:"},
		"bad_duration": {"line 1", "1s or 250ms"},
		"rtsp_login":   {"source:", "rtsp_login_file"},
		"source":       {"source: exec: is followed by nothing", "v4l2_format:", "audio.sound:"},
	} {
		_, err := loadConfig(filepath.Join("testdata", "bad", name+".yml"), nil)
		for _, word := range words {
			assert.ErrorContains(t, err, word, name)
		}
		assert.NotContains(t, err.Error(), "secret", name)
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	cfg, err := loadConfig("", []string{"SECCAM_VIDEO_FPS=15", "SECCAM_LINGER=2s", "SECCAM_SOURCE=testpattern", "HOME=/"})
	require.NoError(t, err)
	assert.Equal(t, 15, cfg.Video.FPS)
	assert.Equal(t, Duration(2*time.Second), cfg.Linger)
	_, err = loadConfig("", []string{"SECCAM_LINGER=soon"})
	assert.ErrorContains(t, err, "SECCAM_LINGER")
}

func TestPathsAreRelativeToTheConfig(t *testing.T) {
	cfg, err := loadConfig("testdata/good/relative.yml", nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join("testdata", "good", "keys", "device.key"), cfg.DeviceKeyFile)
	assert.Equal(t, "/absolute", cfg.StateDir)
}

func TestUnpairedCameraSaysWhatIsMissing(t *testing.T) {
	var out bytes.Buffer
	err := execute(console{ctx: context.Background(), out: &out, errors: &out}, []string{"run", "--config", "testdata/good/minimal.yml"})
	for _, word := range []string{"portal_url", "https://", "camera_id", "device_key_file"} {
		assert.ErrorContains(t, err, word)
	}
	assert.ErrorAs(t, err, &configError{})
}

func TestSelftest(t *testing.T) {
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "out.h264")
	err := execute(console{ctx: context.Background(), out: &out, errors: io.Discard, environ: []string{
		"SECCAM_SOURCE=testpattern", "SECCAM_VIDEO_WIDTH=320", "SECCAM_VIDEO_HEIGHT=180",
	}}, []string{"selftest", "--out", file, "--duration", "2s"}) // a busy machine needs some of it for the first picture
	require.NoError(t, err, out.String())
	for _, word := range []string{"testpattern", "320x180", "key frames", "kbit/s", "p95"} {
		assert.Contains(t, out.String(), word)
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 0, 0, 1, 0x67}, data[:5], "Annex B, parameter sets first")
}

func TestSelftestWithoutCamera(t *testing.T) {
	var out bytes.Buffer
	err := execute(console{ctx: context.Background(), out: &out, errors: io.Discard, environ: []string{
		"SECCAM_SOURCE=v4l2:no-such-camera",
	}}, []string{"selftest", "--out", filepath.Join(t.TempDir(), "out.h264"), "--duration", "300ms"})
	assert.ErrorContains(t, err, "no-such-camera")
	assert.ErrorContains(t, err, "camerad sources")
}

func TestOtherCommands(t *testing.T) {
	for command, word := range map[string]string{"version": version(), "sources": "testpattern"} {
		var out bytes.Buffer
		require.NoError(t, execute(console{ctx: context.Background(), out: &out, errors: io.Discard}, []string{command}))
		assert.Contains(t, out.String(), word)
	}
	err := execute(console{ctx: context.Background(), out: io.Discard, errors: io.Discard}, []string{"nonsense"})
	assert.ErrorAs(t, err, &configError{})
}

func TestPortalRefusesTheKey(t *testing.T) {
	portal := newFakePortal(t, "mqtt://127.0.0.1:1")
	cfg, err := loadConfig(portal.writeConfig(t, credential.NewCode()), nil)
	require.NoError(t, err)
	paired, err := cfg.loadEnrolment()
	require.NoError(t, err)
	paired.key = credential.NewSecret()
	_, err = newPortalClient(paired, "", nil).credentials(context.Background())
	assert.ErrorContains(t, err, "the portal does not accept this camera's key: key was revoked")
}

func TestPortalClock(t *testing.T) {
	portal := newFakePortal(t, "mqtt://broker.example:1883")
	portal.clock = func() time.Time { return time.Now().Add(-100 * time.Hour) }
	cfg, err := loadConfig(portal.writeConfig(t, credential.NewCode()), nil)
	require.NoError(t, err)
	paired, err := cfg.loadEnrolment()
	require.NoError(t, err)
	client := newPortalClient(paired, "", nil)
	got, err := client.credentials(context.Background())
	require.NoError(t, err)
	assert.WithinDuration(t, portal.clock(), client.now(), time.Minute, "a Pi has no clock of its own")
	assert.Equal(t, []string{"mqtt://broker.example:1883"}, got.URLs)
	assert.Equal(t, 86400*time.Second*4/5, got.RenewAfter)
	assert.Equal(t, 30*time.Second, got.ReconnectWithin)
}

func TestBrokerURL(t *testing.T) {
	portal := newFakePortal(t, "")
	cfg, err := loadConfig(portal.writeConfig(t, credential.NewCode()), nil)
	require.NoError(t, err)
	paired, err := cfg.loadEnrolment()
	require.NoError(t, err)
	client := newPortalClient(paired, "", nil)
	for given, want := range map[string]string{
		"mqtt://b.example:1883": "mqtt://b.example:1883", "mqtt://:1883": "mqtt://127.0.0.1:1883",
		"mqtts://0.0.0.0:8883": "mqtts://127.0.0.1:8883", "mqtt://[::]:1883": "mqtt://127.0.0.1:1883",
		"wss:///mqtt": "wss://127.0.0.1/mqtt",
	} {
		got, err := client.brokerURL(given)
		require.NoError(t, err)
		assert.Equal(t, want, got, given)
	}
	for _, bad := range []string{"", "broker", "://"} {
		_, err := client.brokerURL(bad)
		assert.Error(t, err, bad)
	}
}
