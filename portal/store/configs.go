package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// CameraConfig is what a camera is to be set to, and how it says that it is set: both as JSON, as package
// signaling has them.
type CameraConfig struct {
	CameraID string `gorm:"primaryKey"`
	Revision uint64 // of Desired; 0 if nothing was ever desired
	Desired  string // the values
	Reported string // "" if nothing is known
}

// TableName is fixed, as in the migrations.
func (CameraConfig) TableName() string { return "camera_configs" }

// CameraConfig returns what is known of a camera's configuration; one of which nothing is has neither.
func (s *Store) CameraConfig(ctx context.Context, cameraID string) (CameraConfig, error) {
	config := CameraConfig{CameraID: cameraID}
	err := s.db.WithContext(ctx).First(&config, "camera_id = ?", cameraID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = nil
	}
	return config, err
}

// SetDesiredConfig keeps a newer revision, after the one that was, of what a camera of this owner's is to be set
// to. It returns [ErrNotFound] if the camera is not theirs any more, or another revision is there by now.
func (s *Store) SetDesiredConfig(ctx context.Context, ownerID int64, cameraID string, was, revision uint64, values string) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var camera Camera
		if err := tx.Clauses(forUpdate).First(&camera, "id = ? AND owner_id = ?", cameraID, ownerID).Error; err != nil {
			return found(err)
		}
		if revision <= was {
			return ErrNotFound
		}
		return one(tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "camera_id"}},
			DoUpdates: clause.Assignments(map[string]any{"revision": revision, "desired": values}),
			Where:     clause.Where{Exprs: []clause.Expression{clause.Eq{Column: "camera_configs.revision", Value: was}}},
		}).Create(&CameraConfig{CameraID: cameraID, Revision: revision, Desired: values}))
	})
}

// ReportConfig keeps how a camera says that it is set, and returns what is known then. Of a camera that is
// not known nothing is kept.
func (s *Store) ReportConfig(ctx context.Context, cameraID, reported string) (CameraConfig, error) {
	before, err := s.CameraConfig(ctx, cameraID)
	if err != nil || before.Reported == reported {
		return before, err
	}
	if _, err := s.CameraByID(ctx, cameraID); err != nil {
		return before, err
	}
	err = s.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "camera_id"}}, DoUpdates: clause.Assignments(map[string]any{"reported": reported}),
	}).Create(&CameraConfig{CameraID: cameraID, Desired: "{}", Reported: reported}).Error
	if err != nil {
		return before, err
	}
	return s.CameraConfig(ctx, cameraID)
}

// resetConfig has a camera that changes hands set back to its configuration file, whatever its former owner
// desired. The revision is that of now, and greater than any before.
func resetConfig(tx *gorm.DB, cameraID string) error {
	now := tx.NowFunc().UnixMicro()
	newest := gorm.Expr("CASE WHEN revision >= ? THEN revision + 1 ELSE ? END", now, now)
	return tx.Model(&CameraConfig{}).Where("camera_id = ?", cameraID).
		Updates(map[string]any{"revision": newest, "desired": "{}", "reported": ""}).Error
}
