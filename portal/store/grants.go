package store

import (
	"context"
	"strings"

	"gorm.io/gorm"
)

// A grant is a right to watch one camera that can end by itself: while the portal runs, or while it does
// not. Its subject is what its revocation is called, and what cameras know it by. It begins with one of
// these, the camera's id and a hyphen; what follows never comes twice, so that a grant that ended never
// comes back.
const (
	viewPrefix  = "view-"  // a program's view token
	sharePrefix = "share-" // a person's share
	guestPrefix = "guest-" // a guest link
	ownPrefix   = "own-"   // a person's ownership
)

var grantPrefixes = []string{viewPrefix, sharePrefix, guestPrefix, ownPrefix}

// CameraOfGrant returns the camera of a grant's subject; false is for other subjects.
func CameraOfGrant(subject string) (camera string, ok bool) {
	for _, prefix := range grantPrefixes {
		if rest, found := strings.CutPrefix(subject, prefix); found {
			camera, _, ok = strings.Cut(rest, "-")
			return camera, ok
		}
	}
	return "", false
}

// EndedGrants lists the subjects of a camera's grants that ended before their time, as long as that is
// recorded.
func (s *Store) EndedGrants(ctx context.Context, cameraID string) ([]string, error) {
	db := s.db.WithContext(ctx).Model(&Revocation{})
	which := db
	for i, prefix := range grantPrefixes {
		if i == 0 {
			which = s.db.Where("subject LIKE ?", prefix+cameraID+"-%")
			continue
		}
		which = which.Or("subject LIKE ?", prefix+cameraID+"-%")
	}
	var subjects []string
	err := db.Where(which).Order("id").Pluck("subject", &subjects).Error
	return subjects, err
}

// revoke records revocations within a transaction: there is no moment in which a right is gone and its
// revocation is not known, or the other way round.
func revoke(tx *gorm.DB, subjects ...string) error {
	for _, subject := range subjects {
		if err := tx.Create(&Revocation{Subject: subject}).Error; err != nil {
			return err
		}
	}
	return nil
}
