package session

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode"

	"seccam/camerad/media"

	"github.com/pion/webrtc/v4"
)

// ControlLabel names the data channel between page and camera: ordered, reliable, made by the page.
// Its messages are [Request] and [Report] as JSON text, and a snapshot's bytes.
const ControlLabel = "control"

// Limits of the channel.
const (
	maxRequest    = 4 << 10  // bytes
	maxRequests   = 16       // that wait
	maxBuffered   = 1 << 20  // bytes not yet sent, beyond which there are no more reports
	snapshotChunk = 16 << 10 // bytes, which every browser takes as one message
	snapshotWidth = 3840
	snapshotTime  = 8 * time.Second
)

// Request is a message of the page. Type is "set" (with Name and Value), "talk" (with On) or
// "snapshot". Others are ignored.
type Request struct {
	Type  string `json:"type"`
	Name  string `json:"name,omitempty"`
	Value int    `json:"value,omitempty"`
	On    bool   `json:"on,omitempty"`
}

// Report is a message of the camera; Type says which of the fields mean something.
type Report struct {
	Type string `json:"type"`
	// controls: what this viewer may change now.
	Controls []media.Control `json:"controls"`
	// talk: "off" (no speaker), "free", "yours" or "busy"; picture: a signaling.Picture.
	State  string `json:"state,omitempty"`
	Detail string `json:"detail,omitempty"`
	// snapshot: so many bytes follow in binary messages.
	Size int    `json:"size,omitempty"`
	MIME string `json:"mime,omitempty"`
	// error: the type of the request, and words for a person.
	About   string `json:"about,omitempty"`
	Message string `json:"message,omitempty"`
	*Statistics
}

// control serves one viewer's channel.
type control struct {
	session  *session
	channel  *webrtc.DataChannel
	requests chan Request
	told     map[string]string // the last report of each type that is told when it changes
	meter    meter
}

// newControl listens on a page's channel.
func newControl(s *session, channel *webrtc.DataChannel) *control {
	c := &control{
		session: s, channel: channel, requests: make(chan Request, maxRequests),
		told: map[string]string{}, meter: meter{bytes: s.viewer.Stats().Bytes, at: time.Now()},
	}
	channel.OnMessage(c.receive)
	return c
}

// receive hands a request over; a page that asks faster than it is answered loses some.
func (c *control) receive(m webrtc.DataChannelMessage) {
	var request Request
	if !m.IsString || len(m.Data) > maxRequest || json.Unmarshal(m.Data, &request) != nil {
		return
	}
	select {
	case c.requests <- request:
	default:
	}
}

// run reports and answers until ctx ends.
func (c *control) run(ctx context.Context) {
	defer c.session.cfg.talk.end(c.session.id)
	timer := time.NewTimer(untilReport(time.Now()))
	defer timer.Stop()
	for {
		changed := c.session.cfg.Media.Changed()
		turned := c.reportChanges()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-turned:
		case <-timer.C:
			c.reportStatistics(time.Now())
			timer.Reset(untilReport(time.Now()))
		case request := <-c.requests:
			c.answer(ctx, request)
		}
	}
}

// reportChanges tells what is not as it was told last. It returns the channel that is closed when
// another viewer begins or ends talking.
func (c *control) reportChanges() <-chan struct{} {
	picture, detail := c.session.cfg.Media.State()
	c.tell(Report{Type: "picture", State: string(picture), Detail: detail})
	controls := []media.Control{}
	if c.session.owner {
		controls = c.session.cfg.Media.Controls()
	}
	c.tell(Report{Type: "controls", Controls: controls})
	state, turned := c.session.cfg.talk.state(c.session.id)
	if !c.session.talks {
		state = talkOff
	}
	c.tell(Report{Type: "talk", State: state})
	return turned
}

// tell sends a report if it differs from the last one of its type.
func (c *control) tell(r Report) {
	text := c.encode(r)
	if c.told[r.Type] != text && c.sendText(text) {
		c.told[r.Type] = text
	}
}

func (c *control) encode(r Report) string {
	data, err := json.Marshal(r)
	if err != nil {
		c.session.log.Error("control channel", "error", err)
	}
	return string(data)
}

// sendText reports whether the text is on its way. A page that reads too slowly is told less.
func (c *control) sendText(text string) bool {
	if c.channel.ReadyState() != webrtc.DataChannelStateOpen || c.channel.BufferedAmount() > maxBuffered {
		return false
	}
	return c.channel.SendText(text) == nil
}

func (c *control) reportStatistics(now time.Time) {
	stats := c.session.viewer.Stats()
	read := c.meter.read(stats, int(c.session.cfg.count.Load()), now)
	if c.meter.news(read, stats.Sent, now) && c.sendText(c.encode(Report{Type: "stats", Statistics: &read})) {
		c.meter.told, c.meter.toldAt = read, now
	}
}

// answer does what the page asks. What goes wrong is told in words.
func (c *control) answer(ctx context.Context, r Request) {
	var err error
	switch r.Type {
	case "set":
		err = c.set(r)
	case "talk":
		err = c.talk(r.On)
	case "snapshot":
		err = c.snapshot(ctx)
	default:
		return
	}
	if err != nil && ctx.Err() == nil {
		c.session.log.Info("request on the control channel refused", "type", r.Type, "error", err)
		c.sendText(c.encode(Report{Type: "error", About: r.Type, Message: sentence(err)}))
	}
}

func (c *control) talk(on bool) error {
	switch {
	case !on:
		c.session.cfg.talk.end(c.session.id)
		return nil
	case !c.session.talks:
		return errors.New("you may watch this camera, but not speak through it: its owner decides that")
	}
	return c.session.cfg.talk.begin(c.session.id)
}

func (c *control) set(r Request) error {
	if !c.session.owner {
		return errors.New("only the camera's owner may change its settings")
	}
	return c.session.cfg.Media.Set(r.Name, r.Value)
}

func (c *control) snapshot(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, snapshotTime)
	defer stop()
	picture, err := c.session.cfg.Media.Snapshot(ctx, snapshotWidth)
	if err != nil {
		return err
	}
	if !c.sendText(c.encode(Report{Type: "snapshot", Size: len(picture), MIME: "image/jpeg"})) {
		return errors.New("the connection is too slow for a picture at the moment")
	}
	for chunk := range slices.Chunk(picture, snapshotChunk) {
		if err := c.channel.Send(chunk); err != nil {
			return err
		}
	}
	return nil
}

// sentence turns an error into one for a page.
func sentence(err error) string {
	text := []rune(clip(err.Error()))
	text[0] = unicode.ToUpper(text[0])
	return string(text) + "."
}
