package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Sample is one of a camera's measurements.
type Sample struct {
	CameraID    string    `gorm:"primaryKey"`
	At          time.Time `gorm:"primaryKey"`
	FPS         float64   `gorm:"column:fps"`
	Bitrate     float64   // bit/s
	Viewers     int
	Temperature float64 // °C; 0 if unknown
	Memory      float64 // bytes
}

// TableName is that of what they are of.
func (Sample) TableName() string { return "camera_samples" }

// CameraEvent is something that a camera said that happened.
type CameraEvent struct {
	ID       int64
	CameraID string
	At       time.Time
	Kind     string
	Text     string
}

// Vitals is what was heard of cameras.
type Vitals struct {
	Offline  map[string]time.Time // when it was known that a camera is offline
	Versions map[string]string
	Samples  []Sample
	Events   []CameraEvent
}

// SaveVitals keeps what was heard, in one transaction. Several portals hear the same: they write in the same order,
// and each thing once.
func (s *Store) SaveVitals(ctx context.Context, v Vitals) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		for _, id := range slices.Sorted(maps.Keys(v.Offline)) {
			if err := tx.Model(&Camera{}).Where("id = ?", id).Update("offline_at", v.Offline[id].UTC()).Error; err != nil {
				return err
			}
		}
		for _, id := range slices.Sorted(maps.Keys(v.Versions)) {
			other := tx.Model(&Camera{}).Where("id = ? AND version <> ?", id, v.Versions[id])
			if err := other.Update("version", v.Versions[id]).Error; err != nil {
				return err
			}
		}
		slices.SortFunc(v.Samples, func(a, b Sample) int { return cmp.Or(cmp.Compare(a.CameraID, b.CameraID), a.At.Compare(b.At)) })
		slices.SortFunc(v.Events, func(a, b CameraEvent) int {
			return cmp.Or(cmp.Compare(a.CameraID, b.CameraID), a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind))
		})
		once := tx.Clauses(clause.OnConflict{DoNothing: true})
		if len(v.Samples) > 0 {
			if err := once.CreateInBatches(v.Samples, provisionChunk).Error; err != nil {
				return err
			}
		}
		if len(v.Events) > 0 {
			return once.CreateInBatches(v.Events, provisionChunk).Error
		}
		return nil
	})
}

// Samples lists a camera's measurements since a moment, the oldest first.
func (s *Store) Samples(ctx context.Context, cameraID string, since time.Time) ([]Sample, error) {
	var list []Sample
	err := s.db.WithContext(ctx).Where("camera_id = ? AND at >= ?", cameraID, since.UTC()).Order("at").Find(&list).Error
	return list, err
}

// CameraEvents lists what happened at a camera after the event with an id, the newest first.
func (s *Store) CameraEvents(ctx context.Context, cameraID string, after int64, limit int) ([]CameraEvent, error) {
	var list []CameraEvent
	err := s.db.WithContext(ctx).Where("camera_id = ? AND id > ?", cameraID, after).Order("id DESC").Limit(limit).Find(&list).Error
	return list, err
}

// PruneVitals removes samples and events from before two moments.
func (s *Store) PruneVitals(ctx context.Context, samples, events time.Time) error {
	db := s.db.WithContext(ctx)
	if err := db.Where("at < ?", samples.UTC()).Delete(&Sample{}).Error; err != nil {
		return err
	}
	return db.Where("at < ?", events.UTC()).Delete(&CameraEvent{}).Error
}

// FleetVersions lists the versions that cameras have, by name.
func (s *Store) FleetVersions(ctx context.Context) ([]string, error) {
	var list []string
	err := s.db.WithContext(ctx).Model(&Camera{}).Where("version <> ''").Distinct("version").Order("version").Limit(100).Pluck("version", &list).Error
	return list, err
}
