package account

import (
	"context"
	"time"

	"seccam/portal/store"
)

// ActorKind is what somebody is who does something.
type ActorKind string

// The kinds of actors.
const (
	ActorNobody  ActorKind = "nobody"  // not known who
	ActorPerson  ActorKind = "person"  // with an account
	ActorGuest   ActorKind = "guest"   // by a guest link
	ActorProgram ActorKind = "program" // by a view token
	ActorToken   ActorKind = "token"   // a person's program, by an API token
	// ActorOperator is whoever runs the portal.
	ActorOperator ActorKind = "operator"
)

// Actor is who does something, and from where.
type Actor struct {
	Kind ActorKind
	Name string // the user name, or the name of the link or token
	Client
}

type actorKey struct{}

// As returns a context in which the actor does what is done.
func As(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorOf returns who does what is done in a context.
func ActorOf(ctx context.Context) Actor {
	actor, _ := ctx.Value(actorKey{}).(Actor)
	if actor.Kind == "" {
		actor.Kind = ActorNobody
	}
	return actor
}

// Kinds of entries of the audit log.
const (
	AuditLogin           = "login"
	AuditLoginFailed     = "login_failed"
	AuditLoginEnded      = "login_ended"
	AuditPassword        = "password_changed"
	AuditFactor          = "second_factor_changed"
	AuditEmail           = "mail_address_changed"
	AuditLinked          = "identity_linked"
	AuditClaimed         = "camera_claimed"
	AuditClaimRefused    = "claim_refused"
	AuditReleased        = "camera_released"
	AuditOffered         = "camera_offered"
	AuditGiven           = "camera_given"
	AuditTaken           = "camera_taken_over"
	AuditRenamed         = "camera_renamed"
	AuditPrivacy         = "privacy_changed"
	AuditConfig          = "configuration_changed"
	AuditIdentity        = "identity_accepted"
	AuditShareOffered    = "share_offered"
	AuditShareAccepted   = "share_accepted"
	AuditShareChanged    = "share_changed"
	AuditShareEnded      = "share_ended"
	AuditShareLeft       = "share_left"
	AuditGroupChanged    = "group_changed"
	AuditGroupDeleted    = "group_deleted"
	AuditGuestLink       = "guest_link_created"
	AuditGuestLinkEnded  = "guest_link_ended"
	AuditGuestEntered    = "guest_entered"
	AuditViewToken       = "view_token_created"
	AuditViewTokenEnded  = "view_token_revoked"
	AuditAPIToken        = "api_token_created"
	AuditEnrolment       = "enrolment_token_created"
	AuditAPITokenRevoked = "api_token_revoked"
	AuditKeyRevoked      = store.AdminKeyRevoked
	AuditKeyReplaced     = store.AdminKeyReplaced
	AuditWatched         = "watch_begun"
	AuditWatchEnded      = "watch_ended"
)

// AuditKind is a kind of entry in words, by which the log is filtered.
type AuditKind struct{ Group, Kind, Text string }

// AuditKinds are all of them, in the order of the page.
var AuditKinds = []AuditKind{
	{"watching", AuditWatched, "Began to watch"},
	{"watching", AuditWatchEnded, "Stopped watching"},
	{"watching", AuditGuestEntered, "Opened a guest link"},
	{"sharing", AuditShareOffered, "Share offered"},
	{"sharing", AuditShareAccepted, "Share accepted"},
	{"sharing", AuditShareChanged, "Share changed"},
	{"sharing", AuditShareEnded, "Share ended"},
	{"sharing", AuditShareLeft, "Share left by its viewer"},
	{"sharing", AuditGroupChanged, "Group of cameras changed"},
	{"sharing", AuditGroupDeleted, "Group of cameras deleted"},
	{"sharing", AuditGuestLink, "Guest link made"},
	{"sharing", AuditGuestLinkEnded, "Guest link ended"},
	{"sharing", AuditViewToken, "Link for a program made"},
	{"sharing", AuditViewTokenEnded, "Link for a program revoked"},
	{"ownership", AuditClaimed, "Camera claimed"},
	{"ownership", AuditClaimRefused, "Somebody tried to claim the camera"},
	{"ownership", AuditReleased, "Camera released"},
	{"ownership", AuditOffered, "Camera offered"},
	{"ownership", AuditGiven, "Camera given away"},
	{"ownership", AuditTaken, "Camera taken over"},
	{"ownership", AuditKeyRevoked, "Camera's key revoked"},
	{"ownership", AuditKeyReplaced, "Camera's key replaced"},
	{"settings", AuditRenamed, "Camera renamed"},
	{"settings", AuditPrivacy, "Privacy changed"},
	{"settings", AuditConfig, "Configuration changed"},
	{"settings", AuditIdentity, "Replaced camera accepted"},
	{"account", AuditLogin, "Logged in"},
	{"account", AuditLoginFailed, "Log-in failed"},
	{"account", AuditLoginEnded, "Login ended"},
	{"account", AuditPassword, "Password changed"},
	{"account", AuditFactor, "Second factor"},
	{"account", AuditEmail, "Mail address"},
	{"account", AuditLinked, "Other provider"},
	{"account", AuditAPIToken, "API token made"},
	{"account", AuditEnrolment, "Enrolment token made"},
	{"account", AuditAPITokenRevoked, "API token revoked"},
}

// KindsOf returns the kinds of a group; of a group that there is not, none.
func KindsOf(group string) (kinds []string) {
	for _, kind := range AuditKinds {
		if kind.Group == group {
			kinds = append(kinds, kind.Kind)
		}
	}
	return kinds
}

// Record appends to a person's log what the context's actor did. The deed is done: that it is not recorded is
// an error of ours and not theirs.
func (s *Service) Record(ctx context.Context, userID int64, camera, kind, detail string) {
	s.append(ctx, ActorOf(ctx), store.AuditEntry{UserID: userID, CameraID: camera, Kind: kind, Detail: detail})
}

func (s *Service) append(ctx context.Context, actor Actor, entry store.AuditEntry) {
	actor.sign(&entry)
	// Who closes the page right after has done it all the same.
	if err := s.store.Audit(context.WithoutCancel(ctx), entry); err != nil {
		s.log.Error("write audit log", "user", entry.UserID, "camera", entry.CameraID, "kind", entry.Kind, "error", err)
	}
}

// sign says in an entry who did it.
func (a Actor) sign(entry *store.AuditEntry) {
	entry.ActorKind, entry.Actor = string(a.Kind), a.Name
	entry.Address, entry.Device = a.Address, clip(a.Agent, maxDevice)
}

// recordOwner appends to the log of a camera's owner, if it has one.
func (s *Service) recordOwner(ctx context.Context, camera, kind, detail string) {
	c, err := s.store.CameraByID(ctx, camera)
	if err == nil && c.OwnerID != nil {
		s.Record(ctx, *c.OwnerID, camera, kind, detail)
	}
}

// actor is a person who just said who they are.
func (s *Service) actor(ctx context.Context, userID int64, client Client) Actor {
	actor := Actor{Kind: ActorPerson, Client: client}
	if user, err := s.store.UserByID(ctx, userID); err == nil {
		actor.Name = user.Username
	}
	return actor
}

// owned lists a person's cameras for the log.
func (s *Service) owned(ctx context.Context, userID int64) []store.Camera {
	cameras, err := s.store.CamerasOf(ctx, userID)
	if err != nil {
		s.log.Error("write audit log", "user", userID, "error", err)
	}
	return cameras
}

// maxFailures bounds how many failed log-ins of one account are recorded in an hour: who guesses does not fill
// the log.
const maxFailures = 100

func (s *Service) recordFailure(ctx context.Context, user *store.User) {
	n, err := s.store.AuditCount(ctx, user.ID, AuditLoginFailed, s.now().Add(-time.Hour))
	if err == nil && n < maxFailures {
		s.Record(ctx, user.ID, "", AuditLoginFailed, "")
	}
}

// View is somebody's view of a camera, or what became of it.
type View struct {
	Camera, Session string
	Actor           Actor
	Lasted          time.Duration // of one that has ended
	Ended           bool
}

// RecordViews appends views to the logs of the cameras' owners, all at once: the database waits for the disk once, not
// at each.
func (s *Service) RecordViews(ctx context.Context, views ...View) {
	cameras := make([]string, len(views))
	for i, v := range views {
		cameras[i] = v.Camera
	}
	owners, err := s.store.OwnersOf(ctx, cameras)
	if err != nil {
		s.log.Error("write views to the audit log", "views", len(views), "error", err)
		return
	}
	var entries []store.AuditEntry
	for _, v := range views {
		if owner, owned := owners[v.Camera]; owned { // else it was released meanwhile: its log is nobody's
			entries = append(entries, v.entry(owner))
		}
	}
	if err := s.store.Audit(ctx, entries...); err != nil {
		s.log.Error("write views to the audit log", "views", len(views), "error", err)
	}
}

func (v *View) entry(owner int64) store.AuditEntry {
	entry := store.AuditEntry{UserID: owner, CameraID: v.Camera, Session: v.Session, Kind: AuditWatched}
	if v.Ended {
		entry.Kind, entry.Seconds = AuditWatchEnded, int64(v.Lasted.Round(time.Second)/time.Second)
	}
	v.Actor.sign(&entry)
	return entry
}

// AuditPage is how many entries a page has at most.
const AuditPage = 100

// Audit lists a person's log, or what is in it about one camera that is theirs.
func (s *Service) Audit(ctx context.Context, f store.AuditFilter) ([]store.AuditEntry, error) {
	return s.store.AuditLog(ctx, f)
}
