package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/bearer"
	"seccam/portal/store"
)

// Limits of enrolment.
const (
	// EnrolmentTime is how long an enrolment token holds: as long as it takes to go to the camera.
	EnrolmentTime = time.Hour
	maxEnrolments = 10 // of one person, unused
	// MaxEnrolled is how many cameras a person has at most who enrols another one.
	MaxEnrolled = 100
)

// ErrEnrolment is the one answer to every token that does not hold.
var ErrEnrolment = errors.New("this enrolment token does not hold: it was used, is older than an hour, or was not copied whole; make another one on the portal, under \"Add a camera\"")

// ErrTooManyCameras is the refusal of one more camera.
var ErrTooManyCameras = fmt.Errorf("this account has %d cameras already, and can enrol no other one; release one first", MaxEnrolled)

var enrolmentSecret = bearer.NewKind("seccam_enroll_", "seccam enrolment token v1")

// CreateEnrolment makes a token by which one camera of the user's own becomes theirs. It is returned only here.
func (s *Service) CreateEnrolment(ctx context.Context, userID int64) (secret string, until time.Time, err error) {
	secret, until = enrolmentSecret.New(), s.now().Add(EnrolmentTime).UTC()
	e := &store.Enrolment{ID: newID(), UserID: userID, ExpiresAt: until}
	e.Hash, _ = enrolmentSecret.Hash(secret)
	err = s.store.AddEnrolment(ctx, e, maxEnrolments)
	if errors.Is(err, store.ErrTooMany) {
		return "", until, FieldErrors{FieldName: fmt.Sprintf("There are %d tokens that were not used. Use one of them, or wait: each holds for an hour.", maxEnrolments)}
	}
	if err != nil {
		return "", until, fmt.Errorf("enrolment: %w", err)
	}
	s.Record(ctx, userID, "", AuditEnrolment, "")
	return secret, until, nil
}

// Enrol makes a new camera that of whoever made the token. The camera that was enrolled by it may ask again, until it
// has connected. Failures are ErrEnrolment, ErrTooManyCameras or FieldErrors.
func (s *Service) Enrol(ctx context.Context, request credential.EnrolRequest) error {
	wrong := FieldErrors{}
	id, err := credential.ParseCode(request.Camera)
	if err != nil || id != request.Camera {
		wrong["camera"] = "This is no camera's id."
	}
	name := wrong.checkName(request.Name)
	fingerprint := wrong.checkFingerprint(request.Fingerprint)
	if fingerprint == "" && wrong[FieldFingerprint] == "" {
		wrong[FieldFingerprint] = "The camera's certificate is missing."
	}
	if err := wrong.err(); err != nil {
		return err
	}
	hash, ok := enrolmentSecret.Hash(request.Token)
	if !ok {
		return ErrEnrolment
	}
	camera := &store.Camera{ID: id, Name: name, Fingerprint: fingerprint}
	err = s.store.Enrol(ctx, hash, camera, MaxEnrolled)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists):
		return ErrEnrolment
	case errors.Is(err, store.ErrTooMany):
		return ErrTooManyCameras
	case err != nil:
		return fmt.Errorf("enrol: %w", err)
	}
	if camera.ClaimedAt != nil { // and not asked again
		s.Record(ctx, *camera.OwnerID, id, AuditClaimed, "enrolled")
	}
	s.log.Info("camera enrolled", "user", *camera.OwnerID, "camera", id)
	return nil
}
