package alert

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"seccam/portal/internet"
)

// callTimeout bounds one call.
const callTimeout = 10 * time.Second

// ErrInternal means that an address is not on the Internet.
var ErrInternal = errors.New("the address is not on the Internet")

// newClient calls only what is on the Internet, or in networks that the operator allows. It looks at the
// address that it connects to, whatever a name resolved to a moment ago, and follows no redirect.
func newClient(allow []netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: callTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrInternal, address)
		}
		return permitted(to.Addr(), allow)
	}}
	return &http.Client{
		Timeout: callTimeout,
		Transport: &http.Transport{
			Proxy: nil, DialContext: dialer.DialContext, DisableKeepAlives: true,
			TLSHandshakeTimeout: callTimeout, ResponseHeaderTimeout: callTimeout, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func permitted(to netip.Addr, allow []netip.Prefix) error {
	if to = to.Unmap().WithZone(""); internet.Special(to) && !internet.Inside(allow, to) {
		return fmt.Errorf("%w: %s", ErrInternal, to)
	}
	return nil
}

// checkURL says in words what is wrong with an address, "" if nothing is. What its name resolves to is
// judged when it is called.
func checkURL(text string, allow []netip.Prefix) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "This is not an address such as https://example.org/alerts."
	case len(text) > maxURL:
		return fmt.Sprintf("An address has at most %d characters.", maxURL)
	case u.User != nil:
		return "The address must not hold a name and password; use a path that nobody can guess."
	case u.Fragment != "":
		return "The address must not hold a #."
	case u.Scheme != "https" && !(u.Scheme == "http" && len(allow) > 0):
		return "The address must begin with https://, so that nobody on the way reads what happens at your home."
	}
	if to, err := netip.ParseAddr(u.Hostname()); err == nil && permitted(to, allow) != nil {
		return "This address is not on the Internet. The portal calls no machine in its own network."
	}
	if host := u.Hostname(); host == "localhost" && len(allow) == 0 {
		return "This address is not on the Internet. The portal calls no machine in its own network."
	}
	return ""
}

const maxURL = 2000
