package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"seccam/pkg/signaling"
)

// CheckRelay is the name of the check of STUN and TURN.
const CheckRelay = "turn"

// relayTimeout bounds the check, all servers at once.
const relayTimeout = 5 * time.Second

// Relays checks the servers that servers returns, after the check named after: of each, an answer to a
// binding request, and at relays an allocation.
func Relays(after string, trust *tls.Config, servers func() []signaling.ICEServer) Check {
	return Check{Name: CheckRelay, Needs: []string{after}, Timeout: relayTimeout, Look: func(ctx context.Context) Finding {
		return tryRelays(ctx, trust, servers())
	}}
}

// attempt is one URL of one server.
type attempt struct {
	uri    *stun.URI
	server signaling.ICEServer
	err    error
}

func (a attempt) isRelay() bool {
	return a.uri.Scheme == stun.SchemeTypeTURN || a.uri.Scheme == stun.SchemeTypeTURNS
}

func (a attempt) String() string {
	return fmt.Sprintf("%s by %s", net.JoinHostPort(a.uri.Host, fmt.Sprint(a.uri.Port)), strings.ToUpper(a.transport()))
}

func (a attempt) transport() string {
	if a.uri.Scheme == stun.SchemeTypeTURNS {
		return "tls"
	}
	return a.uri.Proto.String()
}

func tryRelays(ctx context.Context, trust *tls.Config, servers []signaling.ICEServer) Finding {
	attempts, err := attemptsOf(servers)
	if err != nil {
		return Fail("Correct the portal's ice_servers.", "the portal names a server that cannot be used: %v", err)
	}
	const next = "Switch on the portal's relay (turn in portal.yml), so that every network works."
	if len(attempts) == 0 {
		return Warn(next, "the portal has neither STUN nor TURN: only viewers in the camera's own network, or by a public address, see it")
	}
	ended := make(chan struct{})
	for i := range attempts {
		go func() {
			attempts[i].err = attempts[i].try(ctx, trust)
			ended <- struct{}{}
		}()
	}
	for range attempts {
		<-ended
	}
	return judgeRelays(attempts, next)
}

func attemptsOf(servers []signaling.ICEServer) (all []attempt, err error) {
	for _, server := range servers {
		for _, raw := range server.URLs {
			uri, err := stun.ParseURI(raw)
			if err != nil {
				return nil, fmt.Errorf("%.100q: %w", raw, err)
			}
			all = append(all, attempt{uri: uri, server: server})
		}
	}
	return all, nil
}

// judgeRelays is content with one way to a relay, and names those that do not work.
func judgeRelays(attempts []attempt, next string) Finding {
	var works, allocated, broken []string
	relays := false
	for _, a := range attempts {
		relays = relays || a.isRelay()
		switch {
		case a.err != nil:
			broken = append(broken, fmt.Sprintf("%s: %v", a, a.err))
		case a.isRelay():
			allocated = append(allocated, a.String())
		default:
			works = append(works, a.String())
		}
	}
	failed := strings.Join(broken, "; ")
	switch {
	case relays && len(allocated) == 0:
		return Fail("Check that the firewall lets these ports through, and the portal's log for what hinders its relay.", "no relay works: %s", failed)
	case !relays && len(works) == 0:
		return Fail("Check that the firewall lets UDP through to these servers.", "no STUN server answers: %s", failed)
	case !relays:
		return Warn(next, "STUN works (%s), and there is no relay: some networks need one", strings.Join(works, ", "))
	case len(broken) > 0:
		return Warn("Some networks may need what does not work.", "a relay works (%s); not so %s", strings.Join(allocated, ", "), failed)
	}
	return OK("allocated at %s", strings.Join(allocated, ", "))
}

// try asks for the own address and, at a relay, for an allocation, which it gives back.
func (a attempt) try(ctx context.Context, trust *tls.Config) error {
	conn, err := a.dial(ctx, trust)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends what waits
	defer stop()
	address := net.JoinHostPort(a.uri.Host, fmt.Sprint(a.uri.Port))
	client, err := turn.NewClient(&turn.ClientConfig{
		STUNServerAddr: address, TURNServerAddr: address, Conn: conn, RequestedAddressFamily: turn.RequestedAddressFamilyIPv4, // as sessions ask
		Username: a.server.Username, Password: a.server.Credential, LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard},
	})
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Listen(); err != nil {
		return err
	}
	if !a.isRelay() {
		_, err = client.SendBindingRequest()
		return timely(ctx, err)
	}
	relayed, err := client.Allocate()
	if err != nil {
		return timely(ctx, err)
	}
	return relayed.Close()
}

// dial returns the way to the server as packets.
func (a attempt) dial(ctx context.Context, trust *tls.Config) (net.PacketConn, error) {
	var d net.Dialer
	address := net.JoinHostPort(a.uri.Host, fmt.Sprint(a.uri.Port))
	switch a.transport() {
	case "udp":
		return listenFor(ctx, address)
	case "tcp":
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return turn.NewSTUNConn(conn), nil
	}
	config := trust.Clone()
	config.ServerName = a.uri.Host
	conn, err := (&tls.Dialer{NetDialer: &d, Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return turn.NewSTUNConn(conn), nil
}

// listenFor binds a socket of the family by which a server is reached.
func listenFor(ctx context.Context, server string) (net.PacketConn, error) {
	var d net.Dialer
	probe, err := d.DialContext(ctx, "udp", server) // sends nothing
	if err != nil {
		return nil, err
	}
	local := probe.LocalAddr().(*net.UDPAddr) // of a UDP socket
	_ = probe.Close()
	var any net.ListenConfig
	return any.ListenPacket(ctx, "udp", net.JoinHostPort(local.IP.String(), "0"))
}

// timely says "no answer" for what closing the socket made of it.
func timely(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("no answer within %v", relayTimeout)
	}
	return err
}
