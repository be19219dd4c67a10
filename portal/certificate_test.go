package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

const acmeHost = "cameras.seccam.test"

// authority starts Pebble, a real ACME server, which looks for its clients at a port of this machine. It
// returns its directory, and a file with who it is.
func authority(t *testing.T, port int) (directory, caFile string) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	signer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the only one"}})
	validator := va.New(quiet, 0, port, false, nameServer(t), store)
	front := wfe.New(quiet, store, validator, signer, []string{"seccam.test"}, false, false, 1, 1)
	server := httptest.NewTLSServer(front.Handler())
	t.Cleanup(server.Close)
	caFile = filepath.Join(t.TempDir(), "authority.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(block), 0o600))
	return server.URL + wfe.DirectoryPath, caFile
}

// nameServer answers that every name is this machine.
func nameServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg).SetReply(query)
		if query.Question[0].Qtype == dns.TypeA {
			header := dns.RR_Header{Name: query.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}
			answer.Answer = []dns.RR{&dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(answer)
	})}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
	return listener.Addr().String()
}

// The first handshake for one of our names gets a certificate from the authority, pages answer the challenge
// for it, and the broker shows it, too. Other names get none.
func TestACME(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg := DefaultConfig()
	cfg.PublicURL, cfg.StateDir = "https://"+acmeHost, t.TempDir()
	cfg.ACME.AcceptTerms = true
	cfg.ACME.Directory, cfg.ACME.CAFile = authority(t, listener.Addr().(*net.TCPAddr).Port)
	cfg.Broker.TLS = "127.0.0.1:0"
	require.NoError(t, cfg.Validate())
	pages, shown, err := newTLS(&cfg)
	require.NoError(t, err)
	go serve(tls.NewListener(listener, pages))
	broker, err := tls.Listen("tcp", "127.0.0.1:0", shown.Config())
	require.NoError(t, err)
	go serve(broker)
	t.Cleanup(func() { _, _ = listener.Close(), broker.Close() })

	first := handshake(t, listener, acmeHost)
	require.NotNil(t, first)
	require.Equal(t, []string{acmeHost}, first.DNSNames)
	require.Equal(t, first.SerialNumber, handshake(t, broker, acmeHost).SerialNumber)
	require.Nil(t, handshake(t, listener, "other.seccam.test"))

	again, _, err := newTLS(&cfg) // after a restart
	require.NoError(t, err)
	kept, err := again.GetCertificate(&tls.ClientHelloInfo{ServerName: acmeHost, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}})
	require.NoError(t, err)
	require.Equal(t, first.SerialNumber, kept.Leaf.SerialNumber)
	files, err := filepath.Glob(filepath.Join(cfg.StateDir, "acme", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, file)
	}
}

// serve shakes hands until the listener closes.
func serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}()
	}
}

// handshake returns the certificate that is shown for a name, nil if none is.
func handshake(t *testing.T, listener net.Listener, name string) *x509.Certificate {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}} // who signed it is not the question
	conn, err := dialer.DialContext(ctx, "tcp", listener.Addr().String())
	if err != nil {
		t.Logf("%s: %v", name, err)
		return nil
	}
	defer func() { _ = conn.Close() }()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

func TestACMEIsConfiguredWhole(t *testing.T) {
	for text, change := range map[string]func(*Config){
		"leave cert_file and key_file empty": func(c *Config) { c.CertFile, c.KeyFile = "a", "b" },
		"must be https:// with acme":         func(c *Config) { c.PublicURL = "http://" + acmeHost },
		"acme.directory":                     func(c *Config) { c.ACME.Directory = "http://authority.seccam.test" },
	} {
		cfg := DefaultConfig()
		cfg.PublicURL, cfg.ACME.AcceptTerms = "https://"+acmeHost, true
		require.NoError(t, cfg.Validate())
		change(&cfg)
		require.ErrorContains(t, cfg.Validate(), text)
	}
	cfg := DefaultConfig()
	cfg.PublicURL, cfg.MQTTURL, cfg.TURN.Host = "https://"+acmeHost, "wss://mqtt.seccam.test/mqtt", "turn.seccam.test"
	require.Equal(t, []string{acmeHost, "mqtt.seccam.test", "turn.seccam.test"}, cfg.hosts())
	cfg.BrokerURL = "mqtts://mqtt.seccam.test"
	require.Equal(t, []string{acmeHost, "turn.seccam.test"}, cfg.hosts(), "another's broker has its own")
}
