package alert

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"seccam/pkg/credential"
	"seccam/pkg/signaling"
	"seccam/portal/account"
	"seccam/portal/internet/internettest"
	"seccam/portal/store"
	"seccam/portal/store/storetest"
)

type bench struct {
	*Service
	t     *testing.T
	path  string
	clock time.Time
	owner int64
	id    string // of the owner's camera
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// newBench has an owner with a camera.
func newBench(t *testing.T, allow []netip.Prefix) *bench {
	t.Helper()
	b := &bench{t: t, path: storetest.Prepared(t, storetest.By(store.Open)), clock: time.Unix(1_700_000_000, 0), id: credential.NewCode()}
	b.Service = New(Config{Allow: allow, Now: func() time.Time { return b.clock }, Log: slog.New(slog.DiscardHandler)})
	b.Store = b.open()
	code := credential.NewCode()
	hash := credential.HashClaimCode(b.id, code)
	require.NoError(t, b.Store.Provision(t.Context(), b.id, hash))
	user, err := b.Store.CreatePending(t.Context(), "owner", "hash", b.clock.Add(time.Hour), b.id, hash)
	require.NoError(t, err)
	b.clock = b.clock.Add(time.Second)
	require.NoError(t, b.Store.Seen(t.Context(), map[string]time.Time{b.id: b.clock}))
	require.NoError(t, b.Store.Confirm(t.Context(), user.ID))
	b.owner = user.ID
	return b
}

func (b *bench) open() *store.Store {
	b.t.Helper()
	s, err := store.Open(b.t.Context(), b.path, b.Now)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, s.Close()) })
	return s
}

// receiver is a server that is called.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []*http.Request
	bodies []string
	status atomic.Int64
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.status.Store(http.StatusNoContent)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.calls, r.bodies = append(r.calls, req), append(r.bodies, string(body))
		r.mu.Unlock()
		w.Header().Set("Location", "http://127.0.0.2/")
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.calls)
}

func TestCallIsSignedAndSaysWhatHappened(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	hook, err := b.Add(t.Context(), b.owner, " "+r.URL+"/alerts ")
	require.NoError(t, err)
	require.NoError(t, b.Offline(t.Context(), b.id, "It is gone."))
	require.NoError(t, b.callAll(t.Context()))
	require.Equal(t, 1, r.count())
	header := r.calls[0].Header
	require.Equal(t, "/alerts", r.calls[0].URL.Path)
	require.Equal(t, "application/json", header.Get("Content-Type"))
	signature := sign(b.key(hook.ID), header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), []byte(r.bodies[0]))
	require.Equal(t, "v1,"+signature, header.Get("Webhook-Signature"))
	require.True(t, strings.HasPrefix(b.Secret(hook.ID), "whsec_"))
	var event Event
	require.NoError(t, json.Unmarshal([]byte(r.bodies[0]), &event))
	require.Equal(t, Event{Type: CameraOffline, Timestamp: b.clock.UTC(), Data: Data{CameraID: b.id, Text: "It is gone."}}, event)
	require.NoError(t, b.callAll(t.Context()))
	require.Equal(t, 1, r.count(), "once")
}

// The example in the documentation of the specification's reference libraries.
func TestSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	require.Equal(t, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
}

func TestFailuresAreTriedAgainAndThenGivenUp(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	r.status.Store(http.StatusInternalServerError)
	_, err := b.Add(t.Context(), b.owner, r.URL)
	require.NoError(t, err)
	require.NoError(t, b.Offline(t.Context(), b.id, "It is gone."))
	for n, wait := range append([]time.Duration{0}, retries...) {
		b.clock = b.clock.Add(wait - time.Second)
		require.NoError(t, b.callAll(t.Context()))
		require.Equal(t, n, r.count(), "not yet")
		b.clock = b.clock.Add(time.Second)
		b.Store = b.open() // another portal, or the same one after a restart
		require.NoError(t, b.callAll(t.Context()))
		require.Equal(t, n+1, r.count())
		list, err := b.List(t.Context(), b.owner)
		require.NoError(t, err)
		require.Equal(t, "The address answered 500 in place of 200.", list[0].LastError)
	}
	b.clock = b.clock.AddDate(1, 0, 0)
	require.NoError(t, b.callAll(t.Context()))
	require.Equal(t, len(retries)+1, r.count(), "given up")
	require.InDelta(t, len(retries), testutil.ToFloat64(b.results.WithLabelValues("failed")), 0)
	require.InDelta(t, 1, testutil.ToFloat64(b.results.WithLabelValues("given_up")), 0)
	r.status.Store(http.StatusOK)
	hooks, err := b.List(t.Context(), b.owner)
	require.NoError(t, err)
	failure, err := b.Try(t.Context(), b.owner, hooks[0].ID)
	require.NoError(t, err)
	require.Empty(t, failure)
	hooks, err = b.List(t.Context(), b.owner)
	require.NoError(t, err)
	require.Empty(t, hooks[0].LastError)
}

// Several portals share the work: each call is made by one.
func TestOneOfManyPortalsCalls(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	_, err := b.Add(t.Context(), b.owner, r.URL)
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, b.tellOfClaim(t.Context(), b.id))
	}
	var all sync.WaitGroup
	for range 4 {
		portal := *b.Service
		portal.Store = b.open()
		all.Go(func() {
			if err := portal.callAll(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 10, r.count())
}

func TestRemoved(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	hook, err := b.Add(t.Context(), b.owner, r.URL)
	require.NoError(t, err)
	require.NoError(t, b.Offline(t.Context(), b.id, "It is gone."))
	require.ErrorIs(t, b.Remove(t.Context(), b.owner+1, hook.ID), store.ErrNotFound)
	require.NoError(t, b.Remove(t.Context(), b.owner, hook.ID))
	require.NoError(t, b.callAll(t.Context()))
	require.Zero(t, r.count())
	_, err = b.Try(t.Context(), b.owner, hook.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, b.tellOfClaim(t.Context(), credential.NewCode()), "nobody's")
}

func TestAddressesThatAreNone(t *testing.T) {
	b := newBench(t, nil)
	for address, text := range map[string]string{
		"":                                 "not an address",
		"example.org":                      "not an address",
		"ftp://example.org":                "https://",
		"http://example.org":               "https://",
		"https://owner:secret@example.org": "name and password",
		"https://example.org/#secret":      "#",
		"https://example.org/" + strings.Repeat("x", maxURL): "at most",
	} {
		_, err := b.Add(t.Context(), b.owner, address)
		var wrong account.FieldErrors
		require.ErrorAs(t, err, &wrong, address)
		require.Contains(t, wrong[FieldURL], text, address)
	}
	for range MaxWebhooks {
		_, err := b.Add(t.Context(), b.owner, "https://example.org/alerts")
		require.NoError(t, err)
	}
	_, err := b.Add(t.Context(), b.owner, "https://example.org/alerts")
	require.ErrorContains(t, err, "already")
}

func TestAbuse35_InternalAddresses(t *testing.T) {
	b := newBench(t, nil)
	refused := func(host string) {
		t.Helper()
		_, err := b.Add(t.Context(), b.owner, "https://"+host+"/")
		require.ErrorContains(t, err, "not on the Internet", host)
	}
	for _, e := range internettest.Edges {
		for _, text := range []string{e.First, e.Last} {
			addr := netip.MustParseAddr(text)
			refused(net.JoinHostPort(text, "443"))
			require.ErrorIs(t, permitted(addr, nil), ErrInternal)
			if addr.Is4() {
				for _, embed := range internettest.Embedding {
					refused("[" + embed(addr.As4()).String() + "]")
				}
			}
		}
	}
	refused("localhost:8080")
	refused("[fe80::1%25eth0]")
}

// A name says nothing about where it leads: what counts is the address that is connected to.
func TestAbuse35_NamesThatLeadInside(t *testing.T) {
	b := newBench(t, nil)
	inside := newReceiver(t)
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"localhost", "127.0.0.1", "0x7f.1", "2130706433", "127.1", "0177.0.0.1"} {
		hook := &store.Webhook{ID: "h" + host, UserID: b.owner, URL: "http://" + net.JoinHostPort(host, port) + "/"}
		require.NoError(t, b.Store.AddWebhook(t.Context(), hook, MaxWebhooks)) // as if it had led elsewhere at first
		failure, err := b.Try(t.Context(), b.owner, hook.ID)
		require.NoError(t, err)
		require.NotEmpty(t, failure, host)
	}
	require.Zero(t, inside.count())
}

func TestAbuse35_Redirect(t *testing.T) {
	b := newBench(t, loopback)
	outside := newReceiver(t)
	outside.status.Store(http.StatusTemporaryRedirect)
	hook, err := b.Add(t.Context(), b.owner, outside.URL)
	require.NoError(t, err)
	failure, err := b.Try(t.Context(), b.owner, hook.ID)
	require.NoError(t, err)
	require.Equal(t, "The address answered 307 in place of 200.", failure)
	require.Equal(t, 1, outside.count())
}

// presences are cameras as a test wants them.
type presences map[string]bool

func (p presences) Offline() map[string]bool {
	offline := map[string]bool{}
	for camera, online := range p {
		if !online {
			offline[camera] = true
		}
	}
	return offline
}

func (p presences) Of(camera string) signaling.Presence {
	return signaling.Presence{Online: p[camera], Text: "Offline"}
}

// kinds are what the receiver was told, in order.
func (r *receiver) kinds(t *testing.T) (kinds []Kind) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range r.bodies {
		var event Event
		require.NoError(t, json.Unmarshal([]byte(body), &event))
		kinds = append(kinds, event.Type)
	}
	return kinds
}

// Two portals watch the same camera.
func TestOwnerIsToldOnceWhenItIsReal(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	_, err := b.Add(t.Context(), b.owner, r.URL)
	require.NoError(t, err)
	cameras := presences{b.id: true}
	watch := func() *Watch { return &Watch{Presence: cameras, Teller: b.Service, Now: b.Now, Log: b.Log} }
	portals := []*Watch{watch(), watch()}
	look := func(after time.Duration) {
		t.Helper()
		b.clock = b.clock.Add(after)
		for _, portal := range portals {
			require.NoError(t, portal.look(t.Context()))
		}
		require.NoError(t, b.callAll(t.Context()))
	}
	look(0)
	cameras[b.id] = false
	look(watchInterval)
	look(Patience - time.Second)
	cameras[b.id] = true
	look(watchInterval)
	require.Empty(t, r.kinds(t), "it was back in time")
	cameras[b.id] = false
	look(watchInterval)
	look(Patience)
	look(time.Hour)
	require.Equal(t, []Kind{CameraOffline}, r.kinds(t))
	portals[0] = watch() // a restart
	look(time.Hour)
	require.Equal(t, []Kind{CameraOffline}, r.kinds(t))
	cameras[b.id] = true
	look(watchInterval)
	look(watchInterval)
	require.Equal(t, []Kind{CameraOffline, CameraOnline}, r.kinds(t))
	cameras[b.id] = false
	look(watchInterval)
	look(Patience)
	require.Equal(t, []Kind{CameraOffline, CameraOnline, CameraOffline}, r.kinds(t))
}

// failing is a Teller whose database is down.
type failing struct{ *Service }

func (failing) Offline(context.Context, string, string) error { return errDown }
func (failing) Online(context.Context, string) error          { return errDown }

var errDown = errors.New("database down")

func TestWhatCouldNotBeToldIsToldLater(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	_, err := b.Add(t.Context(), b.owner, r.URL)
	require.NoError(t, err)
	cameras := presences{b.id: false}
	w := &Watch{Presence: cameras, Teller: b.Service, Now: b.Now, Log: b.Log}
	look := func(fails bool) {
		t.Helper()
		b.clock = b.clock.Add(Patience)
		w.Teller = b.Service
		if fails {
			w.Teller = failing{b.Service}
			require.ErrorIs(t, w.look(t.Context()), errDown)
			return
		}
		require.NoError(t, w.look(t.Context()))
	}
	look(false)
	look(true)
	look(false)
	cameras[b.id] = true
	look(true)
	look(false)
	require.NoError(t, b.callAll(t.Context()))
	require.ElementsMatch(t, []Kind{CameraOffline, CameraOnline}, r.kinds(t))
}

// A camera that changes hands while it is offline: its next owner is told anew.
func TestAlertOfTheFormerOwnerIsOver(t *testing.T) {
	b := newBench(t, loopback)
	require.NoError(t, b.Offline(t.Context(), b.id, "It is gone."))
	told, err := b.Told(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{b.id}, told)
	require.NoError(t, b.Store.Release(t.Context(), b.owner, b.id, []byte("next")))
	told, err = b.Told(t.Context())
	require.NoError(t, err)
	require.Empty(t, told)
}

// What is refused at the door is told by Run.
func TestClaimAttemptIsTold(t *testing.T) {
	b, r := newBench(t, loopback), newReceiver(t)
	_, err := b.Add(t.Context(), b.owner, r.URL)
	require.NoError(t, err)
	for range 2 * refusalsWaiting {
		b.ClaimRefused(credential.NewCode()) // never blocks
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	require.Eventually(t, func() bool { b.ClaimRefused(b.id); return r.count() > 0 }, 30*time.Second, 10*time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.Equal(t, ClaimAttempt, r.kinds(t)[0])
}
