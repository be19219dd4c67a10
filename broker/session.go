package broker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
)

const (
	// maxTopic bounds topics and filters in bytes, and so the index of them.
	maxTopic = 256
	// maxSubscriptions bounds a client's filters. Nobody of ours needs more than five.
	maxSubscriptions = 64
)

// session is an authenticated client. It hangs on its conn, where every hook call finds it without
// a map or a lock, and goes with it.
type session struct {
	identity credential.Identity
	subject  string
	// slot names what there is one of: the camera, or the client id of a portal or tool.
	slot    string
	rules   []credential.Rule // the identity's
	own     string            // what all topics of a camera's rules begin with, which are then for any camera
	claim   []credential.Rule // the token's, nil if the same
	expires time.Time

	client *mqtt.Client
	conn   *conn
	// owed are the wildcard subscriptions of the SUBSCRIBE in progress, whose retained messages are
	// still to be delivered. Only the reading goroutine uses it.
	owed []packets.Subscription

	whole      atomic.Bool   // it has subscribed to all of a camera's topics
	superseded atomic.Bool   // a newer connection has its slot: its Will is void
	cutting    atomic.Bool   // it is being disconnected: nothing more is taken from or given to it
	done       chan struct{} // closed when nothing of it is left

	mu    sync.Mutex
	phase phase
	code  packets.Code // why it is cut
}

// phase is how far a CONNECT has come.
type phase int

const (
	pending  phase = iota // it may still be refused
	accepted              // its CONNACK is on the way, and no other packet may precede it
	live
)

// anyCamera are the rules of every camera, on the topics that begin with its own: a kilobyte kept once, and
// not for each of a hundred thousand.
var anyCamera = credential.CameraRules("+")

func newSession(claims *credential.Claims, clientID string) (*session, error) {
	identity, err := claims.Identity()
	if err != nil {
		return nil, err
	}
	s := &session{
		identity: identity,
		subject:  claims.Subject,
		slot:     strings.Clone(clientID),
		claim:    claims.ACL,
		expires:  claims.ExpiresAt.Time,
		done:     make(chan struct{}),
	}
	switch identity.Role {
	case credential.RoleCamera:
		s.rules, s.own = credential.CameraRules(identity.ID), signaling.Root+identity.ID+"/"
		s.slot = claims.Subject
	case credential.RolePortal:
		s.rules = credential.PortalRules(identity.ID)
	case credential.RoleTool:
		s.rules = toolRules(identity, s.slot, claims.ACL)
	}
	if slices.Equal(s.rules, s.claim) {
		s.claim = nil
	}
	if s.own != "" {
		s.rules = anyCamera
	}
	if len(claims.ACL) == 0 {
		s.rules = nil // the token allows nothing
	}
	return s, nil
}

// toolRules are the most that a tool's claim can give it: everything that is not signalling, on any
// camera, pictures and restarts only if the claim names them, and replies addressed to itself.
func toolRules(identity credential.Identity, clientID string, claim []credential.Rule) []credential.Rule {
	rules := credential.ToolRules("+", clientID, credential.GrantedRights(claim))
	for _, name := range []string{identity.Subject(), identity.ID} {
		own := credential.Rule{Permission: "allow", Action: credential.Subscribe, Topic: signaling.Root + "+/replies/" + name}
		rules = slices.Insert(rules, len(rules)-1, own) // before the deny of everything
	}
	return rules
}

// retains reports whether a topic is state that outlives the message, for which this client may publish: a
// camera's own status and configuration, and what others want that to be.
func (s *session) retains(topic string) bool {
	if s.identity.Role == credential.RoleCamera {
		return topic == signaling.StatusTopic(s.identity.ID) || topic == signaling.ConfigReportedTopic(s.identity.ID)
	}
	parsed, err := signaling.ParseTopic(topic)
	return err == nil && parsed.Kind == signaling.KindConfigDesired
}

func (s *session) isPortal() bool { return s.identity.Role == credential.RolePortal }

// allowed is the ACL. It runs on every delivery, so it allocates nothing.
func (s *session) allowed(action credential.Action, topic string) bool {
	if len(topic) > maxTopic || s.cutting.Load() {
		return false
	}
	if action == credential.Publish && strings.ContainsAny(topic, "+#") {
		return false // a topic name has no wildcards [MQTT-3.3.2-2], a Will's neither
	}
	if !strings.HasPrefix(topic, s.own) || !credential.Allowed(s.rules, action, topic) {
		return false
	}
	return s.claim == nil || credential.Allowed(s.claim, action, topic)
}

// watches reports whether a tool may subscribe to all of a camera's topics, of which it gets those that it
// may read: each delivery is judged. From then on what it does not get is no attempt at anything.
func (s *session) watches(filter string) bool {
	if s.identity.Role != credential.RoleTool || !credential.AllowedWhole(s.rules, filter) {
		return false
	}
	if s.claim != nil && !credential.AllowedWhole(s.claim, filter) {
		return false
	}
	s.whole.Store(true)
	return true
}

// accept is the last word on a CONNECT, unless the session is already being cut.
func (s *session) accept() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = accepted
	return !s.cutting.Load()
}

// established follows the CONNACK.
func (s *session) established() {
	s.mu.Lock()
	s.phase = live
	late := s.cutting.Load()
	s.mu.Unlock()
	if late {
		s.hangUp(live)
	}
}

// cut disconnects the client with a reason. It reports whether this call did it.
func (s *session) cut(code packets.Code) bool {
	s.mu.Lock()
	if s.cutting.Swap(true) {
		s.mu.Unlock()
		return false
	}
	s.code = code
	reached := s.phase
	s.mu.Unlock()
	if reached != accepted { // otherwise established does it
		s.hangUp(reached)
	}
	return true
}

// hangUp closes the socket rather than stop the client: Mochi takes a stopped client for one that
// said goodbye, and drops its Will.
func (s *session) hangUp(reached phase) {
	s.conn.hurry()
	if reached == live && s.client.Properties.ProtocolVersion == protocol5 {
		_ = s.client.WritePacket(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Disconnect},
			ReasonCode:  s.code.Code,
			Properties:  packets.Properties{ReasonString: s.code.Reason},
		})
	}
	_ = s.conn.Close()
}
