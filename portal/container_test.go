package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// TestContainerConfiguresThePortal takes the environment of the shipped compose file and Containerfile for the
// portal's, and looks whether the shipped Caddyfile leads to where it then listens.
func TestContainerConfiguresThePortal(t *testing.T) {
	folder := filepath.Join("..", "configs")
	read := func(path string) string {
		data, err := os.ReadFile(filepath.Join(folder, path))
		require.NoError(t, err)
		return string(data)
	}
	text := regexp.MustCompile(`\$\{SECCAM_NAME(:\?[^}]*)?\}`).ReplaceAllString(read("container/compose.yml"), "cameras.example.org")
	var compose struct {
		Services map[string]struct {
			Build       struct{ Context, Dockerfile string }
			Environment map[string]string
			Volumes     []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &compose))
	portal := compose.Services["portal"]
	assert.FileExists(t, filepath.Join(folder, "container", portal.Build.Context, portal.Build.Dockerfile))
	caddyfile, _, _ := strings.Cut(compose.Services["caddy"].Volumes[0], ":")
	assert.FileExists(t, filepath.Join(folder, "container", caddyfile))

	var environ []string
	for key, value := range portal.Environment {
		environ = append(environ, key+"="+value)
	}
	for _, set := range regexp.MustCompile(`SECCAM_\w+=\S+`).FindAllString(read("container/Containerfile"), -1) {
		environ = append(environ, set)
		_, path, _ := strings.Cut(set, "=")
		assert.True(t, strings.HasPrefix(path, strings.Split(portal.Volumes[0], ":")[1]), "%s is not kept in the volume", set)
	}
	cfg, err := loadConfig("", environ)
	require.NoError(t, err)
	assert.Equal(t, "https://cameras.example.org", cfg.PublicURL)
	proxied := regexp.MustCompile(`reverse_proxy (\S+)`).FindAllStringSubmatch(read("Caddyfile"), -1)
	require.Len(t, proxied, 2)
	assert.Equal(t, cfg.Broker.WebSocket, proxied[0][1])
	assert.Equal(t, cfg.Listen, proxied[1][1])
}
