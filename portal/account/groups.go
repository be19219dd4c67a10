package account

import (
	"context"
	"errors"
	"fmt"

	"seccam/portal/store"
)

// Limits of groups.
const (
	MaxGroups       = 50 // of one owner
	MaxGroupCameras = 1000
)

// FieldCameras is the field of a group's cameras.
const FieldCameras = "cameras"

// GroupForm is what an owner says of a group of cameras.
type GroupForm struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"` // ids
}

// Groups lists the user's groups of cameras.
func (s *Service) Groups(ctx context.Context, userID int64) ([]store.Group, error) {
	return s.store.Groups(ctx, userID)
}

// Group finds one of the user's groups, or ErrNotFound.
func (s *Service) Group(ctx context.Context, userID int64, groupID string) (*store.Group, error) {
	return s.store.GroupOf(ctx, userID, groupID)
}

// CreateGroup makes a group of the user's cameras. Failures are FieldErrors.
func (s *Service) CreateGroup(ctx context.Context, userID int64, form GroupForm) (*store.Group, error) {
	name, err := checkGroup(form)
	if err != nil {
		return nil, err
	}
	group := &store.Group{ID: newID(), OwnerID: userID, Name: name}
	err = s.store.AddGroup(ctx, group, MaxGroups)
	if errors.Is(err, store.ErrTooMany) {
		return nil, FieldErrors{FieldName: fmt.Sprintf("There are at most %d groups. Delete one that is not needed any more.", MaxGroups)}
	}
	if err == nil {
		err = s.ChangeGroup(ctx, userID, group.ID, form)
	}
	if err != nil {
		return nil, err
	}
	return s.store.GroupOf(ctx, userID, group.ID)
}

// ChangeGroup names a group of the user's and says what is in it: a camera that is added is shared with
// those with whom the group is, and who watches one that is removed is cut off. Failures are FieldErrors or
// ErrNotFound.
func (s *Service) ChangeGroup(ctx context.Context, userID int64, groupID string, form GroupForm) error {
	if _, err := s.store.GroupOf(ctx, userID, groupID); err != nil {
		return err
	}
	name, err := checkGroup(form)
	if err != nil {
		return err
	}
	for _, camera := range form.Cameras {
		if _, err := s.store.CameraOf(ctx, userID, camera); errors.Is(err, ErrNotFound) {
			return FieldErrors{FieldCameras: "One of these cameras is not yours. Choose among your own."}
		} else if err != nil {
			return err
		}
	}
	if err := s.store.ChangeGroup(ctx, userID, groupID, name, form.Cameras, newID); err != nil {
		return err
	}
	s.revoker.Look()
	s.Record(ctx, userID, "", AuditGroupChanged, name)
	s.log.Info("group of cameras changed", "user", userID, "group", groupID, "cameras", len(form.Cameras))
	return nil
}

// DeleteGroup removes a group and ends its shares. The cameras stay.
func (s *Service) DeleteGroup(ctx context.Context, userID int64, groupID string) error {
	if err := s.store.DeleteGroup(ctx, userID, groupID); err != nil {
		return err
	}
	s.revoker.Look()
	s.Record(ctx, userID, "", AuditGroupDeleted, "")
	s.log.Info("group of cameras deleted", "user", userID, "group", groupID)
	return nil
}

func checkGroup(form GroupForm) (name string, err error) {
	wrong := FieldErrors{}
	name = wrong.checkLabel(FieldName, form.Name, "Give the group a name, such as Outside.")
	if len(form.Cameras) > MaxGroupCameras {
		wrong[FieldCameras] = fmt.Sprintf("A group has at most %d cameras.", MaxGroupCameras)
	}
	return name, wrong.err()
}
