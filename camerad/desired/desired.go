// Package desired keeps what a camera is set to from afar. A desired configuration is applied as a whole or
// refused as a whole, with reasons; what was applied outlasts restarts, and holds while nobody can be reached.
//
//	desired (revision, values) ─▶ known keys and values? ─▶ "trying" is on the disk ─▶ Apply ─▶ kept, reported
//	                                     │ no                                            │ no
//	                                     └──────────▶ refused, reported ◀────────────────┘ the former holds again
//
// A revision that was being tried when camerad ended is not tried again: it may be why it ended.
package desired

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"seccam/pkg/signaling"
)

// Config is what a [Keeper] needs. All of it is required.
type Config struct {
	Folder string // the state folder
	// Apply puts values into effect beside those of the configuration file, or returns why not, and then the
	// former must be in effect again. The error may be a [Reasons].
	Apply func(ctx context.Context, values map[string]any) error
	// Effective returns all values that are in effect.
	Effective func() map[string]any
	// Report is told of each change of what is reported. It must not block.
	Report func(signaling.ConfigReported)
	Now    func() time.Time // the portal's clock
	Log    *slog.Logger
}

// Reasons are why values cannot be applied, by key.
type Reasons map[string]string

// Error implements error.
func (r Reasons) Error() string {
	data, err := json.Marshal(map[string]string(r))
	if err != nil {
		return "values are refused" // strings can always be marshalled
	}
	return string(data)
}

// Keeper applies one configuration after another. Its methods are safe for concurrent use.
type Keeper struct {
	cfg   Config
	queue chan request

	mu    sync.Mutex
	saved saved
}

// request is a configuration with who waits for the outcome, if anybody does.
type request struct {
	signaling.ConfigDesired
	done chan<- struct{}
}

// queueSize bounds what waits. The newest revision is the only one that counts in the end, and whatever is
// dropped here is published again by whoever sees that it was not reported.
const queueSize = 8

// Open reads what was kept. It always returns a keeper: one whose file cannot be read has nothing set.
func Open(cfg Config) *Keeper {
	k := &Keeper{cfg: cfg, queue: make(chan request, queueSize)}
	var err error
	if k.saved, err = load(cfg.Folder); err != nil {
		cfg.Log.Error("what was set from afar is lost; it is as the configuration file says", "error", err)
		k.saved = saved{V: signaling.Version}
	}
	if interrupted := k.saved.Trying; interrupted != 0 {
		cfg.Log.Error("camerad ended while a configuration from afar was tried; it is not tried again", "revision", interrupted)
		k.saved.Trying = 0
		k.saved.Refused = &signaling.ConfigRefusal{Revision: interrupted, Reasons: Reasons{"": "camerad ended while this was tried."}}
		if err := k.saved.save(cfg.Folder); err != nil {
			cfg.Log.Error("state of the configuration not kept", "error", err)
		}
	}
	return k
}

// Set returns what is set from afar, to start with.
func (k *Keeper) Set() map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.saved.Set)
}

// Discard forgets what is set, which the configuration file does not go with any more.
func (k *Keeper) Discard(why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cfg.Log.Error("what was set from afar does not go with the configuration file any more, and is left out", "error", why)
	k.saved.Refused = &signaling.ConfigRefusal{Revision: k.saved.Revision, Reasons: Reasons{"": why.Error()}}
	k.saved.Set, k.saved.Revision = nil, 0
}

// Reported returns what there is to report.
func (k *Keeper) Reported() signaling.ConfigReported {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := signaling.ConfigReported{
		V: signaling.Version, At: k.cfg.Now().UnixMilli(), Revision: k.saved.Revision, Set: maps.Clone(k.saved.Set),
		Values: k.cfg.Effective(), Refused: k.saved.Refused, Trying: k.saved.Trying,
	}
	if r.Set == nil {
		r.Set = map[string]any{}
	}
	return r
}

// Deliver hands over a desired configuration as it came. It does not block.
func (k *Keeper) Deliver(payload []byte) {
	document, err := signaling.DecodeConfigDesired(payload)
	if err != nil {
		if len(payload) > 0 { // the topic was emptied: nothing is desired
			k.cfg.Log.Warn("desired configuration dropped", "error", err)
		}
		return
	}
	select {
	case k.queue <- request{ConfigDesired: document}:
	default:
		k.cfg.Log.Warn("desired configuration dropped: too many at once", "revision", document.Revision)
	}
}

// Call is the method "config". If the outcome takes longer than the asker waits, the reply says that it is
// being tried.
func (k *Keeper) Call(ctx context.Context, r signaling.ConfigRequest) (signaling.ConfigReported, error) {
	if r.Values == nil {
		return k.Reported(), nil
	}
	if !signaling.Fresh(r.Seq, k.cfg.Now()) || r.Seq <= k.Reported().Latest() {
		return signaling.ConfigReported{}, &signaling.Error{Code: signaling.CodeReplayed, RetryAfter: 1,
			Message: "The request is not of now, or a newer one was already obeyed. Send as seq the Unix time in microseconds, by the portal's clock. Nothing was changed."}
	}
	done := make(chan struct{}, 1)
	document := signaling.ConfigDesired{V: signaling.Version, Revision: r.Seq, Values: r.Values}
	select {
	case k.queue <- request{document, done}:
	default:
		return signaling.ConfigReported{}, &signaling.Error{Code: signaling.CodeRateLimited, RetryAfter: 1, Message: "Too many changes at once. Try again in a moment."}
	}
	ctx, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return k.Reported(), nil
}

// replyWithin is less than a method has; see package rpc.
const replyWithin = 4 * time.Second

// Run applies what comes until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-k.queue:
			k.handle(ctx, r.ConfigDesired)
			if r.done != nil {
				r.done <- struct{}{}
			}
		}
	}
}

// handle decides about one configuration.
func (k *Keeper) handle(ctx context.Context, d signaling.ConfigDesired) {
	switch {
	case d.Revision <= k.Reported().Latest():
		return // decided before
	case d.Revision > uint64(k.cfg.Now().Add(signaling.MaxAge).UnixMicro()):
		// To remember it would shut out every right one after it.
		k.cfg.Log.Warn("desired configuration dropped: its revision is of the future", "revision", d.Revision)
		return
	}
	if problems := signaling.CheckConfig(d.Values); len(problems) > 0 {
		k.refuse(d.Revision, Reasons(problems))
		return
	}
	if err := k.begin(d.Revision); err != nil {
		k.refuse(d.Revision, Reasons{"": "The camera cannot keep it: " + err.Error()})
		return
	}
	err := k.cfg.Apply(ctx, d.Values)
	if ctx.Err() != nil {
		k.abandon()
		return
	}
	if err != nil {
		k.refuse(d.Revision, err)
		return
	}
	if err := k.accept(d); err != nil {
		k.undo(ctx, d.Revision, err)
	}
}

// begin remembers what is being tried, should it be the end of camerad.
func (k *Keeper) begin(revision uint64) error {
	k.mu.Lock()
	next := k.saved
	next.Trying = revision
	err := next.save(k.cfg.Folder)
	if err == nil {
		k.saved = next
	}
	k.mu.Unlock()
	if err == nil {
		k.cfg.Report(k.Reported())
	}
	return err
}

// abandon has it tried again at the next start: camerad was told to end meanwhile.
func (k *Keeper) abandon() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.saved.Trying = 0
	if err := k.saved.save(k.cfg.Folder); err != nil {
		k.cfg.Log.Error("state of the configuration not kept", "error", err)
	}
}

func (k *Keeper) accept(d signaling.ConfigDesired) error {
	k.mu.Lock()
	next := saved{V: signaling.Version, Revision: d.Revision, Set: d.Values}
	err := next.save(k.cfg.Folder)
	if err == nil {
		k.saved = next
	}
	k.mu.Unlock()
	if err == nil {
		k.cfg.Log.Info("configuration from afar applied", "revision", d.Revision, "values", len(d.Values))
		k.cfg.Report(k.Reported())
	}
	return err
}

// undo puts the former back, since the new one cannot be kept.
func (k *Keeper) undo(ctx context.Context, revision uint64, why error) {
	err := errors.Join(why, k.cfg.Apply(ctx, k.Set()))
	k.refuse(revision, Reasons{"": "The camera cannot keep it: " + err.Error()})
}

func (k *Keeper) refuse(revision uint64, why error) {
	var reasons Reasons
	if !errors.As(why, &reasons) {
		reasons = Reasons{"": why.Error()}
	}
	k.cfg.Log.Warn("configuration from afar refused", "revision", revision, "why", reasons.Error())
	k.mu.Lock()
	k.saved.Refused = &signaling.ConfigRefusal{Revision: revision, Reasons: reasons.clipped()}
	k.saved.Trying = 0
	err := k.saved.save(k.cfg.Folder)
	k.mu.Unlock()
	if err != nil {
		k.cfg.Log.Error("state of the configuration not kept", "error", err)
	}
	k.cfg.Report(k.Reported())
}

// clipped keeps a report within its size, whatever a driver has to say.
func (r Reasons) clipped() map[string]string {
	const most = 8
	short := map[string]string{}
	for key, text := range r {
		if len(short) == most {
			break
		}
		if len(text) > signaling.MaxText/4 {
			text = text[:signaling.MaxText/4] + "…"
		}
		short[key] = text
	}
	return short
}
