//go:build bench

package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
	"seccam/portal/store"
)

const (
	openSockets   = 10_000
	socketPeople  = 100             // each with a camera and as many pages as it takes
	viewsMeasured = 10              // seconds at each rate
	lastAnswers   = 5 * time.Second // an answer later than this after the end is lost
	// offerSize is about what Chromium's offer for a picture and sound takes.
	offerSize = 4000
)

// openPages is very many open pages of one portal, whose cameras answer without a picture: what is measured is the portal.
type openPages struct {
	*lab
	people  []*client
	cameras []identity
	offer   string
	sockets []*openPage

	mu    sync.Mutex
	began map[signaling.SessionID]time.Time
	took  []float64 // ms
}

// openPage is one of them.
type openPage struct {
	conn   *websocket.Conn
	viewer signaling.ViewerID
	camera string
	views  int
}

// viewRates are how many views are begun in a second.
var viewRates = []int{50, 200, 500}

// TestBenchSockets opens ten thousand pages of one portal, and begins views in them at a steady rate.
func TestBenchSockets(t *testing.T) {
	c := &openPages{
		lab:   newLabWith(t, "127.0.0.1", "trusted_proxies: [127.0.0.1/32]\n"),
		offer: "v=0\r\n" + strings.Repeat("a=candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host\r\n", offerSize/57),
		began: map[signaling.SessionID]time.Time{},
	}
	c.populate()
	ctx, stop := context.WithCancel(t.Context())
	var running errgroup.Group
	defer func() { stop(); _ = running.Wait() }()
	c.connectCameras(ctx, &running)
	before, began := c.memory(), time.Now()
	c.open(ctx, &running)
	report("sockets_open", float64(len(c.sockets)), "")
	report("sockets_opened_per_second", float64(len(c.sockets))/time.Since(began).Seconds(), "1/s")
	report("socket_memory", float64(c.memory()-before)/float64(len(c.sockets)), "KiB")
	for _, rate := range viewRates {
		took := c.view(ctx, rate)
		report(fmt.Sprintf("socket_views_lost_at_%d", rate), float64(rate*viewsMeasured-len(took)), "")
		slices.Sort(took)
		for _, p := range []int{50, 95, 99} {
			report(fmt.Sprintf("socket_offer_to_answer_at_%d_p%d", rate, p), took[len(took)*p/100], "ms")
		}
	}
	report("socket_memory_after_views", float64(c.memory()-before)/float64(len(c.sockets)), "KiB")
}

// populate signs people up, each with a camera that is only an identity.
func (c *openPages) populate() {
	master, err := credential.LoadSecret(filepath.Join(c.dir, "master.key"))
	require.NoError(c.t, err)
	db, err := store.Open(c.t.Context(), filepath.Join(c.dir, "portal.db"), nil)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, db.Close()) }()
	for i := range socketPeople {
		id, code := credential.NewCode(), credential.NewCode()
		require.NoError(c.t, db.Provision(c.t.Context(), id, credential.HashClaimCode(id, code)))
		person := c.client()
		person.http.Transport = from(fmt.Sprintf("192.0.2.%d", i)) // no throttle is measured here
		status, body := person.call(http.MethodPost, "/api/v1/signup", map[string]string{
			"username": fmt.Sprint("user", i), "camera_id": id, "claim_code": code, "password": testPassword, "password_confirm": testPassword,
		})
		require.Equal(c.t, http.StatusCreated, status, body)
		require.NoError(c.t, db.Seen(c.t.Context(), map[string]time.Time{id: time.Now().Add(time.Second)}))
		status, body = person.call(http.MethodPost, "/api/v1/signup/confirm", nil)
		require.Equal(c.t, http.StatusOK, status, body)
		c.people = append(c.people, person)
		c.cameras = append(c.cameras, identity{c.url, id, credential.FingerprintOf([]byte(id)), credential.DeviceKey(master, id, 1)})
	}
}

// from is a network address from which a person comes, as a proxy says.
type from string

// RoundTrip implements [http.RoundTripper].
func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", string(f))
	return http.DefaultTransport.RoundTrip(r)
}

// connectCameras returns when all are online.
func (c *openPages) connectCameras(ctx context.Context, running *errgroup.Group) {
	online := make(chan struct{}, len(c.cameras))
	for _, camera := range c.cameras {
		running.Go(func() error { return camera.answer(ctx, func() { online <- struct{}{} }) })
	}
	for range c.cameras {
		select {
		case <-online:
		case <-time.After(patience):
			c.t.Fatal("cameras do not connect")
		}
	}
}

// answer keeps a camera online that answers each offer at once.
func (c identity) answer(ctx context.Context, ready func()) error {
	var client *mqttclient.Client
	client, err := mqttclient.New(mqttclient.Config{
		Credentials:   c.credential,
		Subscriptions: []mqttclient.Subscription{{Filter: signaling.ToCameraFilter(c.camera)}},
		OnUp: func(ctx context.Context) {
			status := signaling.EncodeStatus(signaling.Status{Online: true, Boot: c.camera, Connection: 1, At: time.Now().UnixMilli()})
			if client.Publish(ctx, mqttclient.Message{Topic: signaling.StatusTopic(c.camera), Payload: status, QoS: 1, Retain: true}) == nil {
				ready()
			}
		},
		OnMessage: func(m mqttclient.Message) {
			topic, err := signaling.ParseTopic(m.Topic)
			offer, decodeErr := signaling.Decode(m.Payload)
			if err != nil || decodeErr != nil || offer.Type != signaling.TypeOffer {
				return
			}
			answer, err := signaling.Encode(signaling.Message{Type: signaling.TypeAnswer, Session: offer.Session, SDP: offer.SDP})
			if err == nil {
				topic.Kind = signaling.KindToViewer
				_ = client.Publish(ctx, mqttclient.Message{Topic: topic.String(), Payload: answer})
			}
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	return client.Run(ctx)
}

// memory is what the portal holds, in KiB.
func (c *openPages) memory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.portal.cmd.Process.Pid))
	require.NoError(c.t, err)
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindStringSubmatch(string(text))
	require.NotNil(c.t, found)
	kib, err := strconv.Atoi(found[1])
	require.NoError(c.t, err)
	return kib
}

// open opens all pages, some at a time.
func (c *openPages) open(ctx context.Context, running *errgroup.Group) {
	var opening errgroup.Group
	opening.SetLimit(32)
	c.sockets = make([]*openPage, openSockets)
	for i := range c.sockets {
		opening.Go(func() error {
			person, camera := c.people[i%socketPeople], c.cameras[i%socketPeople]
			conn, _, err := dialSignal(c.url, "", c.url, person.cookies(), http.DefaultClient)
			if err != nil {
				return err
			}
			_, data, err := conn.Read(ctx)
			if err != nil {
				return err
			}
			welcome, err := signaling.Decode(data)
			page := &openPage{conn: conn, viewer: welcome.Viewer, camera: camera.camera}
			c.sockets[i] = page
			running.Go(func() error { c.read(ctx, page); return nil }) // at once: the portal pings
			return err
		})
	}
	require.NoError(c.t, opening.Wait())
}

// read notes when answers come, and ends their views.
func (c *openPages) read(ctx context.Context, page *openPage) {
	for {
		_, data, err := page.conn.Read(ctx)
		if err != nil {
			return
		}
		m, err := signaling.Decode(data)
		if err != nil || m.Type != signaling.TypeAnswer {
			continue
		}
		now := time.Now()
		c.mu.Lock()
		if began, known := c.began[m.Session]; known {
			c.took = append(c.took, ms(now.Sub(began)))
			delete(c.began, m.Session)
		}
		c.mu.Unlock()
		c.send(ctx, page, signaling.Message{Type: signaling.TypeBye, Session: m.Session, Camera: page.camera})
	}
}

func (c *openPages) send(ctx context.Context, page *openPage, m signaling.Message) {
	data, err := signaling.Encode(m)
	if err == nil {
		_ = page.conn.Write(ctx, websocket.MessageText, data) // a lost one is counted
	}
}

// view begins views at a steady rate, whether or not the ones before were answered, and returns how long those took
// that were, in ms.
func (c *openPages) view(ctx context.Context, rate int) []float64 {
	c.mu.Lock()
	c.took = nil
	clear(c.began)
	c.mu.Unlock()
	first := time.Now()
	for i := range rate * viewsMeasured {
		time.Sleep(time.Until(first.Add(time.Duration(i) * time.Second / time.Duration(rate)))) // a schedule, not a wait for something
		page := c.sockets[(i*7919)%len(c.sockets)]                                              // 7919 and their number have no common factor
		page.views++
		session := page.viewer.Session(page.views)
		c.mu.Lock()
		c.began[session] = time.Now()
		c.mu.Unlock()
		c.send(ctx, page, signaling.Message{Type: signaling.TypeOffer, Session: session, Camera: page.camera, SDP: c.offer})
	}
	time.Sleep(lastAnswers)
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.took)
}
