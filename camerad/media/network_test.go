package media

import (
	"context"
	"image"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"seccam/pkg/signaling"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// link is the path to one viewer, in a synctest bubble: a queue of at most 300 ms that is emptied at a
// rate, 20 ms of way, and a report on what came every 50 ms.
type link struct {
	*Viewer
	bits atomic.Int64 // per second

	mu      sync.Mutex
	free    time.Time // when the queue is empty
	flying  []flying
	media   []rtp.Packet // all of the main stream
	padding int
}

type flying struct {
	number uint16
	at     time.Time
}

func newLink(t *testing.T, v *Viewer, bits int64, apt string) *link {
	l := &link{Viewer: v}
	l.bits.Store(bits)
	_, err := v.Video.Bind(fakeContext{codec: v.codec.Capability(), apt: apt, numbered: true, write: l.send})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { v.Run(ctx) })
	running.Go(func() { l.report(ctx, t) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	v.SetLive(true)
	return l
}

func (l *link) send(h *rtp.Header, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, packet := time.Now(), rtp.Packet{Header: h.Clone(), Payload: payload}
	if h.SSRC == mainSSRC {
		l.media = append(l.media, packet)
	} else if h.Padding {
		l.padding++
	}
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now) > 300*time.Millisecond {
		return // lost
	}
	size := int64(packetOverhead+len(payload)) + int64(h.PaddingSize)
	l.free = l.free.Add(time.Duration(size * 8 * int64(time.Second) / l.bits.Load()))
	l.flying = append(l.flying, flying{transportNumber(packet), l.free.Add(20 * time.Millisecond)})
}

func (l *link) report(ctx context.Context, t testing.TB) {
	recorder, start := twcc.NewRecorder(1), time.Now()
	for pause(ctx, 50*time.Millisecond) == nil {
		l.mu.Lock()
		for len(l.flying) > 0 && !l.flying[0].at.After(time.Now()) {
			recorder.Record(mainSSRC, l.flying[0].number, l.flying[0].at.Sub(start).Microseconds())
			l.flying = l.flying[1:]
		}
		l.mu.Unlock()
		for _, packet := range recorder.BuildFeedbackPacket() {
			raw, err := packet.Marshal()
			assert.NoError(t, err)
			l.Feedback(raw)
		}
	}
}

// queue is how long a packet has to wait now.
func (l *link) queue() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, time.Until(l.free))
}

func (l *link) is() Quality { return *l.quality.Load() }

// checkMedia checks what a decoder needs of all that was sent.
func (l *link) checkMedia(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(t, l.media)
	for i, p := range l.media[1:] {
		before := l.media[i]
		require.Equal(t, before.SequenceNumber+1, p.SequenceNumber, "no gap")
		if forward := int32(p.Timestamp - before.Timestamp); before.Marker {
			require.Positive(t, forward, "time never goes backwards")
		} else {
			require.Zero(t, forward)
		}
	}
}

// until waits for a condition and returns after how many seconds it held.
func until(t *testing.T, most int, holds func() bool) (seconds int) {
	t.Helper()
	for ; !holds(); seconds++ {
		require.Less(t, seconds, most, "waited in vain")
		time.Sleep(time.Second)
	}
	return seconds
}

// TestWeakLinkGetsTheLowLayer has three viewers, of whom one has a link that carries a fifth of the
// picture, and later all of it.
func TestWeakLinkGetsTheLowLayer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(smallVideo().Width, smallVideo().Height)
		e := runEngine(t, rawSource(func(n int) image.Image { return s.draw(n) }), func(cfg *Config) { cfg.Video.Bitrate = mbit })
		defer e.Hold()()
		var links []*link
		for _, bits := range []int64{6 * mbit, 250 * kbit, 5 * mbit} {
			v, unuse := e.NewViewer(H264)
			defer unuse()
			links = append(links, newLink(t, v, bits, withRTX))
		}
		e.await(t, signaling.PictureLive)
		weak := links[1]
		time.Sleep(5 * time.Second)
		for range 100 {
			require.Equal(t, []Quality{QualityFull, QualityLow, QualityFull}, []Quality{links[0].is(), weak.is(), links[2].is()})
			require.GreaterOrEqual(t, e.full.wanted.Load().Bitrate, 900*kbit, "nobody else minds")
			require.Less(t, e.low.wanted.Load().Bitrate, 300*kbit)
			time.Sleep(100 * time.Millisecond)
		}
		weak.bits.Store(5 * mbit)
		took := until(t, 90, func() bool { return weak.is() == QualityFull })
		t.Logf("back after %d s, with %d packets of padding", took, weak.padding)
		assert.Positive(t, weak.padding)
		time.Sleep(4 * time.Second)
		assert.Equal(t, QualityFull, weak.is())
		assert.Zero(t, users(e.low))
		for _, l := range links {
			l.checkMedia(t)
			assert.Positive(t, l.Stats().Available)
			assert.InDelta(t, 0.04, l.Stats().RTT.Seconds(), 0.2)
		}
	})
}

// TestAloneOnAWeakLink: who watches alone gets what passes, as the full picture.
func TestAloneOnAWeakLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(smallVideo().Width, smallVideo().Height)
		e := runEngine(t, rawSource(func(n int) image.Image { return s.draw(n) }), func(cfg *Config) { cfg.Video.Bitrate = mbit })
		defer e.Hold()()
		v, unuse := e.NewViewer(H264)
		defer unuse()
		l := newLink(t, v, 300*kbit, withRTX)
		bitrate := func() int { return e.full.wanted.Load().Bitrate }
		until(t, 3, func() bool { return bitrate() < 300*kbit })
		time.Sleep(5 * time.Second)
		var queue time.Duration
		for range 50 {
			require.True(t, bitrate() > 120*kbit && bitrate() < 330*kbit, "%d", bitrate())
			queue += l.queue() / 50
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("the queue is %v on average", queue)
		assert.Less(t, queue, 200*time.Millisecond)
		assert.Equal(t, QualityFull, l.is())
		assert.Zero(t, users(e.low))
		l.bits.Store(5 * mbit)
		t.Logf("the link carries more: used after %d s", until(t, 60, func() bool { return bitrate() == mbit }))
		l.checkMedia(t)
	})
}

// TestWeakLinkGetsKeyFramesOfAPassedThroughStream, since nobody can make it smaller.
func TestWeakLinkGetsKeyFramesOfAPassedThroughStream(t *testing.T) {
	c := get(t, clipH264)
	synctest.Test(t, func(t *testing.T) {
		e := runEngine(t, c.source(), nil)
		defer e.Hold()()
		v, unuse := e.NewViewer(H264)
		defer unuse()
		weak := newLink(t, v, 1500*kbit, withRTX) // of some 3.7 Mbit/s
		e.await(t, signaling.PictureLive)
		time.Sleep(10 * time.Second)
		for range 50 {
			require.Equal(t, QualityKeyFrames, weak.is())
			time.Sleep(100 * time.Millisecond)
		}
		weak.mu.Lock()
		before := len(weak.media)
		weak.mu.Unlock()
		time.Sleep(2 * time.Second)
		weak.mu.Lock()
		keys := 0
		for _, p := range weak.media[before:] {
			if p.Marker {
				keys++
			}
		}
		weak.mu.Unlock()
		assert.InDelta(t, 12, keys, 2, "3 of each 12 pictures")
		weak.bits.Store(50 * mbit)
		t.Logf("back after %d s", until(t, 90, func() bool { return weak.is() == QualityFull }))
		weak.checkMedia(t)
	})
}
