package transport

import (
	"maps"
	"sync/atomic"
)

// table is a map that is read without a lock: it is never changed, but replaced.
type table[K comparable, V any] struct{ current atomic.Pointer[map[K]V] }

func (t *table[K, V]) all() map[K]V {
	if m := t.current.Load(); m != nil {
		return *m
	}
	return nil
}

// get returns the zero value for a key that is not there.
func (t *table[K, V]) get(key K) V { return t.all()[key] }

// replace puts a changed copy in the map's place. One may do so at a time.
func (t *table[K, V]) replace(change func(map[K]V)) {
	m := maps.Clone(t.all())
	if m == nil {
		m = map[K]V{}
	}
	change(m)
	t.current.Store(&m)
}
