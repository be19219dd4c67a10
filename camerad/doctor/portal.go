package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"seccam/pkg/config"
)

// Names of the checks of the way to the portal.
const (
	CheckDNS    = "dns"
	CheckPortal = "portal"
	CheckClock  = "clock"
	CheckTLS    = "tls"
)

// Limits of the checks of the way to the portal.
const (
	lookupTimeout = 3 * time.Second
	visitTimeout  = 4 * time.Second
	clockWarn     = 10 * time.Second
	clockFail     = 5 * time.Minute
	expiresSoon   = 14 * 24 * time.Hour
)

// Portal is the way to the portal that is checked.
type Portal struct {
	URL     *url.URL
	Trust   *tls.Config // whose RootCAs the portal's certificate must come from
	Now     func() time.Time
	Resolve func(ctx context.Context, host string) ([]string, error) // net.Resolver.LookupHost

	// What a visit saw.
	date time.Time
	tls  *tls.ConnectionState
}

// Checks are of its name, that it answers, of the device's clock, which is compared with the portal's, and of
// its certificate. One request serves them all; it carries nothing that is secret, and so it is made whatever
// the certificate is, to be able to say what is wrong with that.
func (p *Portal) Checks() []Check {
	return []Check{
		{Name: CheckDNS, Timeout: lookupTimeout, Look: p.lookUp},
		{Name: CheckPortal, Needs: []string{CheckDNS}, Timeout: visitTimeout, Look: p.visit},
		{Name: CheckClock, Needs: []string{CheckPortal}, Timeout: time.Second, Look: p.compareClocks},
		{Name: CheckTLS, Needs: []string{CheckPortal}, Timeout: time.Second, Look: p.checkTLS},
	}
}

func (p *Portal) lookUp(ctx context.Context) Finding {
	host := p.URL.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return OK("%s is an address: no name has to be found", host)
	}
	found, err := p.Resolve(ctx, host)
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return Fail("Check the name in portal_url.", "there is no host %s", host)
	case err != nil:
		return Fail("Check the network cable or Wi-Fi, and the name server in /etc/resolv.conf.", "%s could not be looked up: %v", host, err)
	}
	return OK("%s is %s", host, strings.Join(found, ", "))
}

func (p *Portal) visit(ctx context.Context) Finding {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL.String()+"/healthz", nil)
	if err != nil {
		return Fail("Correct portal_url.", "portal_url: %v", err)
	}
	client := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, // checkTLS judges it
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return Fail("Check that the portal runs, that portal_url has the right port, and that no firewall is in between.",
			"%s does not answer: %v", p.URL, unwrapURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	took := time.Since(began).Round(time.Millisecond)
	p.tls = response.TLS
	p.date, _ = http.ParseTime(response.Header.Get("Date")) // compareClocks says so if there is none
	body, err := io.ReadAll(io.LimitReader(response.Body, 64))
	switch {
	case err != nil:
		return Fail("Try again; then look at the proxy before the portal.", "the answer of %s broke off: %v", p.URL, err)
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return Fail("Use that address in portal_url.", "%s sends elsewhere, to %.100q", p.URL, response.Header.Get("Location"))
	case response.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "ok":
		return Fail("Check portal_url, and that the portal behind the proxy runs.",
			"what answers at %s is no SecCam portal that works: %s", p.URL, response.Status)
	}
	return OK("%s answered in %v", p.URL, took)
}

// unwrapURL leaves out the method and address, which the finding names itself.
func unwrapURL(err error) error {
	var around *url.Error
	if errors.As(err, &around) {
		return around.Err
	}
	return err
}

func (p *Portal) compareClocks(context.Context) Finding {
	if p.date.IsZero() {
		return Skipped("because the portal's answer has no date")
	}
	const next = "Let the device set its clock: sudo timedatectl set-ntp true. Viewing works all the same, by the portal's clock."
	off := p.Now().Sub(p.date).Round(time.Second) // a Date has whole seconds
	text := fmt.Sprintf("the device's clock is %v ahead of the portal's", off)
	if off < 0 {
		text = fmt.Sprintf("the device's clock is %v behind the portal's", -off)
	}
	switch {
	case off.Abs() >= clockFail:
		return Fail(next, "%s", text)
	case off.Abs() >= clockWarn:
		return Warn(next, "%s", text)
	}
	return OK("within %v of the portal's", clockWarn)
}

func (p *Portal) checkTLS(context.Context) Finding {
	if p.tls == nil {
		if config.Confidential(p.URL) {
			return OK("not used: the portal is on this machine")
		}
		return Warn("Use https in portal_url.", "not used: whoever is on the network between can take over this camera's connection")
	}
	chain := p.tls.PeerCertificates
	leaf := chain[0] // TLS has at least one
	options := x509.VerifyOptions{Roots: p.Trust.RootCAs, DNSName: p.URL.Hostname(), Intermediates: x509.NewCertPool(), CurrentTime: p.Now()}
	for _, above := range chain[1:] {
		options.Intermediates.AddCert(above)
	}
	if _, err := leaf.Verify(options); err != nil {
		return untrusted(leaf, p.URL.Hostname(), p.Now(), err)
	}
	if left := leaf.NotAfter.Sub(p.Now()); left < expiresSoon {
		return Warn("Renew it at the portal.", "the portal's certificate expires in %d days", int(left.Hours()/24))
	}
	return OK("%s, the certificate is valid until %s", tls.VersionName(p.tls.Version), leaf.NotAfter.Format(time.DateOnly))
}

// untrusted puts into words why a certificate is not good.
func untrusted(leaf *x509.Certificate, host string, now time.Time, err error) Finding {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.Before(leaf.NotBefore):
		return Fail("Set the device's clock: sudo timedatectl set-ntp true.",
			"by the device's clock the portal's certificate is not valid yet, but from %s", leaf.NotBefore.Format(time.DateOnly))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Fail("Renew it at the portal. If the device's clock is wrong, set that.",
			"the portal's certificate expired on %s", leaf.NotAfter.Format(time.DateOnly))
	case errors.As(err, &name):
		return Fail("Use in portal_url a name that the certificate is for, or get a certificate for this one.",
			"the portal's certificate is not for %s but for %s", host, strings.Join(leaf.DNSNames, ", "))
	case errors.As(err, &authority):
		return Fail("Put the portal's certificate authority into ca_file, or update the package ca-certificates.",
			"the portal's certificate is by %q, which this device does not trust", leaf.Issuer.CommonName)
	}
	return Fail("Get another certificate for the portal.", "the portal's certificate is refused: %v", err)
}
