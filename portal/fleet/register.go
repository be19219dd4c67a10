package fleet

import (
	"context"
	"errors"
	"fmt"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// ErrInUse means that a camera was claimed, or its key replaced, since it was added.
var ErrInUse = errors.New("the camera is in use since, and its first key is not told any more; rotate its key if it was lost")

// MaxRegister is how many cameras are registered at once.
const MaxRegister = 300

// Registered is what a camera needs, besides what was made with its id.
type Registered struct {
	ID         string `json:"id"`
	KeyVersion int    `json:"key_version"`
	DeviceKey  string `json:"device_key"`
}

// Register adds cameras whose ids and claim codes were made elsewhere: only the codes' hashes come here. Told again,
// of the same batch, it answers the same, until they are in use.
func (s *Service) Register(ctx context.Context, batch string, cameras []store.NewCamera) ([]Registered, error) {
	if err := s.store.ProvisionBatch(ctx, s.by, batch, cameras); err != nil {
		return nil, err
	}
	registered := make([]Registered, len(cameras))
	for i, c := range cameras {
		camera, err := s.store.CameraByID(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if camera.KeyVersion != 1 || camera.ClaimHash == nil {
			return nil, fmt.Errorf("%w: camera %s", ErrInUse, c.ID)
		}
		registered[i] = Registered{ID: c.ID, KeyVersion: 1, DeviceKey: credential.DeviceKey(s.master, c.ID, 1).Hex()}
	}
	return registered, nil
}
