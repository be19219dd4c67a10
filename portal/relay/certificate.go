package relay

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificateCheck is how often the files are looked at.
const certificateCheck = time.Minute

// certificate is a key pair that is read again when a file changes, so that a renewal cuts nobody off.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time

	mu       sync.Mutex
	pair     *tls.Certificate
	modified [2]time.Time
	checked  time.Time
}

func newCertificate(certFile, keyFile string, now func() time.Time) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, now: now}
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("turn.cert_file, turn.key_file: %w", err)
	}
	return c, nil
}

func (c *certificate) load() error {
	c.checked = c.now()
	var modified [2]time.Time
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		modified[i] = info.ModTime()
	}
	if c.pair != nil && modified == c.modified {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.modified = &pair, modified
	return nil
}

// get implements tls.Config.GetCertificate. A renewal that cannot be read, or of which half is written,
// leaves the old pair.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.checked) >= certificateCheck {
		_ = c.load()
	}
	return c.pair, nil
}
