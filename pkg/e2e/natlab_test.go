package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// networksEnv asks for tests of the simulated Internet in continuous integration, too: "some", or "all",
// which also tries every pair of networks and has interruptions last as long as they may.
const networksEnv = "E2E_NETWORKS"

func allNetworks() bool { return os.Getenv(networksEnv) == "all" }

// natLab is a portal with everything on the simulated Internet.
type natLab struct {
	*lab
	internet *internet
	spki     string // the hash of the server's public key, by which Chromium trusts it
}

// newNATLab adds lines to the portal's configuration.
func newNATLab(t *testing.T, more string) *natLab {
	t.Helper()
	if os.Getenv("CI") == "true" && os.Getenv(networksEnv) == "" {
		t.Skip("NOT TESTED in CI: networks behind NAT; set " + networksEnv + "=some, or run make test-nat")
	}
	n := &natLab{lab: &lab{t: t, dir: t.TempDir(), public: true, url: "https://portal.seccam.test"}}
	trust := n.certify()
	n.internet = newInternet(t, filepath.Join(n.dir, "authority.pem"))
	n.where = n.server()
	n.dialer = &http.Transport{TLSClientConfig: trust, DialContext: func(ctx context.Context, kind, address string) (net.Conn, error) {
		name, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return n.internet.dial(ctx, kind, net.JoinHostPort(internet4+names[name], port))
	}}
	require.NoError(t, os.WriteFile(n.configFile(), []byte(natPortal+more), 0o600))
	n.startPortal()
	return n
}

// natPortal has the relay on its own addresses; pages and MQTT are forwarded to it as by a proxy.
const natPortal = `listen: "[::]:8443"
public_url: https://portal.seccam.test
mqtt_url: wss://mqtt.seccam.test/mqtt
cert_file: server.pem
key_file: server.key
database: portal.db
state_dir: .
log_level: debug
broker: {tcp: "", websocket: "[::]:8083", cert_file: server.pem, key_file: server.key}
turn:
  udp: ":3478"
  tcp: ":3478"
  tls: ":443"
  cert_file: server.pem
  key_file: server.key
  host: turn.seccam.test
  public_address: [10.77.0.12, "fd77::12"]
  allow_peers: [10.77.0.0/16, "fd77::/16"]
`

// server is the machine of the portal.
func (n *natLab) server() *host {
	n.t.Helper()
	h := n.internet.attach(n.t)
	relay := names["turn.seccam.test"]
	h.give(internet4+relay+"/24", internet6+relay+"/64") // first: what it sends comes from these
	rules := ""
	for name, port := range map[string]string{"portal.seccam.test": "8443", "mqtt.seccam.test": "8083"} {
		h.give(internet4 + names[name] + "/24")
		h.run("ip", "address", "add", internet6+names[name]+"/64", "dev", "eth0", "preferred_lft", "0")
		for _, to := range []string{"ip daddr " + internet4, "ip6 daddr " + internet6} {
			rules += to + names[name] + " tcp dport 443 redirect to :" + port + "; "
		}
	}
	h.run("nft", "table inet web { chain pre { type nat hook prerouting priority dstnat; "+rules+"}; }")
	return h
}

// certify makes a certificate authority and the server's certificate, as files, and returns who trusts it.
func (n *natLab) certify() *tls.Config {
	n.t.Helper()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "SecCam's tests"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	rootKey := n.sign("authority", root, root, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: slices.Collect(maps.Keys(names)), NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key := n.sign("server", leaf, root, rootKey)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(n.t, err)
	hash := sha256.Sum256(public)
	n.spki = base64.StdEncoding.EncodeToString(hash[:])
	pool := x509.NewCertPool()
	file, err := os.ReadFile(filepath.Join(n.dir, "authority.pem"))
	require.NoError(n.t, err)
	require.True(n.t, pool.AppendCertsFromPEM(file))
	return &tls.Config{RootCAs: pool}
}

// sign writes a certificate and its new key. Without the key of an authority it signs itself.
func (n *natLab) sign(name string, template, by *x509.Certificate, with *ecdsa.PrivateKey) *ecdsa.PrivateKey {
	n.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(n.t, err)
	if with == nil {
		with = key
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, with)
	require.NoError(n.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(n.t, err)
	for file, block := range map[string]*pem.Block{
		".pem": {Type: "CERTIFICATE", Bytes: certificate}, ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(n.t, os.WriteFile(filepath.Join(n.dir, name+file), pem.EncodeToMemory(block), 0o600))
	}
	return key
}

// watched is a camera in a network, and the person whose it is.
type watched struct {
	*camera
	site   *site
	person *client
}

// newCamera starts a camera in a network of a kind.
func (n *natLab) newCamera(k kind) *watched {
	n.t.Helper()
	c := n.provision()
	w := &watched{camera: c, site: n.internet.newSite(n.t, k)}
	c.where = w.site.host(n.t)
	n.startCamera(c)
	w.person = n.signUp("owner-"+c.id[:8], c)
	return w
}

// browser starts Chromium on a host, until the test t ends. Different from other tests, it hides the
// host's addresses from pages, as it does at home.
func (n *natLab) browser(t *testing.T, h *host) context.Context {
	t.Helper()
	return browserOn(t, h,
		chromedp.Flag("ignore-certificate-errors-spki-list", n.spki),
		chromedp.Flag("allow-loopback-in-peer-connection", false),
		chromedp.Flag("disable-features", "site-per-process,Translate,BlinkGenPropertyTrees"))
}

// browserOn starts Chromium on a host, until the test t ends.
func browserOn(t *testing.T, h *host, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	words := slices.Concat([]string{"exec"}, h.prefix(), []string{"chromium"})
	for i, word := range words[1:] {
		words[i+1] = "'" + word + "'" // none has a quote
	}
	script := filepath.Join(t.TempDir(), "chromium")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"+strings.Join(words, " ")+" \"$@\"\n"), 0o700))
	ctx, stop, err := newBrowser(append(more, chromedp.ExecPath(script))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return ctx
}
