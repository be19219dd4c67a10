package factor

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"seccam/pkg/credential"
)

// RecoveryCodes is how many recovery codes a person gets.
const RecoveryCodes = 10

// newRecovery makes recovery codes, as they are shown, and their hashes.
func newRecovery(userID int64) (codes []string, hashes [][]byte) {
	for range RecoveryCodes {
		code := credential.NewCode()
		codes = append(codes, credential.FormatCode(code))
		hashes = append(hashes, hashRecovery(userID, code))
	}
	return codes, hashes
}

// hashRecovery needs no salt and no slowness: what it hashes is random.
func hashRecovery(userID int64, code string) []byte {
	sum := sha256.Sum256([]byte("seccam recovery code v1|" + strconv.FormatInt(userID, 10) + "|" + code))
	return sum[:]
}

// NewRecovery gives a person with a second factor other recovery codes. They are shown only this once.
func (s *Service) NewRecovery(ctx context.Context, userID int64) ([]string, error) {
	state, err := s.Of(ctx, userID)
	if err != nil {
		return nil, err
	}
	if !state.Needed() {
		return nil, ErrNone
	}
	codes, hashes := newRecovery(userID)
	if err := s.store.ReplaceRecovery(ctx, userID, hashes); err != nil {
		return nil, fmt.Errorf("new recovery codes: %w", err)
	}
	s.happened(ctx, userID, "New recovery codes were made; the old ones are worthless.")
	return codes, nil
}

// UseRecovery checks a recovery code and uses it up.
func (s *Service) UseRecovery(ctx context.Context, userID int64, typed string) error {
	code, err := credential.ParseCode(typed)
	if err != nil {
		return ErrWrongCode
	}
	ok, err := s.store.UseRecovery(ctx, userID, hashRecovery(userID, code))
	if err != nil {
		return fmt.Errorf("use recovery code: %w", err)
	}
	if !ok {
		return ErrWrongCode
	}
	s.happened(ctx, userID, "A recovery code was used.")
	return nil
}
