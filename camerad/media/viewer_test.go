package media

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbers are the numbers of the test units that were received by now, in a synctest bubble.
func (r *receiver) numbers(t testing.TB) (numbers []byte) {
	for i, p := range r.received() {
		if i%2 == 0 {
			numbers = append(numbers, p.Payload[0])
		}
		assert.Equal(t, i%2 == 1, p.Marker)
	}
	return numbers
}

// received is what has come by now, in a synctest bubble.
func (r *receiver) received() (packets []rtp.Packet) {
	synctest.Wait()
	for len(r.packets) > 0 {
		packets = append(packets, <-r.packets)
	}
	return packets
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
	}
	assert.Equal(t, got[10].Timestamp-got[8].Timestamp, uint32(3000), "live goes on in real time")
	assert.Equal(t, got[8].Timestamp-got[0].Timestamp, uint32(4*burstSpacing), "the past is squeezed together")
}

func TestSqueeze(t *testing.T) {
	assert.Equal(t, []uint32{820, 910, 1000}, squeeze(1000, 0, false, 3))
	assert.Equal(t, []uint32{980, 990, 1000}, squeeze(1000, 970, true, 3), "after the last one sent")
	assert.Equal(t, []uint32{1000, 1000}, squeeze(1000, 2000, true, 2), "never into the future")
	assert.Equal(t, []uint32{^uint32(0) - 79, 10}, squeeze(10, 0, false, 2), "wraps")
}

func TestNACKIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		h.publish(testUnit(1, true))
		r := newReceiver(t, h, 10)
		r.SetLive(true)
		sent := r.received()
		require.Len(t, sent, 2)
		r.Resend([]uint16{sent[1].SequenceNumber, sent[0].SequenceNumber})
		assert.Equal(t, []rtp.Packet{sent[1], sent[0]}, r.received())
	})
}

// TestNACKsDoNotPileUp asks a viewer that is not running.
func TestNACKsDoNotPileUp(t *testing.T) {
	v := viewerOf(newHub())
	for range 10 * nackQueue {
		v.Resend([]uint16{1})
	}
	assert.Len(t, v.nacks, nackQueue)
}

// TestLiveAgain: each time that the path is there again, the viewer gets the picture of now.
func TestLiveAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, full, _ := twoLayers(t)
		full.publish(testUnit(0, true))
		assert.Empty(t, r.numbers(t), "not before it is live")
		r.steerTo(QualityLow)
		synctest.Wait()
		assert.Zero(t, users(r.engine.low), "there is nothing to switch")
		var last rtp.Packet
		for n := 1; n < 4; n++ {
			r.SetLive(true)
			packets := r.received()
			require.NotEmpty(t, packets)
			assert.EqualValues(t, 0, packets[0].Payload[0], "from the key frame on")
			assert.EqualValues(t, n-1, packets[len(packets)-1].Payload[0])
			if n > 1 {
				assert.Equal(t, last.SequenceNumber+1, packets[0].SequenceNumber)
				assert.Positive(t, int32(packets[0].Timestamp-last.Timestamp))
			}
			assert.Equal(t, QualityFull, r.Stats().Quality, "a new path is a new chance")
			last = packets[len(packets)-1]
			r.SetLive(false)
			r.SetLive(false)
			synctest.Wait()
			full.publish(testUnit(n, false))
			assert.Empty(t, r.numbers(t))
		}
		for range 100 { // the latest call wins
			r.SetLive(true)
			r.SetLive(false)
		}
		r.received()
		assert.Zero(t, members(full))
		full.publish(testUnit(9, true))
		assert.Empty(t, r.numbers(t))
	})
}

func TestRequestForAKeyFrame(t *testing.T) {
	v := viewerOf(newHub())
	v.RequestKeyFrame()
	assert.True(t, v.engine.full.hub.wanted.Load())
	assert.False(t, v.engine.low.hub.wanted.Load())
	v.setQuality(QualityLow)
	v.RequestKeyFrame()
	assert.True(t, v.engine.low.hub.wanted.Load())
	vp8, release := v.engine.NewViewer(VP8)
	defer release()
	vp8.RequestKeyFrame()
	assert.True(t, v.engine.vp8.hub.wanted.Load())
}

// TestUseExpress: it is for the video alone, from its binding to its end.
func TestUseExpress(t *testing.T) {
	v, release := NewEngine(Config{Source: plainSource(), Video: smallVideo(), Log: silent}).NewViewer(H264)
	defer release()
	x := &fakeExpress{}
	v.UseExpress(x)
	_, err := v.Video.Bind(fakeContext{codec: H264.Capability()})
	require.NoError(t, err)
	_, err = v.Audio.Bind(fakeContext{codec: AudioCapability()})
	require.NoError(t, err)
	assert.Equal(t, []uint32{mainSSRC}, x.bound)
	require.NoError(t, v.Audio.Unbind(nil))
	assert.Zero(t, x.unbound)
	require.NoError(t, v.Video.Unbind(nil))
	assert.Equal(t, 1, x.unbound)
}

// TestFeedback: RTCP may hold more than the report on what came.
func TestFeedback(t *testing.T) {
	v := viewerOf(newHub())
	receive(t, v, fakeContext{codec: H264.Capability(), numbered: true}, 10)
	recorder := twcc.NewRecorder(1)
	v.sent(0, 1000, false, time.Now())
	recorder.Record(mainSSRC, 0, 1000)
	report, err := recorder.BuildFeedbackPacket()[0].Marshal()
	require.NoError(t, err)
	other, err := (&rtcp.PictureLossIndication{MediaSSRC: mainSSRC}).Marshal()
	require.NoError(t, err)
	for _, raw := range [][]byte{report[:3], other} {
		assert.False(t, v.Feedback(raw))
	}
	assert.Zero(t, v.Stats().Available)
	assert.False(t, v.Feedback(slices.Concat(report, other)))
	assert.False(t, v.Feedback(slices.Concat(other, report)))
	assert.True(t, v.Feedback(report))
	assert.Positive(t, v.Stats().Available, "the path is known")
}

func TestEachCodecHasItsLayer(t *testing.T) {
	e := NewEngine(Config{Source: plainSource(), Video: smallVideo(), Log: silent})
	for codec, l := range map[Codec]*layer{H264: e.full, VP8: e.vp8, H265: e.full} {
		v, release := e.NewViewer(codec)
		assert.Equal(t, 1, users(l), codec)
		assert.Same(t, l, v.layer)
		assert.Equal(t, codec.Capability().MimeType, v.Video.codec)
		assert.NotNil(t, v.Audio)
		assert.Equal(t, webrtc.RTPCodecTypeAudio, v.Audio.Kind())
		assert.Equal(t, codec, v.Stats().Codec)
		release()
		release() // harmless
		assert.Zero(t, users(l), codec)
	}
}

func TestViewerOfAMutedEngineHasNoSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, full, _ := twoLayers(t)
		full.publish(testUnit(0, true))
		assert.Nil(t, r.Audio)
		r.SetLive(true)
		r.numbers(t)
		r.engine.publishSound(&Sound{Payload: []byte{1}}) // of no use to it
		full.publish(testUnit(1, false))
		assert.Equal(t, []byte{1}, r.numbers(t))
	})
}

// TestSoundIsNotWaitedFor: who has no room for it does without.
func TestSoundIsNotWaitedFor(t *testing.T) {
	e := NewEngine(Config{Source: plainSource(), Video: smallVideo(), Log: silent})
	v, release := e.NewViewer(H264)
	defer release()
	e.enter(v)
	for range 2 * queueSize {
		e.publishSound(&Sound{Payload: []byte{1}})
	}
	assert.Len(t, v.queue, queueSize)
	assert.Zero(t, v.drain(), "sounds are no pictures")
	e.exit(v)
	e.publishSound(&Sound{Payload: []byte{1}})
	assert.Empty(t, v.queue)
}

func TestRTPTime(t *testing.T) {
	assert.Equal(t, uint32(90_000), rtpTime(time.Second, videoClock))
	assert.Equal(t, uint32(960), rtpTime(20*time.Millisecond, audioClock))
	year := 365 * 24 * time.Hour
	assert.Equal(t, uint32(int64(year/time.Second)*videoClock%(1<<32)), rtpTime(year, videoClock), "wraps, never overflows")
	assert.Equal(t, ^uint32(0)-89_999, rtpTime(-time.Second, videoClock), "captured before the engine was made")
}
