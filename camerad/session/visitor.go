package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"seccam/camerad/pairing"
	"seccam/pkg/credential"

	"github.com/pion/webrtc/v4"
)

// PairingLabel names the data channel of a visit: ordered, reliable, made by the page. Its messages are
// [Ask] and [Word] as JSON text.
const PairingLabel = "pairing"

// How often the pairing code may be tried, whoever tries: it cannot be guessed, and need not cost the camera
// anything. maxTries is per visit.
const (
	tryEvery = 3 * time.Second
	tryBurst = 10
	maxTries = 5
)

// Ask is a message of a device. Type is "pair" (with Name, Nonce and Proof), and for paired devices "only"
// (with On), "add" (with Code and Name), "remove" (with ID) or "renew" (with Fingerprint). Others are ignored.
type Ask struct {
	Type        string `json:"type"`
	Name        string `json:"name,omitempty"`
	Nonce       []byte `json:"nonce,omitempty"`
	Proof       []byte `json:"proof,omitempty"`
	On          bool   `json:"on,omitempty"`
	Code        string `json:"code,omitempty"`
	ID          string `json:"id,omitempty"`
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Word is a message of the camera; Type says which of the fields mean something.
type Word struct {
	Type string `json:"type"`
	// hello, the first word: the camera's nonce, and how things are for this device. Again, without a nonce,
	// when that changes.
	Nonce  []byte `json:"nonce,omitempty"`
	Paired bool   `json:"paired"`
	Only   bool   `json:"only"`
	// Devices is for paired devices only: nobody else need know who watches.
	Devices []KnownDevice `json:"devices,omitempty"`
	// Proof is the camera's own (done, about "pair"): it knows the code, too, and sees the same certificates.
	Proof []byte `json:"proof,omitempty"`
	// done and error: the type of what was asked; and words for a person.
	About   string `json:"about,omitempty"`
	Message string `json:"message,omitempty"`
}

// KnownDevice is a paired device as paired devices see it. Times are in Unix milliseconds.
type KnownDevice struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Added int64  `json:"added"`
	Used  int64  `json:"used"`
	You   bool   `json:"you,omitempty"`
}

// visitor serves one visit's channel.
type visitor struct {
	session *session
	book    *pairing.Book
	channel *webrtc.DataChannel
	print   string // the fingerprint of the device's certificate, by DTLS
	asks    chan Ask
	nonce   []byte // of this connection; used up by a proof
	tries   int
	told    string
}

// newVisitor listens on a page's channel.
func newVisitor(s *session, channel *webrtc.DataChannel) *visitor {
	v := &visitor{session: s, book: s.cfg.Pairing, channel: channel, print: s.proved, asks: make(chan Ask, maxRequests), nonce: make([]byte, pairing.NonceSize)}
	_, _ = rand.Read(v.nonce) // crypto/rand.Read never fails (Go 1.24)
	channel.OnMessage(v.receive)
	return v
}

// receive hands over what is asked; a page that asks faster than it is answered loses some.
func (v *visitor) receive(m webrtc.DataChannelMessage) {
	var ask Ask
	if !m.IsString || len(m.Data) > maxRequest || json.Unmarshal(m.Data, &ask) != nil {
		return
	}
	select {
	case v.asks <- ask:
	default:
	}
}

// run says how things are and answers, until ctx ends.
func (v *visitor) run(ctx context.Context) {
	v.hello(v.nonce)
	for {
		changed := v.book.Changed()
		v.join()
		v.hello(nil)
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case ask := <-v.asks:
			v.answer(ask)
		}
	}
}

// join pairs a device for which a paired one has vouched.
func (v *visitor) join() {
	if _, paired := v.device(); paired {
		return
	}
	joined, err := v.book.Redeem(v.print)
	switch {
	case err != nil:
		v.session.log.Warn("device not paired", "error", err)
	case joined:
		v.session.log.Info("device paired, as a paired one asked for")
	}
}

func (v *visitor) device() (pairing.Device, bool) { return v.book.Device(v.print) }

// hello tells how things are, if the device does not know.
func (v *visitor) hello(nonce []byte) {
	own, paired := v.device()
	w := Word{Type: "hello", Paired: paired, Only: v.book.Only()}
	if paired {
		for _, d := range v.book.Devices() {
			w.Devices = append(w.Devices, KnownDevice{ID: d.ID, Name: d.Name, Added: d.Added.UnixMilli(), Used: d.Used.UnixMilli(), You: d.ID == own.ID})
		}
	}
	text := encodeWord(w)
	if nonce == nil && text == v.told {
		return
	}
	v.told = text
	w.Nonce = nonce
	v.send(w)
}

func encodeWord(w Word) string {
	data, err := json.Marshal(w)
	if err != nil {
		panic("session: a Word has no field that cannot be marshalled: " + err.Error())
	}
	return string(data)
}

func (v *visitor) send(w Word) {
	if v.channel.ReadyState() == webrtc.DataChannelStateOpen && v.channel.BufferedAmount() < maxBuffered {
		_ = v.channel.SendText(encodeWord(w)) // it can only fail with the connection
	}
}

// answer does what is asked. What goes wrong is told in words.
func (v *visitor) answer(ask Ask) {
	done := Word{Type: "done", About: ask.Type}
	var err error
	switch ask.Type {
	case "pair":
		done.Proof, err = v.pair(ask)
	case "only", "add", "remove", "renew":
		err = v.manage(ask)
	default:
		return
	}
	if err != nil {
		v.session.log.Warn("pairing: refused", "type", ask.Type, "error", err)
		done = Word{Type: "error", About: ask.Type, Message: sentence(err)}
	} else {
		v.session.log.Info("pairing: done", "type", ask.Type)
	}
	v.send(done)
}

// errCode does not say more: a wrong code and somebody in the middle look the same from here.
var errCode = errors.New("the pairing code is not this camera's, or something between you and the camera is not what it seems; check the code against the label")

// pair pairs a device that proves that it knows the code, and returns the camera's own proof. Each nonce is
// good for one attempt; a new hello brings another one.
func (v *visitor) pair(ask Ask) (proof []byte, err error) {
	if len(ask.Nonce) != pairing.NonceSize {
		return nil, errors.New("the request is incomplete; reload the page and try again")
	}
	if v.tries++; v.tries > maxTries || !v.session.cfg.tries.Allow() {
		return nil, errors.New("the code was tried too often; wait a minute, then try again")
	}
	code, err := v.book.Code()
	if err != nil {
		v.session.log.Error("pairing", "error", err)
		return nil, errors.New("the camera cannot read its pairing code; its log says why")
	}
	meeting := pairing.Meeting{
		Camera: v.session.cfg.Camera, Device: v.print, Own: v.session.cfg.Identity.Fingerprint,
		CameraNonce: v.nonce, DeviceNonce: ask.Nonce,
	}
	if !pairing.Proves(code, pairing.EndDevice, meeting, ask.Proof) {
		v.renewNonce()
		return nil, errCode
	}
	if err := v.book.Pair(v.print, ask.Name); err != nil {
		v.renewNonce()
		return nil, err
	}
	proof = pairing.Proof(code, pairing.EndCamera, meeting)
	v.renewNonce()
	return proof, nil
}

func (v *visitor) renewNonce() {
	v.nonce = make([]byte, pairing.NonceSize)
	_, _ = rand.Read(v.nonce) // crypto/rand.Read never fails (Go 1.24)
	v.hello(v.nonce)
}

// manage does what only paired devices may ask for. What the portal says of this viewer does not matter.
func (v *visitor) manage(ask Ask) error {
	if _, paired := v.device(); !paired {
		return pairing.ErrUnpaired
	}
	switch ask.Type {
	case "only":
		return v.book.SetOnly(ask.On)
	case "add":
		if _, err := credential.ParseCode(ask.Code); err != nil {
			return err
		}
		return v.book.Invite(ask.Code, ask.Name)
	case "remove":
		return v.book.Remove(ask.ID)
	default:
		return v.book.Renew(v.print, ask.Fingerprint)
	}
}
