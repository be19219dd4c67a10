package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"seccam/pkg/signaling"
	"seccam/portal/store"
)

// Access is what somebody may do with a camera: the one answer to that question, whoever asks.
type Access struct {
	Camera *store.Camera
	// Role is the owner's, who may do everything, or a viewer's, who may watch and take pictures.
	Role signaling.Role
	// Talk is whether they may speak through the camera.
	Talk bool
	// Grant is what the revocation of the right is called, and what the camera knows it by.
	Grant string
	// Until is when the right ends, or rests, by itself; zero is never.
	Until time.Time
	// Share is the share by which a viewer watches, and Owner the user name of whoever shares it.
	Share, Owner string
}

// Owns reports whether this is the owner's access.
func (a Access) Owns() bool { return a.Role == signaling.RoleOwner }

// OutsideHoursError means that a camera is shared with somebody, but not for now.
type OutsideHoursError struct {
	Opens time.Time // in the zone of the hours
}

// Error says when it is.
func (e *OutsideHoursError) Error() string {
	if e.Opens.IsZero() {
		return "this camera is shared with you, but for no time of the week"
	}
	return fmt.Sprintf("this camera is shared with you for certain hours only: again from %s", e.Opens.Format("Monday, 15:04 (MST)"))
}

// Access tells what a person may do with a camera: everything, if it is theirs; watch, if it is shared with
// them. Else it is ErrNotFound, or an [OutsideHoursError].
func (s *Service) Access(ctx context.Context, userID int64, cameraID string) (Access, error) {
	camera, err := s.store.CameraOf(ctx, userID, cameraID)
	if err == nil {
		return ownerAccess(camera), nil
	}
	if !errors.Is(err, ErrNotFound) {
		return Access{}, err
	}
	reach, err := s.store.SharedWith(ctx, userID, cameraID)
	if err != nil {
		return Access{}, err
	}
	best, err := s.best(reach)
	if err != nil {
		return Access{}, err
	}
	if best.Camera, err = s.store.CameraByID(ctx, cameraID); err != nil {
		return Access{}, err
	}
	return best, nil
}

func ownerAccess(camera *store.Camera) Access {
	return Access{Camera: camera, Role: signaling.RoleOwner, Talk: true, Grant: camera.Ownership()}
}

// best chooses among the shares of one camera: one that is open now, that lets talk, and lasts.
func (s *Service) best(reach []store.Reach) (Access, error) {
	var open []Access
	var opens time.Time
	for i := range reach {
		access, next, ok := s.byShare(&reach[i])
		switch {
		case ok:
			open = append(open, access)
		case !next.IsZero() && (opens.IsZero() || next.Before(opens)):
			opens = next
		}
	}
	switch {
	case len(reach) == 0:
		return Access{}, ErrNotFound
	case len(open) == 0:
		return Access{}, &OutsideHoursError{opens}
	}
	return slices.MaxFunc(open, compareAccess), nil
}

func compareAccess(a, b Access) int {
	switch {
	case a.Talk != b.Talk:
		return truth(a.Talk) - truth(b.Talk)
	case a.Until.IsZero() || b.Until.IsZero():
		return truth(a.Until.IsZero()) - truth(b.Until.IsZero())
	}
	return a.Until.Compare(b.Until)
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// byShare is what a share allows now; ok is false outside its hours, and opens tells when they begin.
func (s *Service) byShare(r *store.Reach) (access Access, opens time.Time, ok bool) {
	access = Access{Role: signaling.RoleViewer, Talk: r.Talk, Grant: r.Subject(), Share: r.ID, Owner: r.Owner}
	if r.ExpiresAt != nil {
		access.Until = *r.ExpiresAt
	}
	if len(r.Hours) == 0 {
		return access, opens, true
	}
	zone, err := time.LoadLocation(r.Zone)
	if err != nil { // it was checked when it was saved; a zone that is not known now is closed
		s.log.Error("time zone of a share", "share", r.ID, "zone", r.Zone, "error", err)
		return access, opens, false
	}
	active, until := signaling.InSchedule(r.Hours, zone, s.now())
	if !active {
		return access, until.In(zone), false
	}
	if !until.IsZero() && (access.Until.IsZero() || until.Before(access.Until)) {
		access.Until = until
	}
	return access, opens, true
}

// Shared is a camera that somebody shares with a person.
type Shared struct {
	Access
	// Closed is set outside the hours.
	Closed *OutsideHoursError
	Hours  []signaling.PrivacySpan
	Zone   string
	// Ends is when the share ends; nil is never.
	Ends *time.Time
}

// SharedCameras lists what others share with a person, each camera once.
func (s *Service) SharedCameras(ctx context.Context, userID int64) ([]Shared, error) {
	reach, err := s.store.SharedWith(ctx, userID, "")
	if err != nil {
		return nil, err
	}
	byCamera := map[string][]store.Reach{}
	var order []string
	for _, r := range reach {
		if byCamera[r.OnCamera] == nil {
			order = append(order, r.OnCamera)
		}
		byCamera[r.OnCamera] = append(byCamera[r.OnCamera], r)
	}
	var list []Shared
	for _, id := range order {
		shared, err := s.shared(ctx, id, byCamera[id])
		if err != nil {
			return nil, err
		}
		list = append(list, shared)
	}
	return list, nil
}

func (s *Service) shared(ctx context.Context, cameraID string, reach []store.Reach) (Shared, error) {
	camera, err := s.store.CameraByID(ctx, cameraID)
	if err != nil {
		return Shared{}, err
	}
	access, err := s.best(reach)
	var closed *OutsideHoursError
	if errors.As(err, &closed) {
		access, _, _ = s.byShare(&reach[0])
	} else if err != nil {
		return Shared{}, err
	}
	access.Camera = camera
	shared := Shared{Access: access, Closed: closed}
	for _, r := range reach {
		if r.ID == access.Share {
			shared.Hours, shared.Zone, shared.Ends = r.Hours, r.Zone, r.ExpiresAt
		}
	}
	return shared, nil
}

// Visible lists every camera that a person may look at now, their own first.
func (s *Service) Visible(ctx context.Context, userID int64) ([]Access, error) {
	own, err := s.store.CamerasOf(ctx, userID)
	if err != nil {
		return nil, err
	}
	var list []Access
	for i := range own {
		list = append(list, ownerAccess(&own[i]))
	}
	shared, err := s.SharedCameras(ctx, userID)
	for _, one := range shared {
		list = append(list, one.Access)
	}
	return list, err
}
