package broker

import (
	"errors"
	"fmt"
	"net"
	"time"

	"seccam/pkg/certificate"
	"seccam/pkg/tracing"
)

// Config is where the broker listens and what a client may use. The zero value is not usable; see
// [DefaultConfig].
type Config struct {
	// TCP, TLS and WebSocket are host:port addresses; empty disables, port 0 chooses a free one.
	// WebSocket is wss when CertFile is set.
	TCP       string `yaml:"tcp"`
	TLS       string `yaml:"tls"`
	WebSocket string `yaml:"websocket"`
	// CertFile and KeyFile are PEM files, read again when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Certificate is what is shown without CertFile. WebSocket is then still plain: a proxy may be in front.
	Certificate certificate.Source `yaml:"-"`
	// Tracer, if set, is told how long messages of sessions take.
	Tracer *tracing.Tracer `yaml:"-"`

	// MaxClients caps authenticated connections, MaxUnauthenticated those that have not yet been.
	// One address may hold a quarter of the latter.
	MaxClients         int `yaml:"max_clients"`
	MaxUnauthenticated int `yaml:"max_unauthenticated"`
	// MaxPacketBytes caps a packet; a CONNECT may have at most 16 KiB of it.
	MaxPacketBytes int `yaml:"max_packet_bytes"`
	// ConnectTimeout is how long a new connection has for everything up to its CONNECT.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// WriteTimeout is how long a client may leave one write pending before it is cut.
	WriteTimeout time.Duration `yaml:"write_timeout"`
	// MessagesPerSecond and BytesPerSecond slow a camera or tool that sends more, after a burst of
	// five seconds' worth. A portal speaks for many viewers and may send a hundred times as much.
	MessagesPerSecond int `yaml:"messages_per_second"`
	BytesPerSecond    int `yaml:"bytes_per_second"`
	// ConnectionsPerSecond caps new connections from one address (one /64 of IPv6). Raise it when a
	// proxy in front of the broker makes all clients look like one.
	ConnectionsPerSecond int `yaml:"connections_per_second_per_address"`
	// FailuresPerMinute is how many refused credentials an address may present before their
	// refusals are delayed.
	FailuresPerMinute int `yaml:"failures_per_minute_per_address"`
}

// minPacketBytes lets a signalling message of signaling.MaxMessage and its topic through.
const minPacketBytes = 50 << 10

// DefaultConfig returns the defaults: plain TCP on loopback, nothing on the network.
func DefaultConfig() Config {
	return Config{
		TCP:                  "127.0.0.1:1883",
		MaxClients:           100_000,
		MaxUnauthenticated:   1024,
		MaxPacketBytes:       64 << 10,
		ConnectTimeout:       5 * time.Second,
		WriteTimeout:         2 * time.Second,
		MessagesPerSecond:    200,
		BytesPerSecond:       1 << 20,
		ConnectionsPerSecond: 100,
		FailuresPerMinute:    60,
	}
}

// Validate returns every error at once, each naming the key and its remedy.
func (c Config) Validate() error {
	var errs []error
	for key, address := range map[string]string{"tcp": c.TCP, "tls": c.TLS, "websocket": c.WebSocket} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			errs = append(errs, fmt.Errorf("broker.%s: %q is not host:port; write for example 127.0.0.1:1883", key, address))
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("broker.cert_file, broker.key_file: set both or neither"))
	}
	if c.TLS != "" && c.CertFile == "" && c.Certificate == nil {
		errs = append(errs, errors.New("broker.tls: needs broker.cert_file and broker.key_file, or those of the pages"))
	}
	errs = append(errs,
		within("max_clients", c.MaxClients, 1, 10_000_000),
		within("max_unauthenticated", c.MaxUnauthenticated, 4, 100_000),
		within("max_packet_bytes", c.MaxPacketBytes, minPacketBytes, 1<<20),
		within("messages_per_second", c.MessagesPerSecond, 1, 1_000_000),
		within("bytes_per_second", c.BytesPerSecond, 1<<10, 1<<30),
		within("connections_per_second_per_address", c.ConnectionsPerSecond, 1, 1_000_000),
		within("failures_per_minute_per_address", c.FailuresPerMinute, 1, 1_000_000),
		within("connect_timeout", c.ConnectTimeout, 10*time.Millisecond, 10*time.Second),
		within("write_timeout", c.WriteTimeout, 10*time.Millisecond, 10*time.Second),
	)
	return errors.Join(errs...)
}

func within[T int | time.Duration](key string, value, low, high T) error {
	if value < low || value > high {
		return fmt.Errorf("broker.%s: %v is out of range; choose %v to %v", key, value, low, high)
	}
	return nil
}
