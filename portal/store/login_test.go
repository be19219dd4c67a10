package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A login holds until it ends in whichever way.
func TestLoginHolds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *Store, clock *testClock, user *User){
		"ended": func(t *testing.T, s *Store, _ *testClock, user *User) {
			require.NoError(t, s.EndLogin(t.Context(), user.ID, "login"))
		},
		"its session ended": func(t *testing.T, s *Store, _ *testClock, _ *User) {
			require.NoError(t, s.Logins().DeleteCtx(t.Context(), "session"))
		},
		"its session lapsed": func(_ *testing.T, _ *Store, clock *testClock, _ *User) { clock.advance(time.Minute) },
		"its sign-up lapsed": func(t *testing.T, s *Store, clock *testClock, _ *User) {
			require.NoError(t, s.Logins().CommitCtx(t.Context(), "session", []byte("data"), clock.now().Add(2*signUpTime)))
			clock.advance(signUpTime)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := open(t)
			user := pending(t, s, clock, "owner", provision(t, s))
			require.NoError(t, s.Logins().CommitCtx(t.Context(), "session", []byte("data"), clock.now().Add(time.Minute)))
			require.NoError(t, s.Logins().CommitCtx(t.Context(), "another", []byte("data"), clock.now().Add(time.Minute)))
			require.NoError(t, s.AddLogin(t.Context(), &Login{ID: "login", Session: "session", UserID: user.ID, Method: "password"}))
			holds := func(session string) bool {
				holds, err := s.LoginHolds(t.Context(), "login", session)
				require.NoError(t, err)
				return holds
			}
			require.True(t, holds("session"))
			require.False(t, holds("another"))
			end(t, s, clock, user)
			require.False(t, holds("session"))
		})
	}
}
