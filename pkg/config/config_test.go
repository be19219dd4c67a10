package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type sample struct {
	Name    string        `yaml:"name"`
	Port    int           `yaml:"port"`
	Timeout time.Duration `yaml:"timeout"`
	Hosts   []string      `yaml:"hosts"`
	Video   struct {
		Width int  `yaml:"width"`
		On    bool `yaml:"on"`
	} `yaml:"video"`
}

func (s *sample) Validate() error {
	if s.Port < 0 {
		return errors.New("port: must not be negative")
	}
	return nil
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func defaults() *sample { return &sample{Name: "default", Port: 1, Timeout: time.Second} }

func TestFileOverridesDefaultsAndEnvironmentOverridesFile(t *testing.T) {
	cfg := defaults()
	path := write(t, "port: 2\ntimeout: 3s\nvideo:\n  width: 640\n")
	env := []string{"HOME=/x", "SECCAM_PORT=4", "SECCAM_VIDEO_ON=true", "SECCAM_HOSTS=[a, b]", "SECCAM_NAME=12: x"}
	require.NoError(t, Load(cfg, path, env))
	require.Equal(t, "12: x", cfg.Name, "a string is taken literally")
	require.Equal(t, 4, cfg.Port)
	require.Equal(t, 3*time.Second, cfg.Timeout)
	require.Equal(t, []string{"a", "b"}, cfg.Hosts)
	require.Equal(t, 640, cfg.Video.Width)
	require.True(t, cfg.Video.On)
}

func TestAbsentIsDefaultAndInvalidIsAnError(t *testing.T) {
	for _, text := range []string{"", "\n# only a comment\n", "name: default\n"} {
		cfg := defaults()
		require.NoError(t, Load(cfg, write(t, text), nil))
		require.Equal(t, defaults(), cfg)
	}
	require.ErrorContains(t, Load(defaults(), write(t, "port: -1"), nil), "port: must not be negative")
	require.ErrorIs(t, Load(defaults(), filepath.Join(t.TempDir(), "none.yml"), nil), os.ErrNotExist)
}

func TestEveryErrorAtOnce(t *testing.T) {
	path := write(t, "prot: 2\ntimeout: soon\nvideo:\n  widht: 1\n")
	err := Load(defaults(), path, []string{"SECCAM_TYPO=1", "SECCAM_PORT=many"})
	for _, want := range []string{
		"line 1: unknown key prot", "line 2", "line 4: unknown key widht", "SECCAM_TYPO overrides no key", `SECCAM_PORT="many"`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestKeysNamesEveryVariable(t *testing.T) {
	require.Equal(t, []string{
		"SECCAM_HOSTS", "SECCAM_NAME", "SECCAM_PORT", "SECCAM_TIMEOUT", "SECCAM_VIDEO_ON", "SECCAM_VIDEO_WIDTH",
	}, Keys(&sample{}))
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("port: 2\nvideo: {width: 1}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = decode(defaults(), "fuzz", data) // must not panic
	})
}
