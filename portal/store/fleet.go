package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"seccam/pkg/credential"
)

// ErrExists means that a camera with such an id is there already, and is another one.
var ErrExists = errors.New("a camera with this id exists already")

// ErrKeyChanged means that a camera's key was replaced meanwhile.
var ErrKeyChanged = errors.New("the camera's key was replaced meanwhile; look at it again, then decide")

// NewCamera is a camera that is to be added.
type NewCamera struct {
	ID        string
	ClaimHash []byte
}

// provisionChunk bounds the parameters of one statement: SQLite has at most 32,766.
const provisionChunk = 500

// ProvisionBatch adds cameras that nobody owns: all of them or none. A camera that is there already, in the same
// batch, is left as it is, so that whoever was interrupted can do all of it again.
func (s *Store) ProvisionBatch(ctx context.Context, by Operator, batch string, cameras []NewCamera) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var added int64
		for chunk := range slices.Chunk(cameras, provisionChunk) {
			n, err := provisionAll(tx, batch, chunk)
			if err != nil {
				return err
			}
			added += n
		}
		if added == 0 {
			return nil
		}
		return by.record(tx, AdminAdded, "", strconv.FormatInt(added, 10)+" "+batch)
	})
}

// provisionAll returns how many cameras were not there yet.
func provisionAll(tx *gorm.DB, batch string, cameras []NewCamera) (int64, error) {
	rows, ids := make([]Camera, len(cameras)), make([]string, len(cameras))
	for i, c := range cameras {
		rows[i], ids[i] = Camera{ID: c.ID, ClaimHash: c.ClaimHash, KeyVersion: 1, Batch: batch}, c.ID
	}
	added := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows)
	if added.Error != nil || added.RowsAffected == int64(len(rows)) {
		return added.RowsAffected, added.Error
	}
	var there []Camera
	if err := tx.Select("id", "batch", "claim_hash").Where("id IN ?", ids).Find(&there).Error; err != nil {
		return 0, err
	}
	for _, c := range there {
		i := slices.Index(ids, c.ID)
		if batch == "" || c.Batch != batch || c.ClaimHash != nil && !bytes.Equal(c.ClaimHash, cameras[i].ClaimHash) {
			return 0, ErrExists
		}
	}
	return added.RowsAffected, nil
}

// FleetFilter chooses cameras of all owners. Zero fields choose all.
type FleetFilter struct {
	// Query begins the id, the batch or the owner's name.
	Query   string
	Batch   string
	Version string
	Claimed *bool
	Revoked *bool
	// Online is whether a camera was heard from since OnlineSince, and is not known to be offline after that.
	Online      *bool
	OnlineSince time.Time
	// SeenSince and NotSeenSince are about when a camera was last heard from; one that never was, was not seen.
	SeenSince, NotSeenSince time.Time
	// Sort is one of [FleetSorts], by default the time when a camera was added.
	Sort       string
	Descending bool
	// After is the id after which to go on, for who reads all of them: then they come by id.
	After         string
	Offset, Limit int // a Limit of 0 is none
}

// FleetSorts are what a list of cameras can be ordered by.
var FleetSorts = []string{"added", "id", "batch", "owner", "claimed", "seen", "version"}

var fleetColumns = map[string]string{
	"": "cameras.created_at", "added": "cameras.created_at", "id": "cameras.id", "batch": "cameras.batch",
	"owner": "COALESCE(users.username_key, '')", "claimed": "cameras.claimed_at", "seen": "cameras.last_seen_at",
	"version": "cameras.version",
}

// FleetCamera is a camera with its owner's name, "" if it has none.
type FleetCamera struct {
	Camera
	Owner string
}

// Fleet lists cameras, whoever owns them. For users, see [Store.CamerasOf].
func (s *Store) Fleet(ctx context.Context, f FleetFilter) ([]FleetCamera, error) {
	var list []FleetCamera
	db := s.fleet(ctx, f).Select("cameras.*", "COALESCE(users.username, '') AS owner")
	if f.After != "" {
		db = db.Where("cameras.id > ?", f.After).Order("cameras.id")
	} else {
		db = db.Order(fleetOrder(f))
	}
	if f.Limit > 0 {
		db = db.Limit(f.Limit)
	}
	err := db.Offset(f.Offset).Find(&list).Error
	return list, err
}

// fleetOrder puts what has no value last, in both databases alike.
func fleetOrder(f FleetFilter) string {
	column, direction := fleetColumns[f.Sort], ""
	if column == "" {
		column = fleetColumns[""]
	}
	if f.Descending {
		direction = " DESC"
	}
	return column + direction + " NULLS LAST, cameras.id" + direction
}

// FleetCount is how many cameras a filter chooses.
func (s *Store) FleetCount(ctx context.Context, f FleetFilter) (int64, error) {
	var n int64
	err := s.fleet(ctx, f).Count(&n).Error
	return n, err
}

// FleetCamera finds a camera, whoever owns it.
func (s *Store) FleetCamera(ctx context.Context, cameraID string) (*FleetCamera, error) {
	list, err := s.fleetOf(ctx, cameraID)
	if err != nil || len(list) == 0 {
		return nil, errors.Join(err, ErrNotFound)
	}
	return &list[0], nil
}

func (s *Store) fleetOf(ctx context.Context, cameraID string) (list []FleetCamera, err error) {
	err = s.fleet(ctx, FleetFilter{}).Select("cameras.*", "COALESCE(users.username, '') AS owner").
		Where("cameras.id = ?", cameraID).Find(&list).Error
	return list, err
}

func (s *Store) fleet(ctx context.Context, f FleetFilter) *gorm.DB {
	db := s.db.WithContext(ctx).Model(&Camera{}).Joins("LEFT JOIN users ON users.id = cameras.owner_id")
	if f.Query != "" {
		db = db.Where(`(cameras.id LIKE ? ESCAPE '\' OR cameras.batch LIKE ? ESCAPE '\' OR users.username_key LIKE ? ESCAPE '\')`,
			beginning(typedID(f.Query)), beginning(f.Query), beginning(usernameKey(f.Query)))
	}
	if f.Batch != "" {
		db = db.Where("cameras.batch = ?", f.Batch)
	}
	if f.Version != "" {
		db = db.Where("cameras.version = ?", f.Version)
	}
	if f.Online != nil {
		online := "(cameras.last_seen_at >= ? AND (cameras.offline_at IS NULL OR cameras.offline_at < cameras.last_seen_at))"
		if !*f.Online {
			online = "(cameras.last_seen_at IS NULL OR NOT " + online + ")"
		}
		db = db.Where(online, f.OnlineSince.UTC())
	}
	if f.Claimed != nil {
		db = db.Where("(cameras.owner_id IS NOT NULL) = ?", *f.Claimed)
	}
	if f.Revoked != nil {
		db = db.Where("(cameras.revoked_at IS NOT NULL) = ?", *f.Revoked)
	}
	if !f.SeenSince.IsZero() {
		db = db.Where("cameras.last_seen_at >= ?", f.SeenSince.UTC())
	}
	if !f.NotSeenSince.IsZero() {
		db = db.Where("(cameras.last_seen_at IS NULL OR cameras.last_seen_at < ?)", f.NotSeenSince.UTC())
	}
	return db
}

// beginning is a LIKE pattern of what begins with text, in which nothing is a wildcard.
func beginning(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// typedID is the beginning of an id as the database has it: people type groups in upper case.
func typedID(text string) string {
	return strings.ReplaceAll(strings.ToLower(text), "-", "")
}

// RevokeKey makes a camera's device key and tokens worthless, with what cuts its connection in the same
// transaction, and returns the new version.
func (s *Store) RevokeKey(ctx context.Context, by Operator, cameraID string) (int, error) {
	now := s.now()
	return s.raiseKey(ctx, by, cameraID, 0, &now)
}

// RotateKey replaces a camera's key of a version by the next one, and cuts its connection. [ErrKeyChanged] means
// that it had another version.
func (s *Store) RotateKey(ctx context.Context, by Operator, cameraID string, from int) error {
	_, err := s.raiseKey(ctx, by, cameraID, from, nil)
	return err
}

func (s *Store) raiseKey(ctx context.Context, by Operator, cameraID string, from int, revoked *time.Time) (int, error) {
	var camera Camera
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := tx.Clauses(forUpdate).First(&camera, "id = ?", cameraID).Error; err != nil {
			return found(err)
		}
		if from != 0 && camera.KeyVersion != from {
			return ErrKeyChanged
		}
		camera.KeyVersion++
		set := map[string]any{"key_version": camera.KeyVersion, "revoked_at": revoked}
		if err := tx.Model(&Camera{}).Where("id = ?", cameraID).Updates(set).Error; err != nil {
			return err
		}
		kind := AdminKeyReplaced
		if revoked != nil {
			kind = AdminKeyRevoked
		}
		return errors.Join(
			by.record(tx, kind, cameraID, ""), by.tell(tx, &camera, kind),
			revoke(tx, credential.Identity{Role: credential.RoleCamera, ID: cameraID}.Subject()),
		)
	})
	return camera.KeyVersion, err
}

// CamerasSeen lists when each camera was last seen that ever was.
func (s *Store) CamerasSeen(ctx context.Context) (map[string]time.Time, error) {
	var rows []struct {
		ID         string
		LastSeenAt time.Time
	}
	err := s.db.WithContext(ctx).Model(&Camera{}).Select("id", "last_seen_at").Where("last_seen_at IS NOT NULL").Find(&rows).Error
	seen := make(map[string]time.Time, len(rows))
	for _, row := range rows {
		seen[row.ID] = row.LastSeenAt
	}
	return seen, err
}
