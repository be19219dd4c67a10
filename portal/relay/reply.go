package relay

import (
	"net"

	"github.com/pion/stun/v4"
)

// stunHeader is type, length, cookie and transaction id in bytes (RFC 8489, section 5).
const stunHeader = 20

// transaction is the id of a STUN request.
type transaction [stun.TransactionIDSize]byte

func (t *transaction) copy(message []byte) { copy(t[:], message[stunHeader-len(t):]) }

// AddTo implements stun.Setter.
func (t *transaction) AddTo(m *stun.Message) error {
	m.TransactionID = *t
	m.WriteTransactionID()
	return nil
}

var channelBindError = stun.NewType(stun.MethodChannelBind, stun.ClassErrorResponse)

// isDenial reports whether p refuses a ChannelBind: it is asked for every packet that pion sends.
func isDenial(p []byte) bool {
	value := channelBindError.Value()
	return p[0] == byte(value>>8) && p[1] == byte(value)
}

// corrected turns pion's refusal of a channel to a forbidden peer from 401 into 403 (RFC 8656, section
// 12.2), at which no client tries another credential. A true 401 has a nonce.
func (s *Server) corrected(p []byte, r *relayed) []byte {
	refusal := &stun.Message{Raw: append([]byte(nil), p...)}
	var code stun.ErrorCodeAttribute
	if r == nil || refusal.Decode() != nil || refusal.Contains(stun.AttrNonce) || code.GetFrom(refusal) != nil || code.Code != stun.CodeUnauthorized {
		return p
	}
	id := transaction(refusal.TransactionID)
	return s.refusal(&id, channelBindError, stun.CodeForbidden, r.user.String())
}

// refusal is an error answer to one who has the credential of name.
func (s *Server) refusal(id *transaction, kind stun.MessageType, code stun.ErrorCode, name string) []byte {
	m, err := stun.Build(id, kind, code, stun.MessageIntegrity(s.key(name)))
	if err != nil {
		panic(err) // all parts are ours
	}
	return m.Raw
}

// mismatched answers a request, from one who has proved to be name, about an allocation that is not there
// (RFC 8656, section 5) or another's. Pion leaves such a client to wait until it gives up by itself, which
// takes the better part of a minute; with the answer it knows at once that the relay has started anew.
func (s *Server) mismatched(src net.Addr, name, method string) {
	kind, about := aboutAllocation[method]
	if !about {
		return
	}
	r, id, write := s.exchange(src)
	switch {
	case r == nil:
		write(s.refusal(id, kind, stun.CodeAllocMismatch, name))
	case r.user.String() != name:
		write(s.refusal(id, kind, stun.CodeWrongCredentials, name))
	}
}

// exchange returns what belongs to the request that pion is at: the client's allocation if it has one, the
// request's id, and how to answer. It is for pion's callbacks, in the goroutine that read the request.
func (s *Server) exchange(src net.Addr) (r *relayed, id *transaction, write func([]byte)) {
	if addr, ok := src.(*net.UDPAddr); ok {
		client := unmapped(addr.AddrPort())
		return s.udp.relay(client), &s.udp.last, func(p []byte) { _, _ = s.udp.WriteToUDPAddrPort(p, client) }
	}
	c := s.stream(src)
	return c.relay.Load(), &c.last, func(p []byte) { _, _ = c.write(p) }
}

var aboutAllocation = map[string]stun.MessageType{
	stun.MethodRefresh.String():          stun.NewType(stun.MethodRefresh, stun.ClassErrorResponse),
	stun.MethodCreatePermission.String(): stun.NewType(stun.MethodCreatePermission, stun.ClassErrorResponse),
	stun.MethodChannelBind.String():      channelBindError,
}
