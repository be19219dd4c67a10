package account

import (
	"context"
	"fmt"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// FieldTyped is the field in which a person types their user name to delete their account.
const FieldTyped = "confirm"

// Export returns everything that is kept of a person, without secrets.
func (s *Service) Export(ctx context.Context, user *store.User) (map[string]any, error) {
	held, err := s.store.Export(ctx, user.ID)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	s.log.Info("account exported", "user", user.ID)
	all := map[string]any{"exported_at": s.now().UTC().Format(time.RFC3339), "portal": s.origin}
	for name, rows := range held {
		all[name] = rows
	}
	return all, nil
}

// Freed is a camera that lost its owner with their account, and the code by which it can be claimed again.
type Freed struct {
	CameraID  string `json:"camera_id"`
	Name      string `json:"name"`
	ClaimCode string `json:"claim_code"`
}

// Delete removes a person's account and everything that is kept of them, and cuts whoever watches by a right of
// theirs. typed has to be the user name. It returns the cameras with their new claim codes, which are shown only
// this once. Failures are FieldErrors.
func (s *Service) Delete(ctx context.Context, user *store.User, typed string) ([]Freed, error) {
	if typed != user.Username {
		return nil, FieldErrors{FieldTyped: "Type your user name, " + user.Username + ", to delete the account."}
	}
	cameras, err := s.store.CamerasOf(ctx, user.ID)
	if err != nil {
		return nil, fmt.Errorf("delete account: %w", err)
	}
	freed, claims := []Freed{}, map[string][]byte{}
	for _, camera := range cameras {
		code := credential.NewCode()
		claims[camera.ID] = credential.HashClaimCode(camera.ID, code)
		freed = append(freed, Freed{camera.ID, camera.Name, code})
	}
	if err := s.store.DeleteUser(ctx, user.ID, claims); err != nil {
		return nil, fmt.Errorf("delete account: %w", err)
	}
	s.revoker.Look()
	s.log.Info("account deleted", "user", user.ID, "cameras", len(freed))
	return freed, nil
}
