package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Group is a named set of its owner's cameras, which can be shared as one.
type Group struct {
	ID        string
	OwnerID   int64
	Name      string
	CreatedAt time.Time
	Cameras   []string `gorm:"-"` // their ids
}

// TableName is what it is not to be confused with SQL's word.
func (Group) TableName() string { return "camera_groups" }

type groupCamera struct{ ID, GroupID, CameraID string }

// AddGroup records a group without cameras; an owner has at most so many.
func (s *Store) AddGroup(ctx context.Context, group *Group, most int) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := lockUser(tx, group.OwnerID); err != nil {
			return err
		}
		if err := fewer(tx, &Group{}, group.OwnerID, most); err != nil {
			return err
		}
		return tx.Create(group).Error
	})
}

// Groups lists the owner's groups with their cameras.
func (s *Store) Groups(ctx context.Context, ownerID int64) ([]Group, error) {
	var list []Group
	db := s.db.WithContext(ctx)
	if err := db.Where("owner_id = ?", ownerID).Order("created_at, id").Find(&list).Error; err != nil {
		return nil, err
	}
	for i := range list {
		if err := fill(db, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// GroupOf finds one of the owner's groups with its cameras.
func (s *Store) GroupOf(ctx context.Context, ownerID int64, id string) (*Group, error) {
	var group Group
	db := s.db.WithContext(ctx)
	if err := db.First(&group, "id = ? AND owner_id = ?", id, ownerID).Error; err != nil {
		return nil, found(err)
	}
	return &group, fill(db, &group)
}

func fill(db *gorm.DB, group *Group) error {
	return db.Model(&groupCamera{}).Where("group_id = ?", group.ID).Order("camera_id").Pluck("camera_id", &group.Cameras).Error
}

// ChangeGroup names one of the owner's groups, and says which of their cameras are in it. Who watches a
// camera by the group that is no longer in it is cut off. newID makes the ids of memberships.
func (s *Store) ChangeGroup(ctx context.Context, ownerID int64, id, name string, cameras []string, newID func() string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := one(tx.Model(&Group{}).Where("id = ? AND owner_id = ?", id, ownerID).Update("name", name)); err != nil {
			return err
		}
		var now []string
		if err := tx.Model(&groupCamera{}).Where("group_id = ?", id).Pluck("camera_id", &now).Error; err != nil {
			return err
		}
		for _, camera := range without(now, cameras) {
			if err := revokeReach(tx, "s.group_id = ? AND c.id = ?", id, camera); err != nil {
				return err
			}
			if err := tx.Where("group_id = ? AND camera_id = ?", id, camera).Delete(&groupCamera{}).Error; err != nil {
				return err
			}
		}
		for _, camera := range without(cameras, now) {
			if err := tx.Clauses(forUpdate).First(&Camera{}, "id = ? AND owner_id = ?", camera, ownerID).Error; err != nil {
				return found(err)
			}
			if err := tx.Create(&groupCamera{newID(), id, camera}).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// without returns what is in a and not in b, each once.
func without(a, b []string) (rest []string) {
	skip := map[string]bool{}
	for _, x := range b {
		skip[x] = true
	}
	for _, x := range a {
		if !skip[x] {
			skip[x] = true
			rest = append(rest, x)
		}
	}
	return rest
}

// DeleteGroup removes one of the owner's groups and its shares. The cameras stay.
func (s *Store) DeleteGroup(ctx context.Context, ownerID int64, id string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := revokeReach(tx, "s.group_id = ? AND s.owner_id = ?", id, ownerID); err != nil {
			return err
		}
		return one(tx.Where("id = ? AND owner_id = ?", id, ownerID).Delete(&Group{})) // and with it what refers to it
	})
}
