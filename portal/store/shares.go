package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"seccam/pkg/signaling"
)

// Share lets a person watch a camera, or every camera of a group, of its owner. Until somebody accepted it,
// it is an invitation: of a person by name, or of whoever has its link. It holds as long as its owner owns
// the camera.
type Share struct {
	ID       string
	OwnerID  int64
	CameraID *string // or
	GroupID  *string
	// Name is what the owner calls whoever it is for: the user name as it was typed, or a note on the link.
	Name string
	// InviteeID is who is asked; nil if nobody has the name, or said no. The owner cannot tell.
	InviteeID   *int64
	LinkHash    []byte // nil without a link, and once it was used
	ByLink      bool
	InviteUntil time.Time
	ViewerID    *int64 // who accepted
	AcceptedAt  *time.Time
	Terms       `gorm:"embedded"`
	// Edition changes with the terms: grants are by these terms.
	Edition   string
	CreatedAt time.Time
}

// Terms are what a share allows.
type Terms struct {
	Talk bool // speaking through the camera
	// Hours are when it may be watched, in Zone; none is always.
	Hours     []signaling.PrivacySpan `gorm:"serializer:json"`
	Zone      string
	ExpiresAt *time.Time // nil is never
}

// Accepted reports whether somebody watches by the share.
func (s *Share) Accepted() bool { return s.ViewerID != nil }

// Reach is a camera that a person may watch by a share.
type Reach struct {
	Share    `gorm:"embedded"`
	OnCamera string
	Member   string // the camera's membership in the shared group
	Owner    string // the owner's user name
}

// Subject is what the revocation of this right is called.
func (r *Reach) Subject() string {
	subject := sharePrefix + r.OnCamera + "-" + r.ID + "-" + r.Edition
	if r.Member != "" {
		subject += "-" + r.Member
	}
	return subject
}

// reach joins accepted shares with their cameras.
const reach = `SELECT s.*, c.id AS on_camera, COALESCE(m.id, '') AS member, u.username AS owner
FROM shares s
JOIN users u ON u.id = s.owner_id
LEFT JOIN group_cameras m ON m.group_id = s.group_id
JOIN cameras c ON c.id = COALESCE(s.camera_id, m.camera_id) AND c.owner_id = s.owner_id
WHERE s.viewer_id IS NOT NULL AND `

func reached(db *gorm.DB, where string, args ...any) ([]Reach, error) {
	var list []Reach
	err := db.Raw(reach+where+" ORDER BY s.created_at, s.id, c.claimed_at, c.id", args...).Scan(&list).Error
	return list, err
}

// SharedWith lists what a person may watch by shares whose time is not over: of one camera, or of every one
// if camera is "".
func (s *Store) SharedWith(ctx context.Context, userID int64, camera string) ([]Reach, error) {
	where, args := "s.viewer_id = ? AND (s.expires_at IS NULL OR s.expires_at > ?)", []any{userID, s.now()}
	if camera != "" {
		where, args = where+" AND c.id = ?", append(args, camera)
	}
	return reached(s.db.WithContext(ctx), where, args...)
}

// AddShare records an invitation to watch what its owner owns; an owner has at most so many.
func (s *Store) AddShare(ctx context.Context, share *Share, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := lockUser(tx, share.OwnerID); err != nil {
			return err
		}
		if err := ownsTarget(tx, share); err != nil {
			return err
		}
		if err := fewer(tx, &Share{}, share.OwnerID, most); err != nil {
			return err
		}
		return tx.Create(share).Error
	})
}

// lockUser makes those who count a person's things count one after the other.
func lockUser(tx *gorm.DB, id int64) error {
	return found(tx.Clauses(forUpdate).First(&User{}, id).Error)
}

// fewer refuses what is one too many of an owner's.
func fewer(tx *gorm.DB, model any, owner int64, most int) error {
	var n int64
	if err := tx.Model(model).Where("owner_id = ?", owner).Count(&n).Error; err != nil {
		return err
	}
	if n >= int64(most) {
		return ErrTooMany
	}
	return nil
}

func ownsTarget(tx *gorm.DB, share *Share) error {
	if share.CameraID != nil {
		return found(tx.First(&Camera{}, "id = ? AND owner_id = ?", *share.CameraID, share.OwnerID).Error)
	}
	return found(tx.First(&Group{}, "id = ? AND owner_id = ?", *share.GroupID, share.OwnerID).Error)
}

// SharesOf lists what the owner shares of one camera: itself, or a group that it is in.
func (s *Store) SharesOf(ctx context.Context, ownerID int64, cameraID string) ([]Share, error) {
	var list []Share
	groups := s.db.Table("group_cameras").Select("group_id").Where("camera_id = ?", cameraID)
	err := s.db.WithContext(ctx).Where("owner_id = ?", ownerID).
		Where(s.db.Where("camera_id = ?", cameraID).Or("group_id IN (?)", groups)).
		Order("created_at, id").Find(&list).Error
	return list, err
}

// GroupShares lists what the owner shares of a group.
func (s *Store) GroupShares(ctx context.Context, ownerID int64, groupID string) ([]Share, error) {
	var list []Share
	err := s.db.WithContext(ctx).Where("owner_id = ? AND group_id = ?", ownerID, groupID).
		Order("created_at, id").Find(&list).Error
	return list, err
}

// ShareOf finds one of the owner's shares.
func (s *Store) ShareOf(ctx context.Context, ownerID int64, id string) (*Share, error) {
	var share Share
	err := s.db.WithContext(ctx).First(&share, "id = ? AND owner_id = ?", id, ownerID).Error
	return &share, found(err)
}

// Invitations lists the shares that a person was asked to accept, with their owners' names.
func (s *Store) Invitations(ctx context.Context, userID int64) ([]Invitation, error) {
	return s.invitations(ctx, "shares.invitee_id = ?", userID)
}

// InvitationByLink finds what the link offers.
func (s *Store) InvitationByLink(ctx context.Context, hash []byte) (*Invitation, error) {
	list, err := s.invitations(ctx, "shares.link_hash = ?", hash)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// Invitation is a share that nobody accepted yet, as the person sees it who is asked.
type Invitation struct {
	Share `gorm:"embedded"`
	Owner string // user name
	What  string // the group's or the camera's name, "" if it has none
}

func (s *Store) invitations(ctx context.Context, where string, arg any) ([]Invitation, error) {
	var list []Invitation
	err := s.db.WithContext(ctx).Table("shares").
		Select("shares.*, users.username AS owner, COALESCE(camera_groups.name, cameras.name) AS what").
		Joins("JOIN users ON users.id = shares.owner_id").
		Joins("LEFT JOIN camera_groups ON camera_groups.id = shares.group_id").
		Joins("LEFT JOIN cameras ON cameras.id = shares.camera_id").
		Where(where, arg).Where("shares.viewer_id IS NULL").Scopes(s.open).
		Order("shares.created_at, shares.id").Find(&list).Error
	return list, err
}

// open keeps invitations that can be accepted: in time, and not to something whose time is over.
func (s *Store) open(db *gorm.DB) *gorm.DB {
	return db.Where("shares.invite_until > ? AND (shares.expires_at IS NULL OR shares.expires_at > ?)", s.now(), s.now())
}

// AcceptShare makes the person a viewer by an invitation of theirs. It returns the share.
func (s *Store) AcceptShare(ctx context.Context, userID int64, id string) (*Share, error) {
	return s.accept(ctx, userID, "id = ? AND invitee_id = ?", id, userID)
}

// AcceptLink makes the person a viewer by an invitation's link, which is used up. It returns the share.
func (s *Store) AcceptLink(ctx context.Context, userID int64, hash []byte) (*Share, error) {
	return s.accept(ctx, userID, "link_hash = ? AND owner_id <> ?", hash, userID)
}

func (s *Store) accept(ctx context.Context, userID int64, where string, args ...any) (*Share, error) {
	var share Share
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		err := tx.Clauses(forUpdate).Where(where, args...).Where("viewer_id IS NULL").Scopes(s.open).First(&share).Error
		if err != nil {
			return found(err)
		}
		now := s.now()
		share.ViewerID, share.AcceptedAt, share.InviteeID, share.LinkHash = &userID, &now, nil, nil
		return one(tx.Model(&Share{}).Where("id = ? AND viewer_id IS NULL", share.ID).
			Updates(map[string]any{"viewer_id": userID, "accepted_at": now, "invitee_id": nil, "link_hash": nil}))
	})
	if err != nil {
		return nil, err
	}
	return &share, nil
}

// DeclineShare forgets who was asked: to the owner, the invitation stays one that nobody accepted.
func (s *Store) DeclineShare(ctx context.Context, userID int64, id string) error {
	return one(s.db.WithContext(ctx).Model(&Share{}).
		Where("id = ? AND invitee_id = ? AND viewer_id IS NULL", id, userID).Update("invitee_id", nil))
}

// ChangeTerms gives one of the owner's shares other terms. Whoever watches by the old ones is cut off, and
// goes on by the new ones if they allow it.
func (s *Store) ChangeTerms(ctx context.Context, ownerID int64, id string, terms Terms, edition string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if _, err := revokeShare(tx, id, "owner_id = ?", ownerID); err != nil {
			return err
		}
		changed := tx.Model(&Share{}).Where("id = ? AND owner_id = ?", id, ownerID).
			Select("Talk", "Hours", "Zone", "ExpiresAt", "Edition").
			Updates(&Share{Terms: terms, Edition: edition})
		return one(changed)
	})
}

// EndShare ends a share of its owner's.
func (s *Store) EndShare(ctx context.Context, ownerID int64, id string) (*Share, error) {
	return s.endShare(ctx, "owner_id = ?", ownerID, id)
}

// LeaveShare ends a share for its viewer.
func (s *Store) LeaveShare(ctx context.Context, viewerID int64, id string) (*Share, error) {
	return s.endShare(ctx, "viewer_id = ?", viewerID, id)
}

func (s *Store) endShare(ctx context.Context, whose string, userID int64, id string) (share *Share, err error) {
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if share, err = revokeShare(tx, id, whose, userID); err != nil {
			return err
		}
		return one(tx.Where("id = ?", id).Delete(&Share{}))
	})
	return share, err
}

// revokeShare records the revocation of a share that is this person's. Nobody accepts it meanwhile.
func revokeShare(tx *gorm.DB, id, whose string, userID int64) (*Share, error) {
	var share Share
	err := tx.Clauses(forUpdate).Where("id = ?", id).Where(whose, userID).First(&share).Error
	if err != nil {
		return nil, found(err)
	}
	return &share, revokeReach(tx, "s.id = ?", id)
}

// revokeReach records the revocation of what some shares let people watch. The shares themselves stay.
func revokeReach(tx *gorm.DB, where string, args ...any) error {
	list, err := reached(tx, where, args...)
	if err != nil {
		return err
	}
	for i := range list {
		if err := revoke(tx, list[i].Subject()); err != nil {
			return err
		}
	}
	return nil
}

// endCamera ends everything that a camera's owner gave to others or began: shares, memberships in groups,
// tokens, links, a transfer. It records the revocations, so that whoever watches is cut off.
func endCamera(tx *gorm.DB, cameraID string) error {
	if err := revokeReach(tx, "c.id = ?", cameraID); err != nil {
		return err
	}
	_, views := revokeViews(tx, "camera_id = ?", cameraID)
	return errors.Join(views, revokeGuests(tx, "camera_id = ?", cameraID),
		tx.Where("camera_id = ?", cameraID).Delete(&Share{}).Error,
		tx.Where("camera_id = ?", cameraID).Delete(&groupCamera{}).Error,
		tx.Where("camera_id = ?", cameraID).Delete(&Transfer{}).Error,
		tx.Where("camera_id = ?", cameraID).Delete(&CameraAlert{}).Error,
		tx.Where("camera_id = ?", cameraID).Delete(&Notice{}).Error)
}
