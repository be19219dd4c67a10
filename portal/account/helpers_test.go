package account

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

const password = "correct horse 1"

// fakePresence is a presence of functions.
type fakePresence struct {
	online func(camera string) bool
	flush  func(ctx context.Context) error
}

func (f *fakePresence) Online(camera string) bool       { return f.online(camera) }
func (f *fakePresence) Flush(ctx context.Context) error { return f.flush(ctx) }

type revokeFunc func(subject string) error

func (f revokeFunc) Revoke(_ context.Context, subject string) error { return f(subject) }
func (f revokeFunc) Look()                                          {}

// bench is the service over a real database.
type bench struct {
	*Service
	t        *testing.T
	store    *store.Store
	presence *fakePresence
	revoked  []string
	revoke   error // what the next revocation returns
	log      *bytes.Buffer
	database string

	mu sync.Mutex
	at time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, at: time.Unix(1_700_000_000, 0), log: &bytes.Buffer{}, database: storetest.Database(t)}
	b.presence = &fakePresence{
		online: func(string) bool { return false },
		flush:  func(context.Context) error { return nil },
	}
	var err error
	b.store, err = store.Open(t.Context(), b.database, b.clock)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.store.Close()) })
	revoke := revokeFunc(func(subject string) error {
		b.revoked = append(b.revoked, subject)
		return b.revoke
	})
	b.Service, err = New(b.store, b.presence, revoke, b.clock, slog.New(slog.NewTextHandler(b.log, nil)))
	require.NoError(t, err)
	return b
}

// camera provisions a camera and returns its id and claim code as a label shows them.
func (b *bench) camera() (id, code string) {
	b.t.Helper()
	id, code = credential.NewCode(), credential.NewCode()
	require.NoError(b.t, b.store.Provision(b.t.Context(), id, credential.HashClaimCode(id, code)))
	return id, code
}

func form(name, id, code string) SignUpForm {
	return SignUpForm{
		Username: name, CameraID: credential.FormatCode(id), ClaimCode: credential.FormatCode(code),
		Password: password, PasswordConfirm: password,
	}
}

// member is a person whose sign-up is finished.
func (b *bench) member(name string) (user *store.User, camera string) {
	b.t.Helper()
	id, code := b.camera()
	user, err := b.SignUp(b.t.Context(), form(name, id, code))
	require.NoError(b.t, err)
	require.NoError(b.t, b.store.Seen(b.t.Context(), map[string]time.Time{id: b.clock()}))
	require.NoError(b.t, b.Confirm(b.t.Context(), user.ID))
	return user, id
}

// revocations are the subjects that were recorded as revoked in the database.
func (b *bench) revocations() (subjects []string) {
	b.t.Helper()
	list, err := b.store.RevocationsAfter(b.t.Context(), 0)
	require.NoError(b.t, err)
	for _, r := range list {
		subjects = append(subjects, r.Subject)
	}
	return subjects
}

// written is everything that the service has left behind: in the database and in the log.
func (b *bench) written() []byte {
	b.t.Helper()
	return append(b.log.Bytes(), storetest.Contents(b.t, b.database)...)
}
