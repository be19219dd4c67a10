package relay

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func touch(t *testing.T, file string, at time.Time) {
	t.Helper()
	require.NoError(t, os.Chtimes(file, at, at))
}

func breakFile(t *testing.T, file string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte("nothing"), 0o600))
	touch(t, file, time.Now().Add(2*time.Minute))
}

func TestDefaultConfigIsOff(t *testing.T) {
	cfg := DefaultConfig()
	require.NoError(t, cfg.Validate())
	require.False(t, cfg.Enabled())
	_, err := New(cfg, testSecret(t), nil, quietLogger())
	require.ErrorContains(t, err, "turn.udp, turn.tcp, turn.tls")
	cfg.UDP = "127.0.0.1:0"
	require.True(t, cfg.Enabled())
	_, err = New(cfg, testSecret(t), nil, quietLogger())
	require.ErrorContains(t, err, "turn.host")
}

func TestYAML(t *testing.T) {
	cfg := DefaultConfig()
	dec := yaml.NewDecoder(strings.NewReader(`
udp: ":3478"
tcp: 0.0.0.0:3478
tls: "[::]:443"
cert_file: /etc/cert.pem
key_file: /etc/key.pem
host: relay.example.org
public_address: [8.8.4.4, "2a00:1450::1"]
ports: {min: 49152, max: 65535}
allow_peers: [192.168.1.0/24, "fd00::/8"]
max_allocations: 10
max_allocations_per_session: 5
max_allocations_per_account: 6
bytes_per_second: 1000000
lifetime: 2h
`))
	dec.KnownFields(true)
	require.NoError(t, dec.Decode(&cfg))
	require.NoError(t, cfg.Validate())
	require.Equal(t, Config{
		UDP: ":3478", TCP: "0.0.0.0:3478", TLS: "[::]:443", CertFile: "/etc/cert.pem", KeyFile: "/etc/key.pem",
		Host: "relay.example.org", PublicAddress: []string{"8.8.4.4", "2a00:1450::1"}, Ports: Ports{49152, 65535},
		AllowPeers: []string{"192.168.1.0/24", "fd00::/8"}, MaxAllocations: 10, MaxAllocationsPerSession: 5,
		MaxAllocationsPerAccount: 6, BytesPerSecond: 1_000_000, Lifetime: 2 * time.Hour,
	}, cfg)
}

func TestBadConfigs(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		"turn.udp: \"3478\"":             func(cfg *Config) { cfg.UDP = "3478" },
		"turn.tcp: \"localhost:99999\"":  func(cfg *Config) { cfg.TCP = "localhost:99999" },
		"turn.tls: \"example.org:443\"":  func(cfg *Config) { cfg.TLS = "example.org:443" },
		"turn.tls: needs turn.cert_file": func(cfg *Config) { cfg.TLS = ":443" },
		"set both or neither":            func(cfg *Config) { cfg.KeyFile = "key.pem" },
		"turn.host: \"turn:x\"":          func(cfg *Config) { cfg.Host = "turn:x" },
		"\"x\" must be an address":       func(cfg *Config) { cfg.PublicAddress = []string{"x"} },
		"\"0.0.0.0\" must be":            func(cfg *Config) { cfg.PublicAddress = []string{"0.0.0.0"} },
		"of one kind":                    func(cfg *Config) { cfg.PublicAddress = []string{"8.8.4.4", "::ffff:8.8.8.8"} },
		"turn.ports: 0 to 100":           func(cfg *Config) { cfg.Ports = Ports{0, 100} },
		"turn.ports: 3000 to 2000":       func(cfg *Config) { cfg.Ports = Ports{3000, 2000} },
		"turn.allow_peers: \"10.0.0.1\"": func(cfg *Config) { cfg.AllowPeers = []string{"10.0.0.1"} },
		"\"::ffff:10.0.0.0/104\"":        func(cfg *Config) { cfg.AllowPeers = []string{"::ffff:10.0.0.0/104"} },
		"turn.max_allocations: 0":        func(cfg *Config) { cfg.MaxAllocations = 0 },
		"turn.max_allocations_per_sess":  func(cfg *Config) { cfg.MaxAllocationsPerSession = -1 },
		"turn.max_allocations_per_acc":   func(cfg *Config) { cfg.MaxAllocationsPerAccount = 0 },
		"turn.bytes_per_second: 0":       func(cfg *Config) { cfg.BytesPerSecond = 0 },
		"turn.lifetime: 1s":              func(cfg *Config) { cfg.Lifetime = time.Second },
	} {
		cfg := DefaultConfig()
		spoil(&cfg)
		require.ErrorContains(t, cfg.Validate(), want)
	}
	cfg := Config{UDP: "x", Host: "/"}
	lines := strings.Split(cfg.Validate().Error(), "\n")
	require.Len(t, lines, 7, "all at once")
}
