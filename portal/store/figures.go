package store

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"gorm.io/gorm"
)

// statementBuckets are in seconds: from a row in the cache to a disk that is in trouble.
var statementBuckets = []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}

// timing is a plugin of gorm that measures statements by their kind.
type timing struct{ seconds *prometheus.HistogramVec }

func newTiming() *timing {
	return &timing{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "seccam_database_statement_seconds", Buckets: statementBuckets,
		Help: "How long statements took, with the wait for a connection or a lock unless they are in a transaction of several.",
	}, []string{"kind"})}
}

// Name implements gorm.Plugin.
func (*timing) Name() string { return "seccam:timing" }

// registrar is a place among gorm's callbacks.
type registrar interface {
	Register(name string, f func(*gorm.DB)) error
}

// Initialize implements gorm.Plugin.
func (t *timing) Initialize(db *gorm.DB) error {
	all := db.Callback()
	for kind, at := range map[string]struct{ first, last registrar }{
		"create": {all.Create().Before("*"), all.Create().After("*")},
		"query":  {all.Query().Before("*"), all.Query().After("*")},
		"update": {all.Update().Before("*"), all.Update().After("*")},
		"delete": {all.Delete().Before("*"), all.Delete().After("*")},
		"row":    {all.Row().Before("*"), all.Row().After("*")},
		"raw":    {all.Raw().Before("*"), all.Raw().After("*")},
	} {
		if err := at.first.Register("seccam:began", began); err != nil {
			return fmt.Errorf("measure statements: %w", err)
		}
		if err := at.last.Register("seccam:ended", ended(t.seconds.WithLabelValues(kind))); err != nil {
			return fmt.Errorf("measure statements: %w", err)
		}
	}
	return nil
}

// beganKey is where a statement keeps when it began.
type beganKey struct{}

func began(db *gorm.DB) { db.Statement.Settings.Store(beganKey{}, time.Now()) }

func ended(seconds prometheus.Observer) func(*gorm.DB) {
	return func(db *gorm.DB) {
		if at, ok := db.Statement.Settings.Load(beganKey{}); ok {
			seconds.Observe(time.Since(at.(time.Time)).Seconds())
		}
	}
}

// Figures are the database's, for Prometheus: how long statements take, and how many connections there are.
func (s *Store) Figures() ([]prometheus.Collector, error) {
	pool, err := s.db.DB()
	if err != nil {
		return nil, fmt.Errorf("figures of the database: %w", err)
	}
	return []prometheus.Collector{s.timing.seconds, collectors.NewDBStatsCollector(pool, "portal")}, nil
}
