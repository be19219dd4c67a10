package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"seccam/pkg/certificate"
)

// ACME is how certificates are had from an authority by itself (RFC 8555).
type ACME struct {
	// AcceptTerms says that the authority's terms of service are agreed to, and switches ACME on.
	AcceptTerms bool `yaml:"accept_terms"`
	// Email is where the authority writes to if something is wrong with the certificate.
	Email string `yaml:"email"`
	// Directory is the authority's URL; empty is Let's Encrypt.
	Directory string `yaml:"directory"`
	// CAFile has who is trusted to be a private authority's server, as PEM.
	CAFile string `yaml:"ca_file"`
}

func (c *Config) checkTLS(bad func(key, format string, args ...any)) {
	if (c.CertFile == "") != (c.KeyFile == "") {
		bad("cert_file, key_file", "set both for HTTPS, or neither")
	}
	if !c.ACME.AcceptTerms {
		return
	}
	if c.CertFile != "" {
		bad("acme", "gets certificates by itself: leave cert_file and key_file empty, or accept_terms false")
	}
	if public, err := url.Parse(c.PublicURL); err == nil && public.Scheme != "https" {
		bad("public_url", "must be https:// with acme")
	}
	if d, err := url.Parse(c.ACME.Directory); err != nil || c.ACME.Directory != "" && d.Scheme != "https" {
		bad("acme.directory", "%q must be https:// and the authority's directory", c.ACME.Directory)
	}
}

// promised stands for the pages' certificate, nil if there will be none, before there can be any.
func (c *Config) promised() certificate.Source {
	if c.CertFile == "" && !c.ACME.AcceptTerms {
		return nil
	}
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, errors.New("not there yet") }
}

// hosts are the names that the certificate is for: those of the pages, the broker and the relay, as far as
// they are ours to answer for.
func (c *Config) hosts() []string {
	var hosts []string
	for _, address := range []string{c.PublicURL, c.MQTTURL} {
		if u, err := url.Parse(address); err == nil && u.Hostname() != "" && (address == c.PublicURL || c.BrokerURL == "") {
			hosts = append(hosts, u.Hostname())
		}
	}
	if c.TURN.Host != "" {
		hosts = append(hosts, c.TURN.Host)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// newTLS returns how the pages are served by TLS, nil if they are not, and the certificate that the broker
// and the relay show where they have none of their own.
func newTLS(cfg *Config) (*tls.Config, certificate.Source, error) {
	switch {
	case cfg.ACME.AcceptTerms:
		manager, err := newACME(cfg)
		if err != nil {
			return nil, nil, err
		}
		pages := manager.TLSConfig() // it answers the authority's challenge, too (RFC 8737)
		pages.MinVersion = tls.VersionTLS12
		return pages, manager.GetCertificate, nil
	case cfg.CertFile != "":
		files, err := certificate.Files(cfg.CertFile, cfg.KeyFile, nil)
		if err != nil {
			return nil, nil, fmt.Errorf("cert_file, key_file: %w", err)
		}
		pages := files.Config()
		pages.NextProtos = []string{"h2", "http/1.1"}
		return pages, files, nil
	}
	return nil, nil, nil
}

func newACME(cfg *Config) (*autocert.Manager, error) {
	client := &acme.Client{DirectoryURL: cfg.ACME.Directory, UserAgent: "seccam/" + release}
	if cfg.ACME.Directory == "" {
		client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	if cfg.ACME.CAFile != "" {
		text, err := os.ReadFile(cfg.ACME.CAFile)
		if err != nil {
			return nil, fmt.Errorf("acme.ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, errors.New("acme.ca_file: has no certificate in PEM")
		}
		client.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	}
	return &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(filepath.Join(cfg.StateDir, "acme")),
		HostPolicy: autocert.HostWhitelist(cfg.hosts()...), Email: cfg.ACME.Email, Client: client,
	}, nil
}
