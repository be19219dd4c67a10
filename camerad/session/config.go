package session

import (
	"log/slog"
	"sync/atomic"
	"time"

	"seccam/camerad/media"
	"seccam/camerad/pairing"
	"seccam/camerad/transport"

	"golang.org/x/time/rate"
)

// Config is what a [Manager] needs. All of it is required, but for what says so.
type Config struct {
	Camera     string
	MaxViewers int
	Identity   Identity
	Media      *media.Engine
	// Transport has the sockets that all viewers share. Without it, each has some of its own.
	Transport *transport.Transport
	// Pairing says who may watch, and pairs devices.
	Pairing *pairing.Book
	// OpenSpeaker opens the camera's speaker for one talker; nil if it has none.
	OpenSpeaker func() (Speaker, error)
	// Publish sends a message to a viewer. It must not block.
	Publish func(topic string, payload []byte)
	// Now is the portal's clock, and Stale is called when messages are not of now by it: the clock may
	// have been set since. It must not block.
	Now   func() time.Time
	Stale func()
	// Silent is called when nothing is heard of a viewer any more: the network here may be another one,
	// and what goes to the portal may be lost, too. It must not block.
	Silent func()
	// Traces is told how views come about; nil if nobody wants to know.
	Traces Traces
	Log    *slog.Logger
	// ConnectTimeout is how long a viewer may take to connect, and FailedTimeout how long a lost
	// connection waits for the viewer's ICE restart.
	ConnectTimeout, FailedTimeout time.Duration

	talk  *talk         // set by New
	count *atomic.Int64 // of viewers
	paths *paths        // of viewers
	tries *rate.Limiter // at the pairing code
}

// Defaults of the timeouts.
const (
	ConnectTimeout = 30 * time.Second
	FailedTimeout  = 30 * time.Second
)
