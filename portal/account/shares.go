package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// Limits of sharing.
const (
	MaxShares     = 100 // of one owner, invitations included
	InvitationFor = 7 * 24 * time.Hour
	maxShareTime  = 10 * 366 * 24 * time.Hour
)

// Fields of a share's form.
const (
	FieldHours = "hours"
	FieldZone  = "zone"
	FieldNote  = "note"
)

// ErrOwnCamera means that somebody would share a camera with its owner.
var ErrOwnCamera = errors.New("this camera is your own already")

// Terms are what an owner says of a share.
type Terms struct {
	Talk      bool                    `json:"talk"`
	Hours     []signaling.PrivacySpan `json:"hours"` // none is always
	Zone      string                  `json:"zone"`  // of the hours, such as "Europe/Berlin"
	ExpiresAt *time.Time              `json:"expires_at"`
}

// ShareForm is what an owner says of a new share.
type ShareForm struct {
	Username string `json:"username"` // whom to ask; "" makes a link
	Note     string `json:"note"`     // who the link is for
	GroupID  string `json:"group_id"` // share this group of cameras instead of the one camera
	Terms
}

// Share invites a person to watch one of the user's cameras, or a group of them: by user name, or by a link
// whose secret is returned only here. Whether anybody has the name is not told. Failures are FieldErrors or
// ErrNotFound.
func (s *Service) Share(ctx context.Context, user *store.User, cameraID string, form ShareForm) (*store.Share, string, error) {
	wrong := FieldErrors{}
	terms := s.checkTerms(wrong, form.Terms)
	name := s.checkInvitee(wrong, user, form)
	if err := wrong.err(); err != nil {
		return nil, "", err
	}
	share := &store.Share{
		ID: newID(), OwnerID: user.ID, Name: name, Terms: terms, Edition: newID(), ByLink: form.Username == "",
		InviteUntil: s.now().Add(InvitationFor).UTC(),
	}
	share.CameraID = &cameraID
	if form.GroupID != "" {
		share.CameraID, share.GroupID = nil, &form.GroupID
	}
	secret, err := s.invite(ctx, share, form.Username)
	if err != nil {
		return nil, "", err
	}
	err = s.store.AddShare(ctx, share, MaxShares)
	if errors.Is(err, store.ErrTooMany) {
		return nil, "", FieldErrors{FieldUsername: fmt.Sprintf("You share as much as can be: %d times. End a share that is not needed any more.", MaxShares)}
	}
	if err != nil {
		return nil, "", err
	}
	s.Record(ctx, user.ID, cameraOf(share), AuditShareOffered, share.Name)
	s.log.Info("share offered", "user", user.ID, "camera", cameraID, "share", share.ID, "link", share.ByLink)
	return share, secret, nil
}

// invite says who may accept.
func (s *Service) invite(ctx context.Context, share *store.Share, username string) (secret string, err error) {
	if share.ByLink {
		secret = inviteSecret.create()
		share.LinkHash, _ = inviteSecret.hash(secret)
		return secret, nil
	}
	share.InviteeID, err = s.named(ctx, username)
	return "", err
}

// named returns the id of a member, nil if nobody has the name: what is done with it must look the same.
func (s *Service) named(ctx context.Context, username string) (*int64, error) {
	user, err := s.store.UserByName(ctx, username)
	if errors.Is(err, ErrNotFound) || err == nil && user.Pending() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &user.ID, nil
}

func (s *Service) checkInvitee(wrong FieldErrors, user *store.User, form ShareForm) (name string) {
	if form.Username == "" {
		name = wrong.checkLabel(FieldNote, form.Note, "Say who the link is for, so that you recognise it later.")
		return name
	}
	wrong.checkOther(user, form.Username)
	return form.Username
}

// checkOther checks the name of another person.
func (f FieldErrors) checkOther(user *store.User, username string) {
	f.checkUsername(username)
	if f[FieldUsername] == "" && equalNames(username, user.Username) {
		f[FieldUsername] = "This is your own user name."
	}
}

// checkTerms returns terms as they are stored.
func (s *Service) checkTerms(wrong FieldErrors, form Terms) store.Terms {
	terms := store.Terms{Talk: form.Talk, Hours: form.Hours, Zone: form.Zone}
	if len(form.Hours) == 0 {
		terms.Hours, terms.Zone = []signaling.PrivacySpan{}, ""
	}
	problems := signaling.PrivacySettings{Schedule: terms.Hours, Zone: terms.Zone}.Problems()
	for field, text := range problems {
		if field != FieldZone {
			field = FieldHours + field[len("schedule"):]
		}
		wrong[field] = text
	}
	if end := form.ExpiresAt; end != nil {
		if !end.After(s.now()) || end.After(s.now().Add(maxShareTime)) {
			wrong[FieldExpires] = "The end must be in the future, at most ten years away."
		}
		utc := end.UTC()
		terms.ExpiresAt = &utc
	}
	return terms
}

// SharesOf lists what the user shares of one of their cameras: itself, or a group that it is in.
func (s *Service) SharesOf(ctx context.Context, userID int64, cameraID string) ([]store.Share, error) {
	return s.store.SharesOf(ctx, userID, cameraID)
}

// ShareOf finds one of the shares that the user gave, or ErrNotFound.
func (s *Service) ShareOf(ctx context.Context, userID int64, shareID string) (*store.Share, error) {
	return s.store.ShareOf(ctx, userID, shareID)
}

// ChangeShare gives one of the user's shares other terms. Whoever watches by the old ones is cut off, and can
// go on at once if the new ones allow it. Failures are FieldErrors or ErrNotFound.
func (s *Service) ChangeShare(ctx context.Context, userID int64, shareID string, form Terms) error {
	wrong := FieldErrors{}
	terms := s.checkTerms(wrong, form)
	if err := wrong.err(); err != nil {
		return err
	}
	share, err := s.store.ShareOf(ctx, userID, shareID)
	if err != nil {
		return err
	}
	if err := s.store.ChangeTerms(ctx, userID, shareID, terms, newID()); err != nil {
		return err
	}
	s.revoker.Look()
	s.Record(ctx, userID, cameraOf(share), AuditShareChanged, share.Name)
	s.log.Info("share changed", "user", userID, "share", shareID)
	return nil
}

// EndShare ends a share that the user gave, and cuts whoever watches by it.
func (s *Service) EndShare(ctx context.Context, userID int64, shareID string) error {
	return s.endShare(ctx, userID, shareID, AuditShareEnded, s.store.EndShare)
}

// LeaveShare ends a share that the user was given.
func (s *Service) LeaveShare(ctx context.Context, userID int64, shareID string) error {
	return s.endShare(ctx, userID, shareID, AuditShareLeft, s.store.LeaveShare)
}

func (s *Service) endShare(ctx context.Context, userID int64, shareID, kind string, end func(context.Context, int64, string) (*store.Share, error)) error {
	share, err := end(ctx, userID, shareID)
	if err != nil {
		return err
	}
	s.Record(ctx, share.OwnerID, cameraOf(share), kind, share.Name)
	s.revoker.Look()
	s.log.Info("share ended", "user", userID, "share", shareID)
	return nil
}

// Invitations lists what others offer to share with the user.
func (s *Service) Invitations(ctx context.Context, userID int64) ([]store.Invitation, error) {
	return s.store.Invitations(ctx, userID)
}

// Invitation tells what an invitation's link offers the user.
func (s *Service) Invitation(ctx context.Context, userID int64, secret string) (*store.Invitation, error) {
	hash, ok := inviteSecret.hash(secret)
	if !ok {
		return nil, ErrNotFound
	}
	invitation, err := s.store.InvitationByLink(ctx, hash)
	if err == nil && invitation.OwnerID == userID {
		return nil, ErrOwnCamera
	}
	return invitation, err
}

// AcceptShare accepts what another person offered the user.
func (s *Service) AcceptShare(ctx context.Context, userID int64, shareID string) error {
	share, err := s.store.AcceptShare(ctx, userID, shareID)
	return s.accepted(ctx, userID, share, err)
}

// AcceptLink accepts what an invitation's link offers. A link works once.
func (s *Service) AcceptLink(ctx context.Context, userID int64, secret string) error {
	if _, err := s.Invitation(ctx, userID, secret); err != nil {
		return err
	}
	hash, _ := inviteSecret.hash(secret)
	share, err := s.store.AcceptLink(ctx, userID, hash)
	return s.accepted(ctx, userID, share, err)
}

// cameraOf is the camera in whose log a share is: none for one of a group.
func cameraOf(share *store.Share) string {
	if share.CameraID == nil {
		return ""
	}
	return *share.CameraID
}

func (s *Service) accepted(ctx context.Context, userID int64, share *store.Share, err error) error {
	if err == nil {
		s.Record(ctx, share.OwnerID, cameraOf(share), AuditShareAccepted, share.Name)
		s.log.Info("share accepted", "user", userID, "share", share.ID)
	}
	return err
}

// DeclineShare refuses what another person offered the user. That person cannot tell.
func (s *Service) DeclineShare(ctx context.Context, userID int64, shareID string) error {
	return s.store.DeclineShare(ctx, userID, shareID)
}
