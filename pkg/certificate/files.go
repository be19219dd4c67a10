// Package certificate provides what TLS servers show to their clients.
package certificate

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// Source gives the certificate for a handshake, as tls.Config.GetCertificate does.
type Source func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// Config has a server show what s gives.
func (s Source) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s}
}

// recheck is how often files are looked at.
const recheck = time.Minute

// files are a key pair that is read again when a file changes, so that a renewal cuts nobody off.
type files struct {
	cert, key string
	now       func() time.Time

	mu       sync.Mutex
	pair     *tls.Certificate
	modified [2]time.Time
	checked  time.Time
}

// Files reads a certificate chain and its key, both PEM, and reads them again when they change. now is the
// clock; nil is time.Now.
func Files(cert, key string, now func() time.Time) (Source, error) {
	if now == nil {
		now = time.Now
	}
	f := &files{cert: cert, key: key, now: now}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f.get, nil
}

func (f *files) load() error {
	f.checked = f.now()
	var modified [2]time.Time
	for i, file := range []string{f.cert, f.key} {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		modified[i] = info.ModTime()
	}
	if f.pair != nil && modified == f.modified {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.pair, f.modified = &pair, modified
	return nil
}

// get is a Source. A renewal that cannot be read, or of which half is written, leaves the old pair.
func (f *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now().Sub(f.checked) >= recheck {
		_ = f.load()
	}
	return f.pair, nil
}
