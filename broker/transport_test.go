package broker

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// writePair writes a fresh self-signed certificate for name and its key into dir.
func writePair(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return certFile, keyFile
}

var trustAll = &tls.Config{InsecureSkipVerify: true} // a self-signed certificate in a test

func secureConfig(t *testing.T) Config {
	cfg := testConfig()
	cfg.TCP, cfg.TLS, cfg.WebSocket = "", "127.0.0.1:0", "127.0.0.1:0"
	cfg.CertFile, cfg.KeyFile = writePair(t, t.TempDir(), "one")
	return cfg
}

func TestTLS(t *testing.T) {
	cfg := secureConfig(t)
	cfg.ConnectTimeout = 100 * time.Millisecond
	f := start(t, cfg, nil)
	require.Nil(t, f.TCPAddr())
	silent := dialTCP(t, f.TLSAddr())
	c, err := tls.Dial("tcp", f.TLSAddr().String(), trustAll)
	require.NoError(t, err)
	w := newWire(t, c)
	w.sendPacket(loginOf(t, camera(cameraA)).packet())
	require.Zero(t, w.expect(2).ReasonCode)
	silent.closed() // the handshake has the same deadline
	w.ping()
}

func dialWebSocket(t *testing.T, url string, header http.Header) (*wire, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trustAll}}
	c, answer, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: header, Subprotocols: []string{"mqtt"},
	})
	if err != nil {
		require.NotNil(t, answer, err)
		return nil, answer.StatusCode
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return newWire(t, websocket.NetConn(ctx, c, websocket.MessageBinary)), answer.StatusCode
}

func TestWebSocket(t *testing.T) {
	secure := secureConfig(t)
	plain := testConfig()
	plain.TCP, plain.WebSocket = "", "127.0.0.1:0"
	for scheme, cfg := range map[string]Config{"ws": plain, "wss": secure} {
		t.Run(scheme, func(t *testing.T) {
			f := start(t, cfg, nil)
			url := scheme + "://" + f.WebSocketAddr().String() + "/mqtt"
			w, _ := dialWebSocket(t, url, nil)
			l := loginOf(t, camera(cameraA)).withWill(signaling.StatusTopic(cameraA), "offline", true)
			w.sendPacket(l.packet())
			require.Zero(t, w.expect(2).ReasonCode)
			w.ping()
			_, code := dialWebSocket(t, url, http.Header{"Origin": {"https://evil.example"}})
			require.Equal(t, http.StatusForbidden, code)
			w.send(seven...)
			w.closed()
			f.retained(t, cameraA, "offline")
			open, _ := dialWebSocket(t, url, nil)
			open.send(0x30, 0)
			open.closed()
		})
	}
}

func TestWebSocketThatIsNeverUpgraded(t *testing.T) {
	cfg := testConfig()
	cfg.WebSocket, cfg.ConnectTimeout = "127.0.0.1:0", 50*time.Millisecond
	f := start(t, cfg, nil)
	silent := dialTCP(t, f.WebSocketAddr())
	_, err := silent.Read(make([]byte, 512))
	for err == nil { // net/http may say 408
		_, err = silent.Read(make([]byte, 512))
	}
	timeout, ok := err.(net.Error)
	require.False(t, ok && timeout.Timeout())
	require.Eventually(t, func() bool {
		f.gate.mu.Lock()
		defer f.gate.mu.Unlock()
		return f.gate.unauthenticated == 0
	}, patience, time.Millisecond, "its place in the gate was not given back")
}
