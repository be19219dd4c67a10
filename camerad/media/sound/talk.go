package sound

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/opus"
)

const (
	// maxHeld is how many packets wait for one that is missing, and holdTime how long: packets that come
	// together in a wrong order are put in order, while one that is lost is not waited for until the
	// loudspeaker runs dry.
	maxHeld  = 8
	holdTime = 15 * time.Millisecond
	// maxJump is how far a sequence number may be from the expected one; beyond it, somebody began anew.
	maxJump = 100
	// maxPacket is the longest sound in a packet: 120 ms (RFC 6716 section 3.2.5).
	maxPacket = Rate * 120 / 1000
)

// Talk turns one talker's RTP packets into sound. Its methods may be called from any goroutine.
//
// The decoder is written in Go, so that what a viewer may send does not reach C. It knows all of Opus
// but the use of in-band error correction; a loss is covered up by [concealer].
type Talk struct {
	sink interface{ Play(samples []int16) }

	mu      sync.Mutex
	decoder opus.Decoder
	pcm     [maxPacket]int16
	conceal concealer
	begun   bool
	next    uint16 // the sequence number that is expected
	clock   uint32 // the RTP timestamp that is expected
	held    map[uint16]packet
	since   time.Time // when next was missed first
}

type packet struct {
	payload   []byte
	timestamp uint32
}

// NewTalk returns a Talk that plays to sink, whose Play must not block and must not keep the samples.
func NewTalk(sink interface{ Play(samples []int16) }) *Talk {
	return &Talk{sink: sink, decoder: newDecoder(), held: map[uint16]packet{}}
}

func newDecoder() opus.Decoder {
	decoder, err := opus.NewDecoderWithOutput(Rate, 1)
	if err != nil {
		panic(err) // the two numbers are legal
	}
	return decoder
}

// Push takes the payload of an RTP packet (RFC 7587) with its sequence number and timestamp. Packets may
// come in a slightly wrong order, more than once or not at all: what is missing is covered up. What is
// not Opus is ignored. The payload may be reused after the call.
func (t *Talk) Push(payload []byte, sequence uint16, timestamp uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ahead := int16(sequence - t.next)
	if !t.begun || ahead < -maxJump || ahead > maxJump {
		t.restart(sequence, timestamp)
		ahead = 0
	}
	if ahead < 0 {
		return // late or again
	}
	if ahead > 0 && len(t.held) == 0 {
		t.since = time.Now()
	}
	t.held[sequence] = packet{slices.Clone(payload), timestamp}
	t.playInOrder()
	for len(t.held) > maxHeld || len(t.held) > 0 && time.Since(t.since) >= holdTime {
		t.skip()
		t.playInOrder()
	}
}

// restart forgets what was before the packet with that sequence number and timestamp.
func (t *Talk) restart(sequence uint16, timestamp uint32) {
	clear(t.held)
	t.begun, t.next, t.clock = true, sequence, timestamp
}

// playInOrder plays the held packets up to the next that is missing.
func (t *Talk) playInOrder() {
	for {
		p, ok := t.held[t.next]
		if !ok {
			return
		}
		delete(t.held, t.next)
		t.next++
		t.since = time.Now()
		t.play(p)
	}
}

// play decodes and plays one packet.
func (t *Talk) play(p packet) {
	samples := t.pcm[:t.decode(p.payload)]
	t.clock = p.timestamp + uint32(len(samples))
	if len(samples) > 0 {
		t.conceal.follow(samples)
		t.sink.Play(samples)
	}
}

// decode decodes a payload to pcm and returns the number of samples, 0 if it is not Opus.
func (t *Talk) decode(payload []byte) (n int) {
	defer func() {
		if recover() != nil { // a fault of the decoder, which anybody may look for
			t.decoder, n = newDecoder(), 0
		}
	}()
	n, err := t.decoder.DecodeToInt16(payload, t.pcm[:])
	if err != nil {
		return 0
	}
	return n
}

// skip gives up the packets before the first that is held and covers up what was in them, by the
// timestamps: a talker who was silent may not have sent anything (RFC 7587 section 3.1.3).
func (t *Talk) skip() {
	for {
		p, ok := t.held[t.next]
		if ok {
			if missing := int32(p.timestamp - t.clock); missing > 0 {
				t.sink.Play(t.conceal.cover(int(missing)))
			}
			return
		}
		t.next++
	}
}
