package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// A herd is many viewers in a process of their own: this test binary once more. So their CPU time is not
// the camera's, they can be stopped like a laptop whose lid is closed, and they can be in another network
// namespace than the test.

// herdPlan is what a herd's process is told.
type herdPlan struct {
	Base    string
	Cookies []*http.Cookie
	Camera  string
	Viewers int
	Browser bool    // one page in Chromium in place of viewers in Go
	Relayed bool    // no path but through a relay
	Seconds float64 // from the moment at which all are connected
}

// herdReport is what one viewer saw.
type herdReport struct {
	Frames     int     // whole pictures
	Packets    int     // that came, once each
	Bytes      int     // of their payload
	Lost       int     // that did not come, repaired ones not among them
	Repaired   int     // that came as retransmissions or late
	LongestGap float64 // between two whole pictures, s
	Quality    string  // as the camera said last
	Qualities  []string
	Bitrate    int
	Width      int // of the picture at the end; browsers only
}

// herdEnv names the variable that makes this binary a herd.
const herdEnv = "E2E_HERD"

// herd is a running herd.
type herd struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *json.Decoder
}

// startHerd starts viewers of a person's camera, behind prefix (such as ip netns exec), and returns when
// all have a picture.
func startHerd(t *testing.T, person *client, plan herdPlan, prefix ...string) *herd {
	t.Helper()
	plan.Base, plan.Cookies = person.base, person.cookies()
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	args := append(slices.Clone(prefix), os.Args[0])
	h := &herd{t: t, cmd: exec.Command(args[0], args[1:]...)}
	h.cmd.Env = append(os.Environ(), herdEnv+"="+string(text))
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var errors bytes.Buffer
	h.cmd.Stderr = &errors
	output, err := h.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.cmd.Start())
	h.stdout = json.NewDecoder(output)
	t.Cleanup(func() {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
		if t.Failed() {
			t.Logf("herd: %s", errors.String())
		}
	})
	var ready string
	require.NoError(t, h.stdout.Decode(&ready), "the herd is ready: %s", &errors)
	return h
}

// reports waits for the end of the herd's time, and until it has removed what it made.
func (h *herd) reports() []herdReport {
	h.t.Helper()
	var reports []herdReport
	require.NoError(h.t, h.stdout.Decode(&reports))
	require.NoError(h.t, h.cmd.Wait())
	return reports
}

// runHerd is the herd's process.
func runHerd(text string) error {
	var plan herdPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return err
	}
	if plan.Browser {
		return plan.browse()
	}
	sheep := make([]*oneOfHerd, plan.Viewers)
	for i := range sheep {
		var err error
		if sheep[i], err = plan.join(); err != nil {
			return fmt.Errorf("viewer %d: %w", i, err)
		}
	}
	for i, one := range sheep {
		select {
		case <-one.seen:
		case m := <-one.view.ended:
			return fmt.Errorf("viewer %d refused: %v", i, m.Error)
		case <-time.After(patience):
			return fmt.Errorf("viewer %d has no picture", i)
		}
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode("ready"); err != nil {
		return err
	}
	for _, one := range sheep {
		one.begin()
	}
	time.Sleep(time.Duration(plan.Seconds * float64(time.Second)))
	reports := make([]herdReport, len(sheep))
	for i, one := range sheep {
		reports[i] = one.end()
	}
	return out.Encode(reports)
}

// browse watches in Chromium.
func (p *herdPlan) browse() (err error) {
	ctx, stop, err := newBrowser()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	page := &page{t: crash{}, ctx: ctx}
	for _, cookie := range p.Cookies {
		page.setCookie(p.Base, cookie)
	}
	page.open(p.Base + "/cameras/" + p.Camera)
	page.await(isLive)
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode("ready"); err != nil {
		return err
	}
	eval[bool](page, watchGaps)
	time.Sleep(time.Duration(p.Seconds * float64(time.Second)))
	return out.Encode([]herdReport{{
		Frames: eval[int](page, `window.shownFrames`), LongestGap: eval[float64](page, `window.longestGap`) / 1000,
		Width: eval[int](page, `document.querySelector('video').videoWidth`),
	}})
}

// oneOfHerd is one viewer and what it has seen since begin.
type oneOfHerd struct {
	view *view
	seen chan struct{} // closed with the first picture

	mu      sync.Mutex
	once    sync.Once
	report  herdReport
	got     map[uint16]bool
	first   uint16
	last    uint16
	broken  bool
	picture time.Time // of the last whole one
}

// join opens a WebSocket and a view of its own.
func (p *herdPlan) join() (*oneOfHerd, error) {
	conn, _, err := dialSignal(p.Base, "", p.Base, p.Cookies, http.DefaultClient)
	if err != nil {
		return nil, err
	}
	s := newSocket(crash{}, conn)
	welcome := s.await(signaling.TypeWelcome)
	s.viewer = welcome.Viewer
	one := &oneOfHerd{seen: make(chan struct{}), got: map[uint16]bool{}}
	cfg := webrtc.Configuration{}
	if p.Relayed {
		cfg = relayedBy(welcome.ICEServers)
	}
	one.view = openView(crash{}, s, p.Camera, 1, cfg, one.packet)
	control, err := one.view.pc.CreateDataChannel("control", nil)
	if err != nil {
		return nil, err
	}
	control.OnMessage(one.told)
	one.view.offer()
	return one, nil
}

// relayedBy has a connection take no path but through one of these relays.
func relayedBy(servers []signaling.ICEServer) webrtc.Configuration {
	cfg := webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay}
	for _, server := range servers {
		cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{URLs: server.URLs, Username: server.Username, Credential: server.Credential})
	}
	return cfg
}

// crash is how a herd's process fails.
type crash struct{}

func (crash) Helper()                           {}
func (crash) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (c crash) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	c.FailNow()
}
func (crash) FailNow() { os.Exit(1) }

// packet takes a video packet, retransmitted ones too.
func (o *oneOfHerd) packet(p *rtp.Packet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch ahead := int16(p.SequenceNumber - o.last); {
	case len(o.got) == 0:
		o.first, o.last = p.SequenceNumber, p.SequenceNumber
	case o.got[p.SequenceNumber]:
		return
	case ahead <= 0:
		o.report.Repaired++
	default:
		o.broken = o.broken || ahead > 1
		o.last = p.SequenceNumber
	}
	o.got[p.SequenceNumber] = true
	o.report.Packets++
	o.report.Bytes += len(p.Payload)
	if p.Marker {
		o.whole()
	}
}

// whole notes the end of a picture.
func (o *oneOfHerd) whole() {
	now := time.Now()
	if !o.picture.IsZero() {
		o.report.LongestGap = max(o.report.LongestGap, now.Sub(o.picture).Seconds())
	}
	o.picture, o.broken = now, false
	o.report.Frames++
	o.once.Do(func() { close(o.seen) })
}

// told notes what the camera says on the control channel.
func (o *oneOfHerd) told(m webrtc.DataChannelMessage) {
	var r struct {
		Type    string
		Quality string
		Bitrate int
	}
	if json.Unmarshal(m.Data, &r) != nil || r.Type != "stats" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.report.Quality, o.report.Bitrate = r.Quality, r.Bitrate
	if n := len(o.report.Qualities); n == 0 || o.report.Qualities[n-1] != r.Quality {
		o.report.Qualities = append(o.report.Qualities, r.Quality)
	}
}

// begin forgets what was seen before.
func (o *oneOfHerd) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.report, o.got, o.picture = herdReport{}, map[uint16]bool{}, time.Now()
}

func (o *oneOfHerd) end() herdReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.report.LongestGap = max(o.report.LongestGap, time.Since(o.picture).Seconds())
	for n := o.first; n != o.last; n++ { // the last packets may still be under way
		if !o.got[n] && int16(o.last-n) > 30 {
			o.report.Lost++
		}
	}
	return o.report
}
