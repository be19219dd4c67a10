package store

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/portal/store/storetest"
)

// TestExportForgetsNoTable compares what is exported with every table that refers to people.
func TestExportForgetsNoTable(t *testing.T) {
	s, _ := open(t)
	query := "SELECT m.name FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS k WHERE k.\"table\" = 'users'"
	var tables []string
	if !s.sqlite() {
		query = "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = 'users'::regclass"
	}
	require.NoError(t, s.db.Raw(query).Scan(&tables).Error)
	covered := map[string]bool{"webhook_calls": true} // on their way to the addresses that are exported
	for _, part := range held {
		table, _, _ := strings.Cut(part.from, " ")
		covered[table] = true
		assert.NotContains(t, part.columns, "hash", "secrets stay here")
		assert.NotContains(t, part.columns, "secret")
	}
	for _, table := range tables {
		assert.True(t, covered[table], "table %s refers to people: add it to held in erase.go", table)
	}
	assert.Greater(t, len(tables), 12)
	assert.True(t, covered["audit_log"])
}

// TestDeletionLeavesNoByte looks for everything personal in all that the database keeps.
func TestDeletionLeavesNoByte(t *testing.T) {
	database, clock := storetest.Database(t), newClock()
	s := openAt(t, database, clock)
	ctx := t.Context()
	const name, address, device, mail, cameraName = "Zebulon-Q", "203.0.113.77", "Device/Of-Zebulon", "zebulon@mail.example", "Zebulon hall"
	user, l := member(t, s, clock, name)
	other, theirs := member(t, s, clock, "neighbour")
	require.NoError(t, s.Rename(ctx, user.ID, l.id, cameraName))
	require.NoError(t, s.Logins().CommitCtx(ctx, "session", []byte("data of Zebulon-Q"), clock.now().Add(time.Hour)))
	require.NoError(t, s.AddLogin(ctx, &Login{ID: "login", Session: "session", UserID: user.ID, Method: "password", Address: address, Agent: device}))
	added, err := s.AddMailToken(ctx, &MailToken{Hash: []byte("token hash"), UserID: user.ID, Kind: MailVerify, Address: mail, ExpiresAt: clock.now().Add(time.Hour)}, 0)
	require.NoError(t, err)
	require.True(t, added)
	_, err = s.VerifyEmail(ctx, []byte("token hash"))
	require.NoError(t, err)
	_, err = s.AddPasskey(ctx, &Passkey{ID: "p", UserID: user.ID, Credential: []byte("cred of Z"), Data: []byte("{}"), Name: "Key of Zebulon-Q"}, 9, nil)
	require.NoError(t, err)
	for i := range 200 { // more than fits a page
		require.NoError(t, s.Audit(ctx, AuditEntry{At: clock.now(), UserID: user.ID, CameraID: l.id, Kind: "login", ActorKind: "person", Actor: name, Address: address, Device: device, Detail: strings.Repeat("x", i)}))
	}
	all, err := s.Export(ctx, user.ID)
	require.NoError(t, err)
	assert.Equal(t, name, all["account"][0]["username"])
	assert.Equal(t, mail, all["email"][0]["address"])
	assert.Equal(t, cameraName, all["cameras"][0]["name"])
	assert.Equal(t, address, all["logins"][0]["address"])
	assert.Len(t, all["log"], 200)
	require.NotEmpty(t, grep(t, database, name, address, device, mail, cameraName), "they were there")

	code := credential.NewCode()
	require.ErrorContains(t, s.DeleteUser(ctx, user.ID, nil), "claimed meanwhile")
	require.NoError(t, s.DeleteUser(ctx, user.ID, map[string][]byte{l.id: credential.HashClaimCode(l.id, code)}))
	assert.Empty(t, grep(t, database, name, strings.ToLower(name), address, device, mail, cameraName, "Key of", "cred of Z", "data of"))
	require.ErrorIs(t, s.DeleteUser(ctx, user.ID, nil), ErrNotFound)
	_, err = s.UserByName(ctx, name)
	require.ErrorIs(t, err, ErrNotFound)
	require.NoError(t, s.Claim(ctx, other.ID, l.id, credential.HashClaimCode(l.id, code), ""), "the camera is free")
	require.Equal(t, other.ID, *camera(t, s, theirs.id).OwnerID, "another's is not touched")
	list, err := s.RevocationsAfter(ctx, 0)
	require.NoError(t, err)
	var subjects []string
	for _, r := range list {
		subjects = append(subjects, r.Subject)
	}
	assert.Contains(t, subjects, "login-login")
	assert.Contains(t, subjects, ReleasePrefix+l.id)
}

// grep returns the words that are in the database.
func grep(t *testing.T, database string, words ...string) (found []string) {
	t.Helper()
	all := string(storetest.Contents(t, database))
	for _, word := range words {
		if strings.Contains(all, word) {
			found = append(found, word)
		}
	}
	return found
}
