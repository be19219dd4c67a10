package config

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConfidential(t *testing.T) {
	for address, want := range map[string]bool{
		"https://cameras.example.org": true, "http://localhost:8080": true, "http://127.0.0.2": true, "http://[::1]:80": true,
		"http://cameras.example.org": false, "http://127.0.0.1.example.org": false, "http://192.168.1.2": false, "ftp://localhost": false, "http:": false,
	} {
		u, err := url.Parse(address)
		require.NoError(t, err)
		assert.Equal(t, want, Confidential(u), address)
	}
}
