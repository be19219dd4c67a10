package store

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// Camera is a device that was provisioned. Nobody owns it until it is claimed.
type Camera struct {
	ID      string
	Name    string
	OwnerID *int64
	// ClaimHash is the hash of the code that claims it; nil once the code was used.
	ClaimHash  []byte
	KeyVersion int
	// Fingerprint is what the camera reported when it last asked for a token; PinnedFingerprint is
	// what it was when it was claimed, and what browsers insist on.
	Fingerprint       string
	PinnedFingerprint string
	ClaimedAt         *time.Time
	LastSeenAt        *time.Time
	CreatedAt         time.Time
	// Batch names what was provisioned together; RevokedAt is since when no key of the camera counts.
	Batch     string
	RevokedAt *time.Time
	// OfflineAt is when the camera was known to be offline last, LastSeenAt when it was heard from.
	OfflineAt *time.Time
	Version   string // of camerad
}

// IdentityChanged reports whether the camera has another certificate than the one that is pinned.
func (c *Camera) IdentityChanged() bool {
	return c.PinnedFingerprint != "" && c.Fingerprint != "" && c.PinnedFingerprint != c.Fingerprint
}

// Provision adds a camera that nobody owns. For many, see [Store.ProvisionBatch].
func (s *Store) Provision(ctx context.Context, cameraID string, claimHash []byte) error {
	return s.db.WithContext(ctx).Create(&Camera{ID: cameraID, ClaimHash: claimHash, KeyVersion: 1}).Error
}

// CameraByID finds a camera, whoever owns it. For users, see [Store.CameraOf].
func (s *Store) CameraByID(ctx context.Context, cameraID string) (*Camera, error) {
	return s.camera(ctx, s.db.Where("id = ?", cameraID))
}

// CameraOf finds a camera that the user owns.
func (s *Store) CameraOf(ctx context.Context, userID int64, cameraID string) (*Camera, error) {
	return s.camera(ctx, s.db.Where("id = ? AND owner_id = ?", cameraID, userID))
}

func (s *Store) camera(ctx context.Context, query *gorm.DB) (*Camera, error) {
	var camera Camera
	if err := query.WithContext(ctx).First(&camera).Error; err != nil {
		return nil, found(err)
	}
	return &camera, nil
}

// OwnersOf returns the owners of those of the cameras that have one.
func (s *Store) OwnersOf(ctx context.Context, cameras []string) (map[string]int64, error) {
	owners := map[string]int64{}
	for chunk := range slices.Chunk(cameras, auditChunk) {
		var list []Camera
		err := s.db.WithContext(ctx).Select("id", "owner_id").Where("id IN ? AND owner_id IS NOT NULL", chunk).Find(&list).Error
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			owners[c.ID] = *c.OwnerID
		}
	}
	return owners, nil
}

// CamerasOf lists the cameras that the user owns, the first claimed first.
func (s *Store) CamerasOf(ctx context.Context, userID int64) ([]Camera, error) {
	var cameras []Camera
	err := s.db.WithContext(ctx).Where("owner_id = ?", userID).Order("claimed_at, id").Find(&cameras).Error
	return cameras, err
}

// Claim gives an unowned camera to a user and uses its code up. The certificate that it has now is pinned.
func (s *Store) Claim(ctx context.Context, userID int64, cameraID string, claimHash []byte, name string) error {
	return s.ClaimPinned(ctx, userID, cameraID, claimHash, name, "")
}

// ClaimPinned is [Store.Claim] with the fingerprint of the camera's label, which is pinned whatever the
// camera itself reports; "" is none.
func (s *Store) ClaimPinned(ctx context.Context, userID int64, cameraID string, claimHash []byte, name, fingerprint string) error {
	if err := s.ExpirePending(ctx); err != nil {
		return err
	}
	set := map[string]any{
		"owner_id": userID, "claimed_at": s.now(), "claim_hash": nil, "name": name,
		"pinned_fingerprint": gorm.Expr("fingerprint"),
	}
	if fingerprint != "" {
		set["pinned_fingerprint"] = fingerprint
	}
	return take(s.db.WithContext(ctx), cameraID, claimHash, set)
}

// firstPin pins what a camera reports, unless its label has named the certificate.
var firstPin = gorm.Expr("CASE WHEN pinned_fingerprint = '' THEN fingerprint ELSE pinned_fingerprint END")

// PinLabel pins the certificate that the label of a camera names while its sign-up is unfinished.
func (s *Store) PinLabel(ctx context.Context, userID int64, cameraID, fingerprint string) error {
	return one(s.db.WithContext(ctx).Model(&Camera{}).
		Where("id = ? AND owner_id = ? AND claim_hash IS NOT NULL", cameraID, userID).
		Update("pinned_fingerprint", fingerprint))
}

// AcceptFingerprint pins the certificate that a camera has reported in place of the one before. Both have to
// be what the owner was shown: [ErrNotFound] also means that one of them changed meanwhile.
func (s *Store) AcceptFingerprint(ctx context.Context, userID int64, cameraID, pinned, reported string) error {
	return one(s.db.WithContext(ctx).Model(&Camera{}).
		Where("id = ? AND owner_id = ? AND pinned_fingerprint = ? AND fingerprint = ?", cameraID, userID, pinned, reported).
		Update("pinned_fingerprint", reported))
}

// take is the one statement by which a camera gets an owner: of two at once, one finds it unowned.
func take(db *gorm.DB, cameraID string, claimHash []byte, set map[string]any) error {
	result := db.Model(&Camera{}).
		Where("id = ? AND owner_id IS NULL AND claim_hash = ?", cameraID, claimHash).Updates(set)
	if result.Error == nil && result.RowsAffected == 0 {
		return ErrClaimRefused
	}
	return result.Error
}

// Rename sets the name that its owner gives a camera.
func (s *Store) Rename(ctx context.Context, userID int64, cameraID, name string) error {
	return one(s.db.WithContext(ctx).Model(&Camera{}).
		Where("id = ? AND owner_id = ?", cameraID, userID).Update("name", name))
}

// ReleasePrefix begins the revocation subject of a camera that changed hands.
const ReleasePrefix = "release-"

// Ownership is what the end of this ownership is called. Another one, also of the same person, is called
// otherwise.
func (c *Camera) Ownership() string {
	if c.ClaimedAt == nil {
		return ""
	}
	return ownPrefix + c.ID + "-" + strconv.FormatInt(c.ClaimedAt.UnixMilli(), 36)
}

// Release takes a camera from its owner and everything they did with it; claimHash is of the new code
// by which the next owner can claim it.
func (s *Store) Release(ctx context.Context, userID int64, cameraID string, claimHash []byte) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return handOver(tx, userID, cameraID, released(claimHash))
	})
}

// ReportFingerprint records the certificate a camera proved to have, and pins it if its owner
// claimed it before it was ever online.
func (s *Store) ReportFingerprint(ctx context.Context, cameraID, fingerprint string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		camera := tx.Model(&Camera{}).Where("id = ?", cameraID)
		if err := one(camera.Update("fingerprint", fingerprint)); err != nil {
			return err
		}
		return tx.Model(&Camera{}).
			Where("id = ? AND pinned_fingerprint = '' AND owner_id IS NOT NULL AND claim_hash IS NULL", cameraID).
			Update("pinned_fingerprint", fingerprint).Error
	})
}

// Seen records when cameras were last heard from, all in one transaction. Several portals hear the same cameras:
// they write in the same order, so that they cannot wait for each other in a circle, and never turn time back.
func (s *Store) Seen(ctx context.Context, at map[string]time.Time) error {
	if len(at) == 0 {
		return nil
	}
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		for _, id := range slices.Sorted(maps.Keys(at)) {
			when := at[id].UTC()
			later := tx.Model(&Camera{}).Where("id = ? AND (last_seen_at IS NULL OR last_seen_at < ?)", id, when)
			if err := later.Update("last_seen_at", when).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
