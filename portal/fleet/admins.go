package fleet

import (
	"context"

	"seccam/portal/store"
)

// IsAdmin reports whether a person may see the whole fleet.
func (s *Service) IsAdmin(ctx context.Context, userID int64) (bool, error) {
	return s.store.IsAdmin(ctx, userID)
}

// Admins lists the people who may see the whole fleet.
func (s *Service) Admins(ctx context.Context) ([]store.Admin, error) { return s.store.Admins(ctx) }

// AddAdmin lets a person see the whole fleet; store.ErrNotFound says that there is none of this name.
func (s *Service) AddAdmin(ctx context.Context, username string) error {
	return s.store.AddAdmin(ctx, s.by, username)
}

// RemoveAdmin ends that, at once; store.ErrNotFound says that they were none.
func (s *Service) RemoveAdmin(ctx context.Context, username string) error {
	return s.store.RemoveAdmin(ctx, s.by, username)
}
