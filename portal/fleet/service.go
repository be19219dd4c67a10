package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/presence"
	"seccam/portal/store"
	"seccam/portal/vitals"
)

// Service is the fleet of a portal.
type Service struct {
	store  *store.Store
	master credential.Secret
	step   int // how many cameras of a batch are made at once
	by     store.Operator
}

// New returns the fleet in a database, whose cameras' keys are made of a master key.
func New(s *store.Store, master credential.Secret) *Service {
	return &Service{store: s, master: master, step: batchStep}
}

// By returns the fleet for somebody, in whose name is recorded what is done.
func (s *Service) By(who store.Operator) *Service {
	their := *s
	their.by = who
	return &their
}

func newBatchName() string { return "batch-" + strings.ToLower(rand.Text()[:8]) }

// Camera is a camera as whoever runs the portal sees it. The name that its owner gave it, and what it sees, are its
// owner's.
type Camera struct {
	ID         string     `json:"id"`
	Batch      string     `json:"batch"`
	Owner      string     `json:"owner"`
	KeyVersion int        `json:"key_version"`
	RevokedAt  *time.Time `json:"revoked_at"`
	// Fingerprint is the certificate that the camera has reported, "" until it has connected.
	Fingerprint string     `json:"fingerprint"`
	AddedAt     time.Time  `json:"added_at"`
	ClaimedAt   *time.Time `json:"claimed_at"`
	LastSeenAt  *time.Time `json:"last_seen_at"`
	Version     string     `json:"version"` // of camerad, "" until it is known
}

func newCamera(c *store.FleetCamera) Camera {
	return Camera{
		ID: c.ID, Batch: c.Batch, Owner: c.Owner, KeyVersion: c.KeyVersion, RevokedAt: inUTC(c.RevokedAt),
		Fingerprint: c.Fingerprint, AddedAt: c.CreatedAt.UTC(), ClaimedAt: inUTC(c.ClaimedAt), LastSeenAt: inUTC(c.LastSeenAt), Version: c.Version,
	}
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// onlineFor is how long after it was last written that it was heard from a camera counts as online, unless it is known
// to be offline since: while it stays online that is written now and then.
const onlineFor = presence.SaveInterval + signaling.StatusStale

// judged adds to a filter by what a camera counts as online.
func (s *Service) judged(f store.FleetFilter) store.FleetFilter {
	f.OnlineSince = s.store.Now().Add(-onlineFor)
	return f
}

// Versions lists the versions of camerad that there are.
func (s *Service) Versions(ctx context.Context) ([]string, error) { return s.store.FleetVersions(ctx) }

// What is shown of a camera's measurements: one of each step, of the last day.
const (
	SampleStep   = vitals.Step
	SamplesShown = vitals.SamplesKept
)

// Samples lists a camera's measurements of the last day, the oldest first.
func (s *Service) Samples(ctx context.Context, id string) ([]store.Sample, error) {
	return s.store.Samples(ctx, id, s.store.Now().Add(-SamplesShown))
}

// EventsPage is how many events are listed at once.
const EventsPage = 50

// Events lists what happened at a camera after an event, the newest first.
func (s *Service) Events(ctx context.Context, id string, after int64) ([]store.CameraEvent, error) {
	return s.store.CameraEvents(ctx, id, after, EventsPage)
}

// List returns the cameras that a filter chooses, and how many there are without its limit.
func (s *Service) List(ctx context.Context, f store.FleetFilter) ([]Camera, int64, error) {
	f = s.judged(f)
	total, err := s.store.FleetCount(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	rows, err := s.store.Fleet(ctx, f)
	cameras := make([]Camera, len(rows))
	for i := range rows {
		cameras[i] = newCamera(&rows[i])
	}
	return cameras, total, err
}

// Camera finds a camera by its id, or returns store.ErrNotFound.
func (s *Service) Camera(ctx context.Context, id string) (Camera, error) {
	row, err := s.store.FleetCamera(ctx, id)
	if err != nil {
		return Camera{}, err
	}
	return newCamera(row), nil
}

// Revoke makes a camera's key and tokens worthless and has its connection cut. It returns the key's new version,
// which no file has.
func (s *Service) Revoke(ctx context.Context, id string) (int, error) {
	return s.store.RevokeKey(ctx, s.by, id)
}

// Rotate replaces a camera's key and returns the new one.
func (s *Service) Rotate(ctx context.Context, id string) (credential.Secret, int, error) {
	camera, err := s.store.FleetCamera(ctx, id)
	if err != nil {
		return credential.Secret{}, 0, err
	}
	version := camera.KeyVersion + 1
	if err := s.store.RotateKey(ctx, s.by, id, camera.KeyVersion); err != nil {
		return credential.Secret{}, 0, err
	}
	return credential.DeviceKey(s.master, id, version), version, nil
}

// RotateInto replaces a camera's key, with the new one in a file of a folder. The file comes first, so that an
// interruption leaves no camera without a key; the same call again goes on, and a file with the key that counts is
// left as it is.
func (s *Service) RotateInto(ctx context.Context, id, folder string) (file string, version int, err error) {
	camera, err := s.store.FleetCamera(ctx, id)
	if err != nil {
		return "", 0, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", 0, err
	}
	file, version = filepath.Join(folder, KeyFile), camera.KeyVersion+1
	there, err := credential.LoadSecret(file)
	switch {
	case err == nil && camera.RevokedAt == nil && there == credential.DeviceKey(s.master, id, camera.KeyVersion):
		return file, camera.KeyVersion, nil
	case err == nil && there == credential.DeviceKey(s.master, id, version):
	case err == nil:
		return "", 0, fmt.Errorf("%s is there already, with another key; name another folder", file)
	case !errors.Is(err, os.ErrNotExist):
		return "", 0, err
	default:
		key := credential.DeviceKey(s.master, id, version)
		if err := credential.WriteSecretFile(file, []byte(key.Hex()+"\n")); err != nil {
			return "", 0, err
		}
	}
	return file, version, s.store.RotateKey(ctx, s.by, id, camera.KeyVersion)
}
