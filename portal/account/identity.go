package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

// FieldConfirmIdentity is what a person types to accept a replaced camera.
const FieldConfirmIdentity = "confirm"

// ErrIdentity means that there is no other certificate to accept: the camera has the pinned one, or
// reported yet another one meanwhile.
var ErrIdentity = errors.New("the camera's certificate is not the one that you were shown; look at both fingerprints again, then decide")

// checkFingerprint returns a label's fingerprint in the form in which it is compared; none is fine.
func (f FieldErrors) checkFingerprint(text string) string {
	if text == "" {
		return ""
	}
	fingerprint, err := credential.ParseFingerprint(text)
	if err != nil {
		f[FieldFingerprint] = "This is not a certificate's fingerprint. Scan the label again, or leave it out."
	}
	return fingerprint
}

// pinLabel pins the certificate of a label. If that fails the sign-up is given up: it would take the first
// certificate that comes.
func (s *Service) pinLabel(ctx context.Context, userID int64, camera, fingerprint string) error {
	if fingerprint == "" {
		return nil
	}
	if err := s.store.PinLabel(ctx, userID, camera, fingerprint); err != nil {
		return fmt.Errorf("sign up: pin the label's certificate: %w", errors.Join(err, s.store.DeletePending(ctx, userID)))
	}
	return nil
}

// AcceptIdentity pins the certificate that the user's camera reported in place of the one before.
// Fingerprint is the whole new one: whoever accepts it has seen it.
func (s *Service) AcceptIdentity(ctx context.Context, userID int64, camera *store.Camera, fingerprint string) error {
	accepted, err := credential.ParseFingerprint(fingerprint)
	if err != nil || accepted != camera.Fingerprint || !camera.IdentityChanged() {
		return ErrIdentity
	}
	err = s.store.AcceptFingerprint(ctx, userID, camera.ID, camera.PinnedFingerprint, accepted)
	if errors.Is(err, store.ErrNotFound) {
		return ErrIdentity
	}
	if err == nil {
		s.Record(ctx, userID, camera.ID, AuditIdentity, accepted)
		s.log.Info("replaced camera accepted", "user", userID, "camera", camera.ID, "before", camera.PinnedFingerprint, "now", accepted)
	}
	return err
}

// ConfirmsIdentity reports whether a person typed the end of the new fingerprint, its last group.
func ConfirmsIdentity(camera *store.Camera, typed string) bool {
	groups := credential.FingerprintGroups(camera.Fingerprint)
	typed = strings.ToUpper(strings.NewReplacer(" ", "", ":", "", "-", "").Replace(typed))
	return len(groups) > 0 && typed == groups[len(groups)-1]
}
