//go:build bench

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

const (
	// soakViews are the views of a day in which somebody looks at the camera every twenty seconds.
	soakViews   = 24 * 60 * 3
	soakLimit   = 10 * time.Minute
	soakWarmUp  = soakViews / 10 // after which caches and pools are as full as they get
	soakAtOnce  = 6
	soakSamples = 4
)

// TestSoak opens and closes a day's views as fast as they go: with and without goodbye, with pages that
// come back, and with ICE restarts. Afterwards nothing is left of them in the portal, its broker and camerad.
// The programs are built as they are shipped: the race detector's own memory grows.
func TestSoak(t *testing.T) {
	l := newLabWith(t, "127.0.0.1", "metrics: 127.0.0.1:0\n")
	c := l.provisionWith("testpattern", "video: {width: 320, height: 240}\nmetrics: 127.0.0.1:0\n")
	l.startCamera(c)
	s := &soak{t: t, camera: c.id, person: l.signUp("owner", c), programs: map[string]*process{"portal": l.portal, "camerad": c.process}}
	ctx, stop := context.WithTimeout(t.Context(), soakLimit)
	defer stop()
	s.watch(ctx, soakWarmUp)
	first := s.settled()
	for n := range soakSamples {
		s.watch(ctx, (soakViews-soakWarmUp)/soakSamples)
		t.Logf("after %d views: %v", soakWarmUp+(n+1)*(soakViews-soakWarmUp)/soakSamples, s.settled())
	}
	last := s.settled()
	t.Logf("after the first %d: %v", soakWarmUp, first)
	for name, before := range first {
		after := last[name]
		require.LessOrEqual(t, after.goroutines, before.goroutines+5, "%s: goroutines", name)
		require.LessOrEqual(t, after.files, before.files+5, "%s: file descriptors", name)
		require.LessOrEqual(t, after.memory, before.memory*1.15+5e6, "%s: resident memory", name)
	}
}

type soak struct {
	t        *testing.T
	camera   string
	person   *client
	programs map[string]*process
	views    atomic.Int64
}

// watch opens and closes so many views.
func (s *soak) watch(ctx context.Context, views int) {
	s.t.Helper()
	until := s.views.Load() + int64(views)
	failures := make(chan error, soakAtOnce)
	var all sync.WaitGroup
	for range soakAtOnce {
		all.Go(func() {
			for n := s.views.Add(1); n <= until; n = s.views.Add(1) {
				if err := s.view(ctx, int(n)); err != nil {
					failures <- fmt.Errorf("view %d: %w", n, err)
					return
				}
			}
		})
	}
	all.Wait()
	s.views.Store(until)
	close(failures)
	for err := range failures {
		require.NoError(s.t, err)
	}
}

// quiet is a complainer that keeps the first complaint: views run beside the test's goroutine.
type quiet struct{ failed chan error }

func (quiet) Helper() {}
func (q quiet) Errorf(format string, args ...any) {
	select {
	case q.failed <- fmt.Errorf(format, args...):
	default:
	}
}
func (q quiet) Fatalf(format string, args ...any) { q.Errorf(format, args...); q.FailNow() }
func (quiet) FailNow()                            { panic(errGivenUp) }

var errGivenUp = errors.New("given up")

// view is one of a page that watches for a few pictures and leaves, each in one of several ways.
func (s *soak) view(ctx context.Context, n int) (err error) {
	complaints := quiet{make(chan error, 1)}
	defer func() {
		if p := recover(); p != nil && p != any(errGivenUp) {
			panic(p)
		}
		select {
		case err = <-complaints.failed:
		default:
			err = errors.Join(err, ctx.Err())
		}
	}()
	conn, _, err := dialSignal(s.person.base, "", s.person.base, s.person.cookies(), http.DefaultClient)
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	page := newSocket(complaints, conn)
	page.viewer = page.await(signaling.TypeWelcome).Viewer
	packets := make(chan *rtp.Packet, 4096)
	v := openView(complaints, page, s.camera, 1, webrtc.Configuration{}, into(packets))
	v.packets = packets
	defer func() { _ = v.pc.Close() }()
	v.offer()
	v.awaitKeyFrame()
	switch n % 4 {
	case 0: // the page is closed
		return conn.Close(websocket.StatusGoingAway, "")
	case 1: // the view is stopped, then the page is closed
		page.send(signaling.Message{Type: signaling.TypeBye, Session: v.session, Camera: s.camera})
		return conn.Close(websocket.StatusNormalClosure, "")
	case 2: // the picture ends first, and the page goes without a word
		return v.pc.Close()
	default: // ICE restarts, as after a change of networks
		offer, err := v.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
		if err != nil {
			return err
		}
		if err := v.pc.SetLocalDescription(offer); err != nil {
			return err
		}
		<-v.answer
		page.send(signaling.Message{Type: signaling.TypeOffer, Session: v.session, Camera: s.camera, SDP: offer.SDP})
		<-v.answer
		v.awaitFrames(2)
		return conn.Close(websocket.StatusNormalClosure, "")
	}
}

// usage is what a program has of the system.
type usage struct {
	goroutines, files int
	memory            float64 // resident, bytes
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MB", u.goroutines, u.files, u.memory/1e6)
}

// settled waits until nobody watches any more, and the camera rests, and returns what the programs have then.
func (s *soak) settled() map[string]usage {
	s.t.Helper()
	last := map[string]usage{}
	require.Eventually(s.t, func() bool {
		now := map[string]usage{}
		same := true
		for name, program := range s.programs {
			told := program.figures()
			figures := func(name string) float64 { return figureIn(s.t, told, name) }
			now[name] = usage{int(figures("go_goroutines")), int(figures("process_open_fds")), figures("process_resident_memory_bytes")}
			same = same && now[name].goroutines == last[name].goroutines && now[name].files == last[name].files
			same = same && max(0, figures("seccam_camera_viewers")) == 0 && max(0, figures("seccam_portal_views")) == 0
		}
		last = now
		return same
	}, 2*patience, 2*time.Second, "it comes to rest")
	return last
}
