package media

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"
)

// Config is what an [Engine] needs.
type Config struct {
	Source source.Source
	Video  source.Video
	// Microphone opens the microphone. If it is nil, the source's own sound is sent.
	Microphone func(context.Context) (SoundStream, error)
	// Mute is whether no sound is sent at all.
	Mute bool
	// Linger is how long the pipeline goes on after the last hold ended, since a person who leaves
	// often comes back at once.
	Linger time.Duration
	// Settings are those that [Engine.Set] changed in earlier runs, and Save keeps them.
	Settings map[string]int
	Save     func(map[string]int)
	Log      *slog.Logger
}

// Linger times of the layers that are beside the full one.
const extraLinger = 2 * time.Second

// Engine runs the pipeline while somebody holds it. See the package comment.
type Engine struct {
	source  source.Source
	video   atomic.Pointer[source.Video] // as it is wanted
	openMic func(context.Context) (SoundStream, error)
	sound   bool
	linger  time.Duration
	log     *slog.Logger
	epoch   time.Time // media time 0

	full, low, vp8 *layer
	crew           crew
	pictures       picturePool
	settings       settings
	latest         latest

	format  atomic.Pointer[source.Format] // of the stream; kept when it rests, nil until it was opened once
	rounds  atomic.Uint64                 // counts attempts to open the source
	frames  atomic.Uint64                 // counts what the source gave
	wake    chan struct{}                 // holds or privacy changed
	changes beacon                        // state, format or settings changed

	mu      sync.Mutex // guards what follows
	holds   int
	calm    time.Duration // how long to go on after the last hold
	private string        // why nothing may be captured; empty if it may
	state   signaling.Picture
	detail  string
	viewers map[*Viewer]struct{}    // those that are sent to
	again   context.CancelCauseFunc // ends the present capture, for another; nil if there is none
}

// NewEngine returns an engine that does nothing until [Engine.Run].
func NewEngine(cfg Config) *Engine {
	epoch := time.Now()
	e := &Engine{
		source: cfg.Source, openMic: cfg.Microphone, sound: !cfg.Mute, linger: cfg.Linger,
		log: cfg.Log, epoch: epoch,
		full: newLayer("full", H264, epoch, cfg.Linger),
		low:  newLayer("low", H264, epoch, extraLinger), vp8: newLayer("vp8", VP8, epoch, extraLinger),
		wake: make(chan struct{}, 1), state: signaling.PictureResting,
		viewers: map[*Viewer]struct{}{},
	}
	e.video.Store(&cfg.Video)
	e.settings.init(cfg.Settings, cfg.Save)
	e.resetRates()
	return e
}

// Run captures whenever it is held and allowed to, until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		}
		if e.wants() {
			e.work(ctx)
		}
	}
}

// work captures until nobody has held the engine for the linger time, or it must not.
func (e *Engine) work(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	e.mu.Lock()
	e.calm = 0
	e.mu.Unlock()
	e.setState(signaling.PictureStarting, "")
	running.Go(func() { e.capture(ctx) })
	running.Go(func() { e.steer(ctx) })
	idle := time.NewTimer(time.Hour)
	defer idle.Stop()
	for e.allowed() {
		if e.wants() {
			idle.Stop()
		} else {
			idle.Reset(e.idleFor())
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

// Hold starts the pipeline, or keeps it, until release is called; more than once is harmless. It
// does not wait for the first picture.
func (e *Engine) Hold() (release func()) { return e.hold(e.linger) }

// holdBriefly is for who will not come back at once.
func (e *Engine) holdBriefly() (release func()) { return e.hold(min(e.linger, time.Second)) }

func (e *Engine) hold(linger time.Duration) (release func()) {
	e.addHold(1, 0)
	return sync.OnceFunc(func() { e.addHold(-1, linger) })
}

func (e *Engine) addHold(n int, linger time.Duration) {
	e.mu.Lock()
	e.holds += n
	e.calm = max(e.calm, linger)
	e.mu.Unlock()
	poke(e.wake)
}

// idleFor returns how long the pipeline goes on when nobody holds it.
func (e *Engine) idleFor() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calm
}

func (e *Engine) wants() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.holds > 0 && e.private == ""
}

func (e *Engine) allowed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.private == ""
}

// SetPrivate stops all capture for the reason given in words, or with an empty reason allows it again.
func (e *Engine) SetPrivate(reason string) {
	e.mu.Lock()
	e.private = reason
	e.mu.Unlock()
	e.setState(e.resting())
	poke(e.wake)
}

// resting is the state while nothing is captured.
func (e *Engine) resting() (state signaling.Picture, detail string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.private != "" {
		return signaling.PicturePrivate, e.private
	}
	return signaling.PictureResting, ""
}

// State returns whether there is a picture, and in words why not.
func (e *Engine) State() (state signaling.Picture, detail string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state, e.detail
}

// setState changes the state. Privacy outlasts what a source that is being stopped still says.
func (e *Engine) setState(state signaling.Picture, detail string) {
	e.mu.Lock()
	if e.private != "" {
		state, detail = signaling.PicturePrivate, e.private
	}
	same := e.state == state && e.detail == detail
	e.state, e.detail = state, detail
	e.mu.Unlock()
	if !same {
		e.changes.signal()
	}
}

// Changed returns a channel that is closed at the next change of [Engine.State], [Engine.Controls] or
// the format. Take it before looking.
func (e *Engine) Changed() <-chan struct{} { return e.changes.next() }

// Progress counts the frames that the source gave. While the state is live it goes on.
func (e *Engine) Progress() uint64 { return e.frames.Load() }

// SourceName returns the name of the source.
func (e *Engine) SourceName() string { return e.source.Name }

// Stats are totals since the engine was made, and what is captured.
type Stats struct {
	Frames, KeyFrames, Bytes uint64
	// Dropped counts pictures that some viewer was too slow for.
	Dropped uint64
	// Encoding is the CPU time spent on encoding, in all layers.
	Encoding time.Duration
	// Rate is what is encoded now or, while nothing is, what would be.
	Rate Rate
}

// Stats returns the engine's totals, of the full layer but for Dropped.
func (e *Engine) Stats() Stats {
	c := &e.full.hub.counts
	s := Stats{Frames: c.frames.Load(), KeyFrames: c.keyFrames.Load(), Bytes: c.bytes.Load(), Rate: *e.full.wanted.Load()}
	for _, l := range []*layer{e.full, e.low, e.vp8} {
		s.Dropped += l.hub.counts.dropped.Load()
		s.Encoding += time.Duration(l.effort.Load())
	}
	if actual := e.full.actual.Load(); actual != nil {
		s.Rate = *actual
	} else if format := e.format.Load(); format != nil && format.Codec != source.Raw && format.Width > 0 {
		s.Rate = Rate{Width: format.Width, Height: format.Height, FPS: format.FPS}
	}
	return s
}

// beacon tells any number of listeners that something changed.
type beacon struct {
	mu   sync.Mutex
	lamp chan struct{} // closed at the next change
}

func (b *beacon) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lamp == nil {
		b.lamp = make(chan struct{})
	}
	return b.lamp
}

func (b *beacon) signal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lamp != nil {
		close(b.lamp)
		b.lamp = nil
	}
}

// poke sends to a channel of size 1 unless a signal is waiting in it.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
