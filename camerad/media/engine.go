package media

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"seccam/pkg/signaling"
)

// Config is what an [Engine] needs.
type Config struct {
	Source Source
	Video  VideoConfig
	// Sound is whether the source's sound is offered to viewers.
	Sound bool
	// Linger is how long the pipeline goes on after the last hold ended, since a person who leaves
	// often comes back at once.
	Linger time.Duration
	Log    *slog.Logger
}

// Engine runs the pipeline while somebody holds it. See the package comment.
type Engine struct {
	source Source
	video  VideoConfig
	sound  bool
	linger time.Duration
	log    *slog.Logger
	hub    *hub
	epoch  time.Time // media time 0

	// Owned by the capturing goroutine.
	packets packetizer
	lastKey time.Time

	running atomic.Pointer[VideoConfig] // what is captured, once known
	wake    chan struct{}               // holds or state changed
	changed chan struct{}

	mu     sync.Mutex // guards what follows
	holds  int
	state  signaling.Picture
	detail string
}

// NewEngine returns an engine that does nothing until [Engine.Run].
func NewEngine(cfg Config) *Engine {
	return &Engine{
		source: cfg.Source, video: cfg.Video, sound: cfg.Sound && cfg.Source.Tone, linger: cfg.Linger,
		log: cfg.Log, hub: newHub(), epoch: time.Now(),
		wake: make(chan struct{}, 1), changed: make(chan struct{}, 1), state: signaling.PictureResting,
	}
}

// Run captures whenever it is held, until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		}
		if e.held() {
			e.work(ctx)
		}
	}
}

// work captures until nobody has held the engine for the linger time.
func (e *Engine) work(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	e.setState(signaling.PictureStarting, "")
	running.Go(func() { e.capture(ctx) })
	if e.sound {
		running.Go(func() { e.listen(ctx) })
	}
	idle := time.NewTimer(e.linger)
	defer idle.Stop()
	for {
		if e.held() {
			idle.Stop()
		} else {
			idle.Reset(e.linger)
		}
		select {
		case <-ctx.Done():
			return
		case <-idle.C:
			return
		case <-e.wake:
		}
	}
}

// listen runs the tone. Without it there is still a picture, so its end is only logged.
func (e *Engine) listen(ctx context.Context) {
	err := tone(ctx, func(payload []byte, at time.Time) {
		e.hub.publishSound(&Sound{Payload: payload, Time: rtpTime(at.Sub(e.epoch), audioClock)})
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		e.log.Error("sound lost", "error", err)
	}
}

// Hold starts the pipeline, or keeps it, until release is called; more than once is harmless. It
// does not wait for the first picture.
func (e *Engine) Hold() (release func()) {
	e.addHold(1)
	return sync.OnceFunc(func() { e.addHold(-1) })
}

func (e *Engine) addHold(n int) {
	e.mu.Lock()
	e.holds += n
	e.mu.Unlock()
	poke(e.wake)
}

func (e *Engine) held() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.holds > 0
}

// NewViewer returns a viewer that gets nothing until its Run and SetLive.
func (e *Engine) NewViewer() *Viewer { return newViewer(e.hub, e.sound) }

// Changed signals that [Engine.State] may have changed. It has one receiver.
func (e *Engine) Changed() <-chan struct{} { return e.changed }

// State returns whether there is a picture, and in words why not.
func (e *Engine) State() (state signaling.Picture, detail string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, e.detail
}

func (e *Engine) setState(state signaling.Picture, detail string) {
	e.mu.Lock()
	same := e.state == state && e.detail == detail
	e.state, e.detail = state, detail
	e.mu.Unlock()
	if !same {
		poke(e.changed)
	}
}

// SourceName returns the name of the source.
func (e *Engine) SourceName() string { return e.source.Name }

// Stats are totals since the engine was made, and what is captured.
type Stats struct {
	Frames, KeyFrames, Bytes uint64
	// Dropped counts pictures that some viewer was too slow for.
	Dropped uint64
	// Video is what the source really gives; the configured values until it was first opened.
	Video VideoConfig
}

// Stats returns the engine's totals.
func (e *Engine) Stats() Stats {
	c := &e.hub.counts
	s := Stats{Frames: c.frames.Load(), KeyFrames: c.keyFrames.Load(), Bytes: c.bytes.Load(), Dropped: c.dropped.Load(), Video: e.video}
	if running := e.running.Load(); running != nil {
		s.Video = *running
	}
	return s
}

// poke sends to a channel of size 1 unless a signal is waiting in it.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
