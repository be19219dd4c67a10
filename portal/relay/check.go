package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pion/stun/v4"
	"golang.org/x/sys/unix"

	"seccam/portal/internet"
)

const (
	// checkTimeout bounds [Server.Check].
	checkTimeout = 5 * time.Second
	// probeInterval is when an unanswered probe over UDP is repeated.
	probeInterval = 500 * time.Millisecond
	// spareFiles is what the rest of the portal may have open.
	spareFiles = 1000
)

// Finding is one reason why relays may not work.
type Finding struct {
	// About is the key, or the port such as "3478/udp", that it is about.
	About string
	// Text says what is wrong and what to do.
	Text string
}

// Check looks for reasons why relays cannot work: addresses that the Internet does not reach, a name that
// does not resolve, ports that do not answer at each of its addresses. It needs [Server.Run] to be running, and
// takes at most five seconds. The ports are tried from this machine: a firewall in front of it can go
// unnoticed, and a router that does not return what its own network sends to its public address is reported.
func (s *Server) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	findings := append(s.checkAddresses(), s.checkFiles()...)
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.cfg.Host)
	if err != nil {
		return append(findings, Finding{"turn.host", fmt.Sprintf(
			"the name %s does not resolve: %v; create its DNS record, or set turn.host", s.cfg.Host, err)})
	}
	return append(findings, s.checkPorts(ctx, addrs)...)
}

func (s *Server) checkAddresses() []Finding {
	var findings []Finding
	const only = "relays only work inside this network: set turn.public_address to the address at which the Internet reaches this machine"
	for _, addr := range s.currentAddresses().advertised() {
		switch {
		case !internet.Special(addr):
		case len(s.configured) == 0:
			findings = append(findings, Finding{"turn.public_address", fmt.Sprintf("this machine has no public address, only %s; %s", addr, only)})
		default:
			findings = append(findings, Finding{"turn.public_address", fmt.Sprintf("%s is not a public address; %s", addr, only)})
		}
	}
	if len(s.currentAddresses().advertised()) == 0 {
		findings = append(findings, Finding{"turn.public_address", "this machine has no address; " + only})
	}
	return findings
}

// checkFiles warns of a limit that the system would enforce before the quota does.
func (s *Server) checkFiles() []Finding {
	var limit unix.Rlimit
	need := uint64(s.cfg.MaxAllocations*(1+connectionsPerAllocation) + spareFiles)
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= need {
		return nil
	}
	return []Finding{{"turn.max_allocations", fmt.Sprintf(
		"up to %d open files are needed and %d are allowed: raise the limit (LimitNOFILE of systemd), or lower turn.max_allocations", need, limit.Cur)}}
}

// checkPorts tries every listener at every address, all at once.
func (s *Server) checkPorts(ctx context.Context, addrs []netip.Addr) []Finding {
	probes := []struct {
		addr net.Addr
		kind string
		try  func(ctx context.Context, address string) error
	}{
		{s.UDPAddr(), "udp", probeUDP},
		{s.TCPAddr(), "tcp", probeStream},
		{s.TLSAddr(), "tls", s.probeTLS},
	}
	var mu sync.Mutex
	var findings []Finding
	var wait sync.WaitGroup
	for _, probe := range probes {
		if probe.addr == nil {
			continue
		}
		_, port, _ := net.SplitHostPort(probe.addr.String()) // a bound address has a port
		for _, addr := range addrs {
			wait.Go(func() {
				if err := probe.try(ctx, net.JoinHostPort(addr.String(), port)); err != nil {
					mu.Lock()
					defer mu.Unlock()
					findings = append(findings, s.finding(port+"/"+probe.kind, addr.Unmap(), err))
				}
			})
		}
	}
	wait.Wait()
	slices.SortFunc(findings, func(a, b Finding) int { return strings.Compare(a.About+a.Text, b.About+b.Text) })
	return findings
}

func (s *Server) finding(about string, addr netip.Addr, err error) Finding {
	var wrong *tls.CertificateVerificationError
	if errors.As(err, &wrong) {
		return Finding{about, fmt.Sprintf("browsers will refuse turn.cert_file for %s: %v", s.cfg.Host, wrong.Err)}
	}
	return Finding{about, fmt.Sprintf("port %s of %s did not answer: %v; open it in the firewall, and forward it if this machine is behind a router",
		about, addr, err)}
}

// binding is what a STUN server answers without a credential.
func binding() *stun.Message { return stun.MustBuild(stun.TransactionID, stun.BindingRequest) }

// probeUDP repeats the question until it is answered or ctx ends.
func probeUDP(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	request := binding()
	buf := make([]byte, maxFrame)
	for ctx.Err() == nil {
		if _, err := conn.Write(request.Raw); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		_ = conn.SetReadDeadline(time.Now().Add(probeInterval))
		n, err := conn.Read(buf)
		if err == nil && answers(buf[:n], request) {
			return nil
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
	}
	return ctx.Err()
}

func probeStream(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return ask(ctx, conn)
}

func (s *Server) probeTLS(ctx context.Context, address string) error {
	conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: s.cfg.Host, RootCAs: s.roots}}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return ask(ctx, conn)
}

// ask sends one question by conn, and closes it.
func ask(ctx context.Context, conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline() // Check sets one
	_ = conn.SetDeadline(deadline)
	request := binding()
	if _, err := conn.Write(request.Raw); err != nil {
		return err
	}
	head := make([]byte, stunHeader)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	if !stun.IsMessage(head) {
		return errors.New("another program answers there")
	}
	return nil
}

func answers(p []byte, request *stun.Message) bool {
	m := &stun.Message{Raw: p}
	return m.Decode() == nil && m.TransactionID == request.TransactionID
}
