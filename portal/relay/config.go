package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"seccam/pkg/certificate"
)

// Config says where the relay listens and how much it gives to whom. The relay is off unless UDP, TCP or
// TLS is set.
type Config struct {
	// UDP, TCP and TLS are host:port addresses for clients; empty disables, port 0 chooses a free one.
	// A machine with several public addresses names one of them here: answers to a wildcard address
	// leave from the address that the routing prefers.
	UDP string `yaml:"udp"`
	TCP string `yaml:"tcp"`
	TLS string `yaml:"tls"`
	// CertFile and KeyFile are PEM files for TLS, read again when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Certificate is what is shown without CertFile.
	Certificate certificate.Source `yaml:"-"`
	// Host is the name or address in the URLs that [Server.Servers] returns.
	Host string `yaml:"host"`
	// PublicAddress is where the Internet reaches relayed addresses: at most one of IPv4 and one of
	// IPv6. Empty means the machine's own.
	PublicAddress []string `yaml:"public_address"`
	// Ports is the range of relayed UDP ports, which must be open in the firewall.
	Ports Ports `yaml:"ports"`
	// AllowPeers are networks (CIDR) that may be reached although they are not the Internet: for labs, and for
	// cameras in the relay's own network.
	AllowPeers []string `yaml:"allow_peers"`

	// MaxAllocations caps relayed addresses, of which a client needs one for each listener and network
	// of its own; twice as many client connections may be open.
	MaxAllocations           int `yaml:"max_allocations"`
	MaxAllocationsPerSession int `yaml:"max_allocations_per_session"`
	MaxAllocationsPerAccount int `yaml:"max_allocations_per_account"`
	// BytesPerSecond caps each allocation in each direction, after a burst of a second's worth. What is
	// above is dropped.
	BytesPerSecond int `yaml:"bytes_per_second"`
	// Lifetime is how long a credential can be used. A view that is relayed for longer needs a new one.
	Lifetime time.Duration `yaml:"lifetime"`
}

// Ports is an inclusive range of UDP ports. The zero value leaves the choice to the system.
type Ports struct {
	Min int `yaml:"min"`
	Max int `yaml:"max"`
}

// DefaultConfig is off, with limits for a portal of some hundred viewers.
func DefaultConfig() Config {
	return Config{
		MaxAllocations:           1000,
		MaxAllocationsPerSession: 32,
		MaxAllocationsPerAccount: 128,
		BytesPerSecond:           2_500_000,
		Lifetime:                 4 * time.Hour,
	}
}

// Enabled reports whether there is anything to listen on.
func (c Config) Enabled() bool { return c.UDP != "" || c.TCP != "" || c.TLS != "" }

// Validate returns every error at once, each naming the key and its remedy.
func (c Config) Validate() error {
	errs := []error{
		hostPort("udp", c.UDP), hostPort("tcp", c.TCP), hostPort("tls", c.TLS),
		within("max_allocations", c.MaxAllocations, 1, 100_000),
		within("max_allocations_per_session", c.MaxAllocationsPerSession, 1, 100_000),
		within("max_allocations_per_account", c.MaxAllocationsPerAccount, 1, 100_000),
		within("bytes_per_second", c.BytesPerSecond, 100_000, 1<<30),
		within("lifetime", c.Lifetime, time.Minute, 24*time.Hour),
		c.Ports.validate(),
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("turn.cert_file, turn.key_file: set both or neither"))
	}
	if c.TLS != "" && c.CertFile == "" && c.Certificate == nil {
		errs = append(errs, errors.New("turn.tls: needs turn.cert_file and turn.key_file, or those of the pages"))
	}
	if c.Host != "" && !validHost(c.Host) {
		errs = append(errs, fmt.Errorf("turn.host: %q must be a name or an address alone, such as cameras.example.org", c.Host))
	}
	_, err := parsePublic(c.PublicAddress)
	errs = append(errs, err)
	_, err = parsePrefixes(c.AllowPeers)
	return errors.Join(append(errs, err)...)
}

func (p Ports) validate() error {
	if p == (Ports{}) || p.Min >= 1024 && p.Min <= p.Max && p.Max <= 65535 {
		return nil
	}
	return fmt.Errorf("turn.ports: %d to %d is no range; choose min and max from 1024 to 65535, or 0 for any free port", p.Min, p.Max)
}

func hostPort(key, address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	if err == nil && host != "" {
		_, err = netip.ParseAddr(host)
	}
	if err == nil {
		_, err = net.LookupPort("udp", port)
	}
	if err != nil {
		return fmt.Errorf("turn.%s: %q is not an address and a port; write for example \":3478\"", key, address)
	}
	return nil
}

func within[T int | time.Duration](key string, value, low, high T) error {
	if value < low || value > high {
		return fmt.Errorf("turn.%s: %v is out of range; choose %v to %v", key, value, low, high)
	}
	return nil
}

// validHost allows letters, digits, dots and hyphens, or an address.
func validHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	for _, c := range []byte(host) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return len(host) <= 253
}

// parsePublic returns the addresses, of which one family may have one.
func parsePublic(list []string) ([]netip.Addr, error) {
	var addrs []netip.Addr
	for _, text := range list {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
			return nil, fmt.Errorf("turn.public_address: %q must be an address, such as 198.51.100.7", text)
		}
		addr = addr.Unmap()
		for _, other := range addrs {
			if other.Is4() == addr.Is4() {
				return nil, fmt.Errorf("turn.public_address: %s and %s are of one kind; give at most one of IPv4 and one of IPv6", other, addr)
			}
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

// parsePrefixes returns the networks; an IPv4 one that was written as mapped IPv6 is refused, since
// peers are judged as IPv4 then.
func parsePrefixes(list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("turn.allow_peers: %q must be a network, such as 192.168.1.0/24", text)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}
