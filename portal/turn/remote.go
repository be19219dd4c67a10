package turn

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// spare is what must be left of an answer's life for it to be given out: enough to connect, and for a
	// relay to refresh the allocation once.
	spare = 5 * time.Minute
	// A service that fails is asked again after about retryMin, then later and later up to retryMax.
	retryMin = 2 * time.Second
	retryMax = 5 * time.Minute
)

// remote keeps the last answer of a service, and renews it. All sessions share it: a credential for each
// would make each wait for the service.
type remote struct {
	service
	health *health
	asked  chan struct{} // closed when the service was asked once, whatever came of it

	mu      sync.Mutex
	answer  []endpoint
	expires time.Time
}

func newRemote(s service, log *slog.Logger) *remote {
	return &remote{
		service: s, asked: make(chan struct{}),
		health: newHealth(Status{Name: s.name, Error: notAsked}, log),
	}
}

// current returns the answer, if enough of its life is left.
func (r *remote) current() []endpoint {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Until(r.expires) < spare {
		return nil
	}
	return r.answer
}

// run renews the answer at half of its life until ctx ends. The jitter keeps portals that started at one
// moment from asking at one moment.
func (r *remote) run(ctx context.Context) {
	first := sync.OnceFunc(func() { close(r.asked) })
	renew := func() (struct{}, error) {
		err := r.renew(ctx)
		first()
		return struct{}{}, err
	}
	for {
		wait := backoff.NewExponentialBackOff()
		wait.InitialInterval, wait.MaxInterval = retryMin, retryMax
		if _, err := backoff.Retry(ctx, renew, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0)); err != nil {
			return // only when ctx ended
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.life/2 - rand.N(r.life/10)):
		}
	}
}

func (r *remote) renew(ctx context.Context) error {
	began := time.Now()
	answer, err := r.ask(ctx)
	if ctx.Err() != nil {
		return err // that we stop says nothing about the service
	}
	expires := began.Add(r.life)
	if err == nil {
		r.mu.Lock()
		r.answer, r.expires = answer, expires
		r.mu.Unlock()
	}
	r.health.report(err, expires)
	return err
}
