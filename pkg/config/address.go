package config

import (
	"net/netip"
	"net/url"
)

// Confidential reports whether what is sent to an address cannot be read on the way: it has TLS, or does not leave this
// machine.
func Confidential(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
