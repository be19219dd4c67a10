package media

import (
	"context"
	"slices"
)

// queueSize holds about 1.5 s of pictures and sound.
const queueSize = 128

// nackQueue is how many unanswered requests for retransmission a viewer may have.
const nackQueue = 16

// burstSpacing is the distance of the cached pictures' timestamps when they are sent to a joiner,
// in units of the video clock: 1 ms, so that the decoder shows the newest at once.
const burstSpacing = videoClock / 1000

// item is one of a unit and a sound.
type item struct {
	unit  *Unit
	sound *Sound
}

// Viewer sends the hub's pictures and sound to one peer, with sequence numbers and timestamps of its
// own. [Viewer.Run] owns all its state but the queue.
type Viewer struct {
	// Video and Audio are to be added to the viewer's PeerConnection. Audio is nil if the engine
	// has no sound.
	Video, Audio *Track

	hub      *hub
	queue    chan item
	nacks    chan []uint16
	live     chan bool
	skipping bool // owned by the hub: drops units until the next key frame
}

func newViewer(h *hub, sound bool) *Viewer {
	v := &Viewer{
		Video: newVideoTrack(), hub: h,
		queue: make(chan item, queueSize), nacks: make(chan []uint16, nackQueue), live: make(chan bool, 1),
	}
	if sound {
		v.Audio = newAudioTrack()
	}
	return v
}

// SetLive says whether the peer is connected. Each time it becomes so it is first sent the current
// group of pictures. The latest call wins; it does not block.
func (v *Viewer) SetLive(live bool) {
	for {
		select {
		case v.live <- live:
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
	default:
	}
}

// RequestKeyFrame asks for a key frame soon, for this and every other viewer who needs one.
func (v *Viewer) RequestKeyFrame() { v.hub.wanted.Store(true) }

// Run sends until ctx ends.
func (v *Viewer) Run(ctx context.Context) {
	defer v.hub.leave(v)
	for {
		select {
		case <-ctx.Done():
			return
		case live := <-v.live:
			v.hub.leave(v)
			if live {
				v.burst(v.hub.join(v))
			}
		case it := <-v.queue:
			v.send(it)
		case sequence := <-v.nacks:
			v.Video.resend(sequence)
		}
	}
}

func (v *Viewer) send(it item) {
	if it.unit != nil {
		v.Video.sendUnit(it.unit, v.Video.base+it.unit.Time)
	} else if v.Audio != nil {
		v.Audio.sendSound(it.sound)
	}
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
