package media

import (
	"slices"
	"sync/atomic"
	"time"

	"seccam/camerad/media/congestion"

	"github.com/pion/webrtc/v4"
)

// queueSize holds about 1.5 s of pictures and sound.
const queueSize = 128

// nackQueue is how many unanswered requests for retransmission a viewer may have.
const nackQueue = 16

// burstSpacing is the distance of the cached pictures' timestamps when they are sent to a joiner,
// in units of the video clock: 1 ms, so that the decoder shows the newest at once.
const burstSpacing = videoClock / 1000

// item is one of a unit, with the hub that it is from, and a sound.
type item struct {
	unit  *Unit
	from  *hub
	sound *Sound
}

// Quality is which of the camera's pictures a viewer gets.
type Quality string

// The qualities.
const (
	QualityFull      Quality = "full"
	QualityLow       Quality = "low"        // the lower layer
	QualityKeyFrames Quality = "key_frames" // a passed-through stream cannot be made smaller
)

// Viewer sends pictures and sound to one peer, with sequence numbers and timestamps of its own. What is to be
// done waits in its channels, until the goroutine that has claimed the viewer does all of it; see [crew].
type Viewer struct {
	// Video and Audio are to be added to the viewer's PeerConnection. Audio is nil if the engine
	// has no sound.
	Video, Audio *Track

	engine *Engine
	codec  Codec
	layer  *layer // the one for its codec: full, or VP8
	path   *congestion.Estimator
	probe  prober

	queue chan item
	asked atomic.Bool // one of the next three has something
	nacks chan []uint16
	live  chan bool
	steer chan struct{} // quality changed
	ended atomic.Bool   // Run is to return
	gone  chan struct{} // closed when nothing is sent any more

	claimed atomic.Bool             // somebody serves it, or will soon; true outside Run
	quality atomic.Pointer[Quality] // as the engine decided

	// Owned by who has claimed it.
	current, next *hub   // what is sent, and what follows from its next key frame on
	unuse         func() // ends the use of the low layer; nil if it is not used
	number        uint64 // of the latest unit of current that was sent
}

func newViewer(e *Engine, l *layer, codec Codec) *Viewer {
	v := &Viewer{
		engine: e, layer: l, codec: codec, Video: newTrack(webrtc.RTPCodecTypeVideo, codec.Capability().MimeType),
		path:  congestion.New(e.ceiling(), minEstimate, maxEstimate),
		queue: make(chan item, queueSize), nacks: make(chan []uint16, nackQueue),
		live: make(chan bool, 1), steer: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	v.claimed.Store(true)
	v.setQuality(QualityFull)
	v.Video.sent = v.sent
	if e.sound {
		v.Audio = newTrack(webrtc.RTPCodecTypeAudio, webrtc.MimeTypeOpus)
	}
	return v
}

// OnFirst sets what is called when the first picture has been sent. It must not block, and be set before [Viewer.Run].
func (v *Viewer) OnFirst(f func()) { v.Video.first = f }

// sent notes each numbered packet.
func (v *Viewer) sent(number uint16, size int, probe bool, at time.Time) {
	if probe {
		v.path.SentProbe(number, size, at)
	} else {
		v.path.Sent(number, size, at)
	}
}

// SetLive says whether the peer is connected. Each time it becomes so it is first sent the current
// group of pictures. The latest call wins; it does not block.
func (v *Viewer) SetLive(live bool) {
	for {
		select {
		case v.live <- live:
			v.ask()
			return
		default:
		}
		select {
		case <-v.live:
		default:
		}
	}
}

// Resend asks for the retransmission of video packets by their sequence numbers (RFC 4585 section
// 6.2.1). A viewer that asks faster than it is answered will ask again.
func (v *Viewer) Resend(sequence []uint16) {
	select {
	case v.nacks <- sequence:
		v.ask()
	default:
	}
}

// RequestKeyFrame asks for a key frame soon, for this and every other viewer who needs one.
func (v *Viewer) RequestKeyFrame() {
	if *v.quality.Load() == QualityLow {
		v.engine.low.hub.wanted.Store(true)
	} else {
		v.layer.hub.wanted.Store(true)
	}
}

// Sends reports whether SSRC is of one of the viewer's tracks.
func (v *Viewer) Sends(ssrc uint32) bool {
	return v.Video.sends(ssrc) || v.Audio != nil && v.Audio.sends(ssrc)
}

// Feedback takes RTCP as it came and reads from it the peer's report on which packets came when. It
// reports whether that is all there is.
func (v *Viewer) Feedback(raw []byte) (alone bool) {
	others, err := v.path.Feedback(raw, time.Now())
	return !others && err == nil
}

// join begins with the layer's cached pictures, whatever was decided before: a new path is a new
// chance.
func (v *Viewer) join() {
	v.setQuality(QualityFull)
	v.current = v.layer.hub
	v.engine.enter(v)
	v.burst(v.current.join(v))
}

func (v *Viewer) leave() {
	v.engine.exit(v)
	for _, h := range []*hub{v.current, v.next} {
		if h != nil {
			h.leave(v)
		}
	}
	v.current, v.next = nil, nil
	v.drain()
	v.useLow(false)
}

// turn begins the change to what the engine decided. The current layer goes on until the other's
// first key frame.
func (v *Viewer) turn() {
	if v.current == nil {
		return
	}
	quality := *v.quality.Load()
	target := v.layer.hub
	if quality == QualityLow {
		target = v.engine.low.hub
		v.useLow(true)
	}
	if v.next != nil && v.next != target {
		v.next.leave(v)
		v.next = nil
	}
	switch target {
	case v.current:
		v.current.setKeysOnly(v, quality == QualityKeyFrames)
		v.useLow(quality == QualityLow)
	case v.next: // under way
	default:
		v.next = target
		target.joinAtKey(v)
		if quality == QualityLow {
			target.wanted.Store(true) // it is small, and the sooner the better
		}
	}
}

// useLow keeps the low layer encoding, or no longer.
func (v *Viewer) useLow(use bool) {
	switch {
	case use && v.unuse == nil:
		v.unuse = v.engine.low.use()
	case !use && v.unuse != nil:
		v.unuse()
		v.unuse = nil
	}
}

func (v *Viewer) send(it item) {
	switch {
	case it.sound != nil:
		if v.Audio != nil {
			v.Audio.sendSound(it.sound)
		}
		return
	case it.from == v.next && it.unit.Key:
		v.current.leave(v)
		v.current, v.next = v.next, nil
		v.useLow(v.current == v.engine.low.hub)
	case it.from != v.current: // a straggler of the layer before
		return
	}
	if !it.unit.Key && it.unit.number != v.number+1 { // what it needs was dropped
		it.from.wanted.Store(true)
		return
	}
	v.number = it.unit.number
	v.Video.sendUnit(it.unit, v.Video.base+it.unit.Time)
	v.probe.step(v)
}

// burst sends the cached pictures without pacing. Their timestamps are squeezed together to end
// where the live ones go on, and to begin after the last one sent.
func (v *Viewer) burst(group []*Unit) {
	if len(group) == 0 {
		return
	}
	end := v.Video.base + group[len(group)-1].Time
	times := squeeze(end, v.Video.last, v.Video.started, len(group))
	for i, u := range group {
		v.Video.sendUnit(u, times[i])
		v.number = u.number
	}
}

// squeeze returns n timestamps that end with end, burstSpacing apart or closer if they must follow
// last.
func squeeze(end, last uint32, started bool, n int) []uint32 {
	step := uint32(burstSpacing)
	if room := int32(end - last); started && room < int32(step)*int32(n) {
		step = uint32(max(0, room) / int32(n))
	}
	times := make([]uint32, 0, n)
	for range n {
		times = append(times, end)
		end -= step
	}
	slices.Reverse(times)
	return times
}

// drain empties the queue and returns how many units it held.
func (v *Viewer) drain() (units int) {
	for {
		select {
		case it := <-v.queue:
			if it.unit != nil {
				units++
			}
		default:
			return units
		}
	}
}
