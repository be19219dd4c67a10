package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestAuditLogIsAppendOnly(t *testing.T) {
	s, clock := open(t)
	for i := range 3 {
		require.NoError(t, s.Audit(t.Context(), AuditEntry{UserID: int64(i%2 + 1), Kind: "watch_begun", Actor: "kim"}))
		clock.advance(time.Hour)
	}
	for _, attempt := range []string{
		"UPDATE audit_log SET actor = 'nobody'", "UPDATE audit_log SET at = at WHERE id = 1", "DELETE FROM audit_log",
		"DELETE FROM audit_log WHERE id = 1", "REPLACE INTO audit_log SELECT * FROM audit_log WHERE id = 1", "TRUNCATE audit_log",
	} {
		require.Error(t, s.db.Exec(attempt).Error, attempt)
	}
	err := s.db.Model(&AuditEntry{}).Where("id = 1").Update("actor", "x").Error
	require.ErrorContains(t, err, "append-only")
	list, err := s.AuditLog(t.Context(), AuditFilter{UserID: 1, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "kim", list[0].Actor)
}

// Only age and the end of an account take entries out, and right after nothing does again.
func TestAuditLogIsPruned(t *testing.T) {
	s, clock := open(t)
	for range 3 {
		require.NoError(t, s.Audit(t.Context(), AuditEntry{UserID: 1, Kind: "login"}))
		clock.advance(time.Hour)
	}
	require.NoError(t, s.PruneAudit(t.Context(), clock.now().Add(-2*time.Hour)))
	list, err := s.AuditLog(t.Context(), AuditFilter{UserID: 1, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Error(t, s.db.Exec("DELETE FROM audit_log").Error)
	require.NoError(t, s.db.Transaction(func(tx *gorm.DB) error { return EraseAudit(tx, "user_id = ?", 1) }))
	list, err = s.AuditLog(t.Context(), AuditFilter{UserID: 1, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestAuditFilter(t *testing.T) {
	s, clock := open(t)
	began := clock.now()
	for i, kind := range []string{"a", "b", "a", "c"} {
		camera := ""
		if i >= 2 {
			camera = "cam"
		}
		require.NoError(t, s.Audit(t.Context(), AuditEntry{UserID: 1, Kind: kind, CameraID: camera}))
		clock.advance(time.Hour)
	}
	ids := func(f AuditFilter) (ids []int64) {
		t.Helper()
		f.UserID = 1
		if f.Limit == 0 {
			f.Limit = 10
		}
		list, err := s.AuditLog(t.Context(), f)
		require.NoError(t, err)
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		return ids
	}
	require.Equal(t, []int64{4, 3, 2, 1}, ids(AuditFilter{}))
	require.Equal(t, []int64{3, 1}, ids(AuditFilter{Kinds: []string{"a"}}))
	require.Equal(t, []int64{4, 3}, ids(AuditFilter{CameraID: "cam"}))
	require.Equal(t, []int64{2, 1}, ids(AuditFilter{Before: 3}))
	require.Equal(t, []int64{4, 3}, ids(AuditFilter{Limit: 2}))
	require.Equal(t, []int64{3, 4}, ids(AuditFilter{Before: 2, Ascending: true}))
	require.Equal(t, []int64{3, 2}, ids(AuditFilter{From: began.Add(time.Hour), To: began.Add(3 * time.Hour)}))
	n, err := s.AuditCount(t.Context(), 1, "a", began.Add(time.Minute))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

func TestAuditTakesManyEntriesAtOnce(t *testing.T) {
	s, clock := open(t)
	owner, l := member(t, s, clock, "owner")
	free := provision(t, s)
	owners, err := s.OwnersOf(t.Context(), []string{l.id, free.id, "unknown", l.id})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{l.id: owner.ID}, owners)
	require.NoError(t, s.Audit(t.Context()))
	require.NoError(t, s.Audit(t.Context(), make([]AuditEntry, 2*auditChunk+1)...))
	list, err := s.AuditLog(t.Context(), AuditFilter{Limit: 5000})
	require.NoError(t, err)
	require.Len(t, list, 2*auditChunk+1)
	require.True(t, list[0].At.Equal(clock.now()))
}
