package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// There are no recordings, so no path leads to one; and no path leads out of what the portal serves. They are
// sent as they are, which HTTP clients do not do.
func TestAbuse34_PathsThatLeadOut(t *testing.T) {
	l, c, person := newHousehold(t)
	cookies := ""
	for _, cookie := range person.cookies() {
		cookies += cookie.Name + "=" + cookie.Value + "; "
	}
	for _, path := range []string{
		"/../../../../etc/passwd", "/static/../../master.key", "/static/x/../../portal.db", "/static/..%2f..%2fportal.db",
		"/static/x/%2e%2e%2f%2e%2e%2fmaster.key", "/recordings/../master.key", "/cameras/" + c.id + "/recordings/..%2f..%2fportal.db",
		"/api/v1/cameras/" + c.id + "/recordings/../../../../portal.db", "/cameras/..%2f..%2fportal.db", `/static/..\..\portal.db`,
		"/static/x/app.css%00.key", "//etc/passwd", "/./portal.yml", "/portal.db", "/master.key",
	} {
		status, body := l.raw(path, cookies)
		assert.Equal(t, http.StatusNotFound, status, path)
		assert.NotContains(t, body, "SQLite format", path)
		assert.NotContains(t, body, "root:", path)
	}
}

// raw asks for a path exactly as it is.
func (l *lab) raw(path, cookies string) (status int, body string) {
	l.t.Helper()
	address := strings.TrimPrefix(l.url, "http://")
	conn, err := net.Dial("tcp", address)
	require.NoError(l.t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nConnection: close\r\n\r\n", path, address, cookies)
	require.NoError(l.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(l.t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(l.t, err)
	return resp.StatusCode, string(text)
}

// The portal calls nothing in its own network, however the address is written.
func TestAbuse35_InternalWebhook(t *testing.T) {
	_, _, person := newHousehold(t)
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var reached atomic.Int64
	go func() {
		for {
			conn, err := inside.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = inside.Close() })
	_, port, err := net.SplitHostPort(inside.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "localhost", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
		"0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[fd00::1]", "[fe80::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"} {
		status, answer := person.call("POST", "/api/v1/webhooks", map[string]string{"url": "https://" + host + ":" + port + "/"})
		require.Equal(t, http.StatusUnprocessableEntity, status, "%s: %v", host, answer)
	}
	// Names are judged when they are called.
	for _, host := range []string{"localhost.", "2130706433", "127.1", "0x7f000001"} {
		status, hook := person.call("POST", "/api/v1/webhooks", map[string]string{"url": "https://" + host + ":" + port + "/"})
		if status == http.StatusUnprocessableEntity {
			continue
		}
		require.Equal(t, http.StatusCreated, status, host)
		status, tried := person.call("POST", "/api/v1/webhooks/"+hook["id"].(string)+"/try", nil)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, false, tried["arrived"], host)
	}
	require.Zero(t, reached.Load())
}
