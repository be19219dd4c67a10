package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"seccam/pkg/certificate"
	"seccam/pkg/credential"
)

const (
	// addressCheck is how often the machine's addresses are looked at, when one is asked for.
	addressCheck = time.Minute
	// retryDelay is how long a socket rests after an error of the system.
	retryDelay = 100 * time.Millisecond
	// connectionsPerAllocation leaves room for connections that are about to allocate or have no need to.
	connectionsPerAllocation = 2
)

// Server is a STUN and TURN server; see [New]. Its methods are safe for concurrent use.
type Server struct {
	cfg    Config
	secret credential.Secret
	log    *slog.Logger
	now    func() time.Time // for credentials and rates; sockets use the real clock
	began  time.Time
	idle   time.Duration // idleTimeout

	allow      []netip.Prefix
	configured []netip.Addr
	interfaces func() ([]netip.Addr, error)
	addresses  atomic.Pointer[addresses]
	looked     atomic.Int64 // when at the interfaces, as of elapsed

	udp      *udpFront      // nil if disabled
	tcp, tls *listener      // nil if disabled
	roots    *x509.CertPool // of Check; nil: the system's
	gate     *gate
	table    *table
	counts   counters

	life    context.Context // ends when the server begins to
	end     context.CancelFunc
	started atomic.Bool
	done    chan struct{}
	work    sync.WaitGroup // goroutines of ours, and pion's that serve a socket

	mu      sync.Mutex
	ended   bool
	streams map[net.Addr]*stream // by the pointer that pion has
}

// New checks the configuration and binds every listener. Nothing is answered before [Server.Run]. Portals
// with the same secret take each other's credentials. now is the clock; nil is time.Now.
func New(cfg Config, secret credential.Secret, now func() time.Time, log *slog.Logger) (*Server, error) {
	return newServer(cfg, secret, now, log, interfaceAddresses)
}

func newServer(cfg Config, secret credential.Secret, now func() time.Time, log *slog.Logger, interfaces func() ([]netip.Addr, error)) (*Server, error) {
	if now == nil {
		now = time.Now
	}
	s := &Server{
		cfg: cfg, secret: secret, log: log, now: now, began: now(), idle: idleTimeout, interfaces: interfaces,
		gate: newGate(cfg.MaxAllocations * connectionsPerAllocation),
		done: make(chan struct{}), streams: map[net.Addr]*stream{},
	}
	s.table = newTable(limits{cfg.MaxAllocations, cfg.MaxAllocationsPerSession, cfg.MaxAllocationsPerAccount}, &s.work)
	s.life, s.end = context.WithCancel(context.Background())
	if err := s.prepare(); err != nil {
		s.end()
		s.closeSockets()
		return nil, err
	}
	return s, nil
}

func (s *Server) prepare() error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	if !s.cfg.Enabled() {
		return errors.New("turn.udp, turn.tcp, turn.tls: all are empty; set one, such as \":3478\"")
	}
	if s.cfg.Host == "" {
		return errors.New("turn.host: is empty; set the name at which clients reach the relay")
	}
	s.allow, _ = parsePrefixes(s.cfg.AllowPeers)       // validated
	s.configured, _ = parsePublic(s.cfg.PublicAddress) // validated
	interfaces, err := s.interfaces()
	if err != nil {
		return fmt.Errorf("turn.public_address: the machine's addresses cannot be read: %w", err)
	}
	s.addresses.Store(discover(s.configured, interfaces))
	return s.bind()
}

func (s *Server) bind() error {
	if s.cfg.UDP != "" {
		conn, err := listenUDP("udp", s.cfg.UDP, &net.ListenConfig{})
		if err != nil {
			return fmt.Errorf("turn.udp: %w; is another relay running?", err)
		}
		s.udp = newUDPFront(s, conn)
	}
	var err error
	if s.tcp, err = s.listener("tcp", s.cfg.TCP, nil); err != nil {
		return err
	}
	if s.cfg.TLS == "" {
		return nil
	}
	if s.cfg.CertFile != "" {
		if s.cfg.Certificate, err = certificate.Files(s.cfg.CertFile, s.cfg.KeyFile, s.now); err != nil {
			return fmt.Errorf("turn.cert_file, turn.key_file: %w", err)
		}
	}
	s.tls, err = s.listener("tls", s.cfg.TLS, s.cfg.Certificate.Config())
	return err
}

func (s *Server) listener(key, address string, config *tls.Config) (*listener, error) {
	if address == "" {
		return nil, nil
	}
	bound, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("turn.%s: %w; is another relay running?", key, err)
	}
	return &listener{Listener: bound, server: s, tls: config, ready: make(chan *stream)}, nil
}

// UDPAddr is the bound address for UDP; nil if disabled.
func (s *Server) UDPAddr() net.Addr {
	if s.udp == nil {
		return nil
	}
	return s.udp.LocalAddr()
}

// TCPAddr is the bound address for TCP; nil if disabled.
func (s *Server) TCPAddr() net.Addr { return s.tcp.address() }

// TLSAddr is the bound address for TLS; nil if disabled.
func (s *Server) TLSAddr() net.Addr { return s.tls.address() }

func (l *listener) address() net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// elapsed is the time since the server began, in nanoseconds; a step of the wall clock does not change it.
func (s *Server) elapsed() int64 { return int64(s.now().Sub(s.began)) }

// currentAddresses looks again now and then, for a machine whose provider gives it another address.
func (s *Server) currentAddresses() *addresses {
	looked, now := s.looked.Load(), s.elapsed()
	if now-looked > int64(addressCheck) && s.looked.CompareAndSwap(looked, now) {
		if interfaces, err := s.interfaces(); err == nil {
			s.addresses.Store(discover(s.configured, interfaces))
		}
	}
	return s.addresses.Load()
}

// pause waits a little, unless the server ends.
func (s *Server) pause() {
	timer := time.NewTimer(retryDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.life.Done():
	}
}
