// Package turn tells browsers and cameras which STUN and TURN servers to use.
//
// A [Pool] puts together what several providers know: the embedded relay and whatever else is a
// [Provider], the configured servers ([Static]), and services on the network (Metered, Cloudflare). Each
// session asks the pool with [Pool.For], which answers from memory; [Pool.Run] keeps the services' answers
// fresh. A provider that fails is left out and reported, and nobody waits for it.
package turn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"seccam/pkg/signaling"
)

// Who is one end of one session, for which a credential is made.
type Who struct {
	Session string
	Account string // whose quota at the embedded relay it counts for; no other relay learns it
	End     string // [Viewer] or [Camera]
}

// The ends of a session.
const (
	Viewer = "viewer"
	Camera = "camera"
)

// String is what other relays' logs say.
func (w Who) String() string { return w.Session + "." + w.End }

// Provider is a source of servers on this machine.
type Provider interface {
	// Name tells the provider from the others, in logs and reports.
	Name() string
	// Servers returns servers with credentials for who. It answers at once.
	Servers(who Who) ([]signaling.ICEServer, error)
}

// Pool is all providers. Its zero value has none; see [New].
type Pool struct {
	locals  []local
	remotes []*remote
}

type local struct {
	Provider
	health *health
}

// New returns a pool of first, then cfg's servers, then its services. In this order their URLs are used, at
// most eight: so where one fails, the next takes its place. cfg is valid; read reads its files and refuses
// one that others can read.
func New(cfg Config, read func(path string) (string, error), log *slog.Logger, first ...Provider) (*Pool, error) {
	var errs []error
	static, err := NewStatic(cfg.Servers, read, time.Now)
	if err != nil {
		errs = append(errs, err)
	}
	if len(cfg.Servers) > 0 {
		first = append(slices.Clip(first), static)
	}
	p := &Pool{}
	for _, provider := range first {
		p.locals = append(p.locals, local{provider, newHealth(Status{Name: provider.Name(), OK: true}, log)})
	}
	kinds := map[string]int{}
	for i, service := range cfg.Services {
		s, err := newService(service, read, newClient())
		if err != nil {
			errs = append(errs, fmt.Errorf("ice_providers[%d]: %w", i, err))
			continue
		}
		if kinds[s.name]++; kinds[s.name] > 1 {
			s.name = fmt.Sprintf("%s-%d", s.name, kinds[s.name])
		}
		p.remotes = append(p.remotes, newRemote(s, log))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

// For returns the servers for one end of a session, which may be none. It does not block.
func (p *Pool) For(who Who) []signaling.ICEServer {
	var all []endpoint
	for _, l := range p.locals {
		servers, err := l.Servers(who)
		good, malformed := endpoints(servers)
		l.health.report(errors.Join(err, malformed), time.Time{})
		all = append(all, good...)
	}
	for _, r := range p.remotes {
		all = append(all, r.current()...)
	}
	return together(all)
}

// Run keeps the services' answers fresh until ctx ends.
func (p *Pool) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, r := range p.remotes {
		running.Go(func() { r.run(ctx) })
	}
	running.Wait()
	return nil
}

// Ready returns when Run has asked each service once, or ctx ends. A page that is greeted before that
// lacks their servers until it is given new ones.
func (p *Pool) Ready(ctx context.Context) {
	for _, r := range p.remotes {
		select {
		case <-r.asked:
		case <-ctx.Done():
			return
		}
	}
}

// Status returns how each provider does, in their order.
func (p *Pool) Status() []Status {
	all := make([]Status, 0, len(p.locals)+len(p.remotes))
	for _, l := range p.locals {
		all = append(all, l.health.get())
	}
	for _, r := range p.remotes {
		all = append(all, r.health.get())
	}
	return all
}
