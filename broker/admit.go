package broker

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

const (
	protocol5 = 5
	// maxKeepAlive in seconds also stands in for 0, which would let a dead camera look alive for
	// ever. Above 43,690 Mochi's arithmetic overflows.
	maxKeepAlive = 300
	// revocationTimeout bounds the question whether a token is revoked.
	revocationTimeout = 2 * time.Second
)

// Refusals that are ours to word; the client sees them as the Reason String.
var (
	codeExpired     = packets.Code{Code: packets.ErrNotAuthorized.Code, Reason: "token expired; get a new one"}
	codeRevoked     = packets.Code{Code: packets.ErrNotAuthorized.Code, Reason: "credential revoked"}
	codeWill        = packets.Code{Code: packets.ErrNotAuthorized.Code, Reason: "will not allowed on this topic"}
	codeUnavailable = packets.Code{Code: packets.ErrServerUnavailable.Code, Reason: "revocation cannot be checked now; try again"}
	codeStuck       = packets.Code{Code: packets.ErrServerUnavailable.Code, Reason: "the previous connection is still ending; try again"}
)

// validate judges the form of a CONNECT.
func (b *Broker) validate(cl *mqtt.Client, pk packets.Packet) packets.Code {
	version := cl.Properties.ProtocolVersion
	switch code := pk.ConnectValidate(); {
	case code != packets.CodeSuccess: // [MQTT-3.1.4-1]
		return code
	case version < minimumProtocol || version > protocol5: // [MQTT-3.1.2-2]
		return packets.ErrUnsupportedProtocolVersion
	case pk.Connect.WillQos > maximumQoS: // [MQTT-3.2.2-12]
		return packets.ErrQosNotSupported
	case b.sessions.len() >= b.cfg.MaxClients:
		return packets.ErrServerBusy
	}
	return packets.CodeSuccess
}

// authenticate judges whose a CONNECT is, and returns the session it may have.
func (b *Broker) authenticate(cl *mqtt.Client, pk packets.Packet) (*session, *credential.Claims, packets.Code) {
	defer b.arrivals.enter()()
	claims, err := b.keys.Verify(string(pk.Connect.Password), b.now())
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, nil, codeExpired
	case err != nil, claims.Subject != string(pk.Connect.Username):
		return nil, nil, packets.ErrBadUsernameOrPassword
	}
	// pk, not cl: there Mochi has already made up an id for an empty one.
	s, err := newSession(claims, pk.Connect.ClientIdentifier)
	switch {
	case err != nil:
		return nil, nil, packets.ErrBadUsernameOrPassword
	case !s.identity.OwnsClientID(pk.Connect.ClientIdentifier):
		return nil, nil, packets.ErrClientIdentifierNotValid
	case pk.Connect.WillFlag && !s.allowedWill(pk.Connect):
		return nil, nil, codeWill
	}
	s.client, s.conn = cl, cl.Net.Conn.(*conn)
	return s, claims, packets.CodeSuccess
}

func (s *session) allowedWill(c packets.ConnectParams) bool {
	status := s.identity.Role == credential.RoleCamera && c.WillTopic == signaling.StatusTopic(s.identity.ID)
	return s.allowed(credential.Publish, c.WillTopic) && (!c.WillRetain || status)
}

// revoked asks whether the token still counts; without an answer nobody comes in.
func (b *Broker) revoked(claims *credential.Claims) packets.Code {
	if b.revocations == nil {
		return packets.CodeSuccess
	}
	ctx, cancel := context.WithTimeout(b.life, revocationTimeout)
	defer cancel()
	switch revoked, err := b.revocations.Revoked(ctx, claims); {
	case err != nil:
		b.log.Error("broker: revocation check failed; refusing", "subject", claims.Subject, "error", err)
		return codeUnavailable
	case revoked:
		return codeRevoked
	}
	return packets.CodeSuccess
}

// admit lets a client in, or says why not.
func (b *Broker) admit(cl *mqtt.Client, pk packets.Packet) packets.Code {
	if code := b.validate(cl, pk); code != packets.CodeSuccess {
		return code
	}
	s, claims, code := b.authenticate(cl, pk)
	if code != packets.CodeSuccess {
		return code
	}
	// From here on a revocation finds the session, so none falls between the question and the answer.
	s.conn.session.Store(s)
	b.sessions.add(s)
	if code := b.revoked(claims); code != packets.CodeSuccess {
		return code
	}
	if code := b.takeOver(s); code != packets.CodeSuccess {
		return code
	}
	limitClient(cl)
	s.conn.authenticated(s)
	return packets.CodeSuccess
}

// takeOver ends the connection that had the slot and waits until it is gone.
func (b *Broker) takeOver(s *session) packets.Code {
	old, flaps := b.sessions.take(s, b.now())
	if flaps {
		b.stats.flapping.Add(1)
		b.log.Warn("broker: flapping: several processes use one credential and evict each other; "+
			"stop all but one, or give each its own", "subject", s.subject)
	}
	if old != nil {
		b.stats.takeovers.Add(1)
		old.cut(packets.ErrSessionTakenOver) // [MQTT-3.1.4-3]
		timeout := time.NewTimer(takeoverTimeout)
		defer timeout.Stop()
		select {
		case <-old.done:
		case <-timeout.C:
			b.sessions.giveBack(s, old)
			return codeStuck
		}
	}
	if !s.accept() {
		return packets.ErrSessionTakenOver // meanwhile by another, or revoked
	}
	return packets.CodeSuccess
}

// limitClient takes what the client asked for and we do not give: sessions that outlive their
// connection, delayed Wills, and no keep-alive.
func limitClient(cl *mqtt.Client) {
	cl.Properties.Clean = true // for MQTT 3.1.1
	cl.Properties.Props.SessionExpiryInterval = 0
	cl.Properties.Props.SessionExpiryIntervalFlag = false
	will := &cl.Properties.Will
	will.WillDelayInterval = 0
	// Mochi's strings are views of the whole CONNECT, token included, and would keep it in memory.
	cl.ID = strings.Clone(cl.ID)
	cl.Properties.Username = bytes.Clone(cl.Properties.Username)
	will.TopicName, will.Payload = strings.Clone(will.TopicName), bytes.Clone(will.Payload)
	if cl.State.Keepalive == 0 || cl.State.Keepalive > maxKeepAlive {
		cl.State.Keepalive = maxKeepAlive
		cl.State.ServerKeepalive = true // [MQTT-3.1.2-21] the CONNACK says so
	}
}

// refuse answers a CONNECT.
func (b *Broker) refuse(cl *mqtt.Client, code packets.Code) {
	b.stats.refused.Add(1)
	c := cl.Net.Conn.(*conn)
	if code.Code == packets.ErrBadUsernameOrPassword.Code || code.Code == packets.ErrClientIdentifierNotValid.Code {
		if delay := c.ticket.penalty(time.Now()); delay > 0 && c.wait(delay) != nil {
			return
		}
	}
	b.refusals.Do(func() {
		b.log.Warn("broker: connection refused", "remote", cl.Net.Remote, "client", printable(cl.ID), "reason", code.Reason)
	})
	if cl.Properties.ProtocolVersion < protocol5 {
		code = version3(code)
	}
	_ = b.server.SendConnack(cl, code, false, nil)
}

// version3 translates a refusal to a return code of MQTT 3.1.1 (3.2.2.3).
func version3(code packets.Code) packets.Code {
	switch code.Code {
	case packets.ErrClientIdentifierNotValid.Code:
		return packets.Err3ClientIdentifierNotValid
	case packets.ErrServerUnavailable.Code, packets.ErrServerBusy.Code:
		return packets.Err3ServerUnavailable
	case packets.ErrUnsupportedProtocolVersion.Code:
		return packets.Err3UnsupportedProtocolVersion
	}
	return packets.Err3NotAuthorized
}

// printable keeps a stranger's words short in the log.
func printable(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most]
	}
	return s
}
