package web

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiterKeys bounds how many keys one limiter remembers; past it the one unused longest is
// forgotten, so that memory cannot be filled from outside.
const limiterKeys = 10_000

// limiter allows each key a burst and then a steady rate, in this process.
type limiter struct {
	name  string
	every time.Duration // one more request each
	burst int
	now   func() time.Time

	mu      sync.Mutex
	entries map[string]*list.Element
	recent  *list.List // of limiterEntry, the most recently used first
}

type limiterEntry struct {
	key    string
	bucket *rate.Limiter
}

func newLimiter(name string, burst int, every time.Duration, now func() time.Time) *limiter {
	return &limiter{name: name, every: every, burst: burst, now: now, entries: map[string]*list.Element{}, recent: list.New()}
}

// named implements limit.
func (l *limiter) named() string { return l.name }

// take implements limit; it never fails.
func (l *limiter) take(_ context.Context, key string) (time.Duration, error) {
	bucket, now := l.bucket(key), l.now()
	if bucket.AllowN(now, 1) {
		return 0, nil
	}
	missing := 1 - bucket.TokensAt(now)
	return time.Duration(missing * float64(l.every)), nil
}

func (l *limiter) bucket(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if element, known := l.entries[key]; known {
		l.recent.MoveToFront(element)
		return element.Value.(limiterEntry).bucket
	}
	if l.recent.Len() >= limiterKeys {
		oldest := l.recent.Remove(l.recent.Back()).(limiterEntry)
		delete(l.entries, oldest.key)
	}
	bucket := rate.NewLimiter(rate.Every(l.every), l.burst)
	l.entries[key] = l.recent.PushFront(limiterEntry{key, bucket})
	return bucket
}

// addressKey is what counts as one client: an IPv4 address or an IPv6 network of 64 bits, since a
// single customer is given that many addresses.
func addressKey(ip string) string {
	address, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
