package store

import (
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// measured is how many statements of each kind were measured, and how long all took together, in seconds.
func (s *Store) measured(t *testing.T) (counts map[string]uint64, seconds float64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s.timing.seconds)
	families, err := registry.Gather()
	require.NoError(t, err)
	counts = map[string]uint64{}
	for _, metric := range families[0].Metric {
		if n := metric.Histogram.GetSampleCount(); n > 0 {
			counts[metric.Label[0].GetValue()] = n
		}
		seconds += metric.Histogram.GetSampleSum()
	}
	return counts, seconds
}

// Each statement is measured once, by its kind, whatever comes of it.
func TestStatementsAreMeasured(t *testing.T) {
	s, _ := open(t)
	db := s.db.WithContext(t.Context())
	row := &Revocation{Subject: "login-x"}
	var n int
	for _, do := range []func() error{
		func() error { return db.Create(row).Error },
		func() error { return db.First(&Revocation{}, "subject = ?", "login-x").Error },
		func() error { return db.First(&Revocation{}, "subject = ?", "nobody").Error },
		func() error { return db.Model(row).Update("subject", "login-y").Error },
		func() error { return db.Raw("SELECT 1").Row().Scan(&n) },
		func() error { return db.Exec("DELETE FROM throttles").Error },
		func() error {
			return db.Transaction(func(tx *gorm.DB) error { return tx.Delete(row).Error })
		},
	} {
		if err := do(); !errors.Is(err, gorm.ErrRecordNotFound) {
			require.NoError(t, err)
		}
	}
	counts, seconds := s.measured(t)
	require.Equal(t, map[string]uint64{"create": 1, "query": 2, "update": 1, "row": 1, "raw": 1, "delete": 1}, counts)
	require.Positive(t, seconds)

	figures, err := s.Figures()
	require.NoError(t, err)
	for _, figure := range figures[:1] { // the others are Prometheus's own
		problems, err := testutil.CollectAndLint(figure)
		require.NoError(t, err)
		require.Empty(t, problems)
	}
	require.Equal(t, 1, testutil.CollectAndCount(figures[1], "go_sql_open_connections"))
}
