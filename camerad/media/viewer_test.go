package media

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deadline = 20 * time.Second

func next[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case value := <-c:
		return value
	case <-time.After(deadline):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// fakeContext binds a track to a function.
type fakeContext struct {
	write func(*rtp.Header, []byte)
	codec webrtc.RTPCodecCapability
}

func (c fakeContext) CodecParameters() []webrtc.RTPCodecParameters {
	return []webrtc.RTPCodecParameters{{RTPCodecCapability: c.codec, PayloadType: 102}}
}

func (c fakeContext) HeaderExtensions() []webrtc.RTPHeaderExtensionParameter {
	return []webrtc.RTPHeaderExtensionParameter{{URI: PlayoutDelayURI, ID: 5}}
}
func (c fakeContext) SSRC() webrtc.SSRC                       { return 42 }
func (c fakeContext) SSRCRetransmission() webrtc.SSRC         { return 0 }
func (c fakeContext) SSRCForwardErrorCorrection() webrtc.SSRC { return 0 }
func (c fakeContext) WriteStream() webrtc.TrackLocalWriter    { return c }
func (c fakeContext) ID() string                              { return "x" }
func (c fakeContext) RTCPReader() interceptor.RTCPReader      { return nil }
func (c fakeContext) Write([]byte) (int, error)               { panic("not used") }
func (c fakeContext) WriteRTP(h *rtp.Header, p []byte) (int, error) {
	c.write(h, p)
	return len(p), nil
}

// receiver is a viewer whose packets come to a channel.
type receiver struct {
	*Viewer
	packets chan rtp.Packet
	stop    func()
}

func newReceiver(t testing.TB, h *hub, size int) *receiver {
	r := &receiver{Viewer: newViewer(h, false), packets: make(chan rtp.Packet, size)}
	_, err := r.Video.Bind(fakeContext{codec: VideoCodec, write: func(h *rtp.Header, p []byte) {
		r.packets <- rtp.Packet{Header: *h, Payload: p}
	}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		go func() {
			for range r.packets { // a Run that waits for us must see its end
			}
		}()
		running.Wait()
		close(r.packets)
	})
	t.Cleanup(r.stop)
	return r
}

func testUnit(n int, key bool) *Unit {
	return &Unit{Packets: []Packet{{Payload: []byte{byte(n)}}, {Payload: []byte{byte(n), 1}, Marker: true}}, Key: key, Time: uint32(n) * 3000, Size: 3}
}

func TestJoinerGetsTheGroupOfPictures(t *testing.T) {
	h := newHub()
	for n := range 10 {
		h.publish(testUnit(n, n%5 == 0))
	}
	r := newReceiver(t, h, 100)
	r.SetLive(true)
	got := []rtp.Packet{next(t, "packet", r.packets)} // it has joined
	h.publish(testUnit(10, false))
	for range 11 {
		got = append(got, next(t, "packet", r.packets))
	}
	for i, p := range got {
		assert.EqualValues(t, 5+i/2, p.Payload[0])
		assert.Equal(t, got[0].SequenceNumber+uint16(i), p.SequenceNumber)
		assert.Equal(t, i%2 == 1, p.Marker)
		assert.Equal(t, []byte{0, 0, 0}, p.GetExtension(5), "playout delay 0 to 0")
	}
	assert.Equal(t, got[10].Timestamp-got[8].Timestamp, uint32(3000), "live goes on in real time")
	assert.Equal(t, got[8].Timestamp-got[0].Timestamp, uint32(4*burstSpacing), "the past is squeezed together")
}

func TestSlowViewerHurtsNobody(t *testing.T) {
	h := newHub()
	h.publish(testUnit(0, true))
	slow, fast := newReceiver(t, h, 1), newReceiver(t, h, 4096)
	for _, r := range []*receiver{slow, fast} {
		r.SetLive(true)
		next(t, "packet", r.packets) // it has joined
	}
	next(t, "packet of the fast viewer", fast.packets)
	const many = 3 * queueSize
	for n := 1; n <= many; n++ {
		h.publish(testUnit(n, false))
		next(t, "packet of the fast viewer", fast.packets)
		next(t, "packet of the fast viewer", fast.packets)
	}
	assert.True(t, h.wanted.Load(), "a key frame is wanted")
	assert.NotZero(t, h.counts.dropped.Load())
	h.publish(testUnit(many+1, true))
	h.publish(testUnit(many+2, false))
	var numbers []byte
	var last rtp.Packet
	for len(numbers) == 0 || last.Payload[0] != byte((many+2)&0xff) || !last.Marker {
		p := next(t, "packet of the slow viewer", slow.packets)
		if len(numbers) > 0 {
			assert.Equal(t, last.SequenceNumber+1, p.SequenceNumber, "what is dropped leaves no gap")
		}
		numbers, last = append(numbers, p.Payload[0]), p
	}
	n := len(numbers)
	assert.Equal(t, []byte{byte((many + 1) & 0xff), byte((many + 2) & 0xff)}, []byte{numbers[n-3], numbers[n-1]},
		"it goes on with the key frame")
	assert.Less(t, n, 2*many)
}

func TestNACKIsAnsweredFromHistory(t *testing.T) {
	h := newHub()
	h.publish(testUnit(1, true))
	r := newReceiver(t, h, 10)
	r.SetLive(true)
	first, second := next(t, "packet", r.packets), next(t, "packet", r.packets)
	r.Resend([]uint16{second.SequenceNumber, first.SequenceNumber, first.SequenceNumber - 1, second.SequenceNumber + 1})
	assert.Equal(t, second, next(t, "packet", r.packets), "the same bit for bit")
	assert.Equal(t, first, next(t, "packet", r.packets))
	h.publish(testUnit(2, false))
	assert.EqualValues(t, 2, next(t, "packet", r.packets).Payload[0], "what was never sent is not answered")
}

func TestHistoryForgets(t *testing.T) {
	var h history
	p := &Packet{}
	for n := range historySize + 10 {
		h.add(uint16(n), 1, p)
	}
	_, old := h.get(9)
	_, kept := h.get(10)
	_, future := h.get(historySize + 10)
	assert.Equal(t, []bool{false, true, false}, []bool{old, kept, future})
}

func TestGroupThatGrowsTooLongIsNotKept(t *testing.T) {
	h := newHub()
	h.publish(testUnit(0, true))
	for n := range maxGroupUnits {
		h.publish(testUnit(n, false))
	}
	assert.Empty(t, h.group)
	v := newViewer(h, false)
	assert.Empty(t, h.join(v))
	assert.True(t, v.skipping && h.wanted.Load())
}

func TestSqueeze(t *testing.T) {
	assert.Equal(t, []uint32{820, 910, 1000}, squeeze(1000, 0, false, 3))
	assert.Equal(t, []uint32{980, 990, 1000}, squeeze(1000, 970, true, 3), "after the last one sent")
	assert.Equal(t, []uint32{1000, 1000}, squeeze(1000, 2000, true, 2), "never into the future")
	assert.Equal(t, []uint32{^uint32(0) - 79, 10}, squeeze(10, 0, false, 2), "wraps")
}
