package media

import (
	"context"
	"image"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deadline is of anything a test waits for. In a synctest bubble it passes at once if nothing comes.
const deadline = 20 * time.Second

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

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

func smallVideo() source.Video {
	return source.Video{Width: 320, Height: 180, FPS: 30, Bitrate: 200_000, KeyFrameInterval: time.Second}
}

// runEngine starts an engine that ends with the test. change may change its configuration.
func runEngine(t testing.TB, from source.Source, change func(*Config)) *Engine {
	cfg := Config{Source: from, Video: smallVideo(), Mute: true, Linger: 10 * time.Millisecond, Log: silent}
	if change != nil {
		change(&cfg)
	}
	e := NewEngine(cfg)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-ended)
	})
	return e
}

func (e *Engine) await(t testing.TB, want signaling.Picture) string {
	t.Helper()
	for {
		changed := e.Changed()
		if state, detail := e.State(); state == want {
			return detail
		}
		next(t, "state "+string(want), changed)
	}
}

// stubStream is a source of functions.
type stubStream struct {
	format source.Format
	read   func() (source.Frame, error)
	close  func() error
}

func (s stubStream) Format() source.Format       { return s.format }
func (s stubStream) Read() (source.Frame, error) { return s.read() }
func (s stubStream) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// stubSource gives frames from a function.
func stubSource(format source.Format, read func(context.Context) (source.Frame, error)) source.Source {
	return source.Source{Name: "stub", Open: func(ctx context.Context, _ source.Video) (source.Stream, error) {
		return stubStream{format: format, read: func() (source.Frame, error) { return read(ctx) }}, nil
	}}
}

// rawFormat is what a camera of smallVideo gives.
func rawFormat() source.Format {
	cfg := smallVideo()
	return source.Format{Codec: source.Raw, Width: cfg.Width, Height: cfg.Height, FPS: cfg.FPS}
}

// pause waits as a source does.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// rawSource is a camera of smallVideo whose n-th picture a function draws, 30 times a second.
func rawSource(draw func(n int) image.Image) source.Source {
	n := 0 // goes on when it is opened again
	return stubSource(rawFormat(), func(ctx context.Context) (source.Frame, error) {
		err := pause(ctx, smallVideo().Interval())
		n++
		return source.Frame{Image: draw(n), At: time.Now()}, err
	})
}

// plain is a picture of one colour.
func plain(width, height int, y, cb, cr byte) *image.YCbCr {
	p := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	fill(p.Y, y)
	fill(p.Cb, cb)
	fill(p.Cr, cr)
	return p
}

func fill(plane []byte, value byte) {
	for i := range plane {
		plane[i] = value
	}
}

// plainSource is a camera that sees grey.
func plainSource() source.Source {
	picture := plain(smallVideo().Width, smallVideo().Height, 120, 128, 128)
	return rawSource(func(int) image.Image { return picture })
}

// scene is what a camera sees that stands still: a texture with noise, on which something moves. It
// needs about as many bits as it may have.
type scene struct {
	noisy   [4]*image.YCbCr // the texture, each time with other noise
	picture *image.YCbCr
}

func newScene(width, height int) *scene {
	s := &scene{picture: plain(width, height, 0, 128, 128)}
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range s.noisy {
		s.noisy[i] = plain(width, height, 0, 128, 128)
		for at := range s.noisy[i].Y {
			x, y := at%s.picture.YStride, at/s.picture.YStride
			wave := (x*7+y*3)%64 + (x*x/90+y*y/60)%96
			s.noisy[i].Y[at] = byte(40 + wave + noise.IntN(6))
		}
	}
	return s
}

// draw returns the n-th picture, valid until the next call.
func (s *scene) draw(n int) *image.YCbCr {
	now, to := s.noisy[n%len(s.noisy)], s.picture
	copy(to.Y, now.Y)
	width, height, stride := to.Rect.Dx(), to.Rect.Dy(), to.YStride
	left, top := n*3%(width/2), n*2%(height/2)
	for y := range height / 3 { // a part of the texture, elsewhere
		copy(to.Y[(top+y)*stride+left:][:width/3], now.Y[(height/2+y)*stride+width/2:])
	}
	return to
}

// Payload types and SSRCs that a fakeContext agrees to, and the ids of header extensions.
const (
	mainType, rtxType      = 102, 103
	mainSSRC, rtxSSRC      = 42, 43
	delayID, transportCCID = 5, 3
	withRTX                = "apt=102"
)

// fakeContext binds a track to a function. The header is valid during the call only.
type fakeContext struct {
	write    func(*rtp.Header, []byte)
	codec    webrtc.RTPCodecCapability
	apt      string // which payload type's retransmissions have a stream of their own, as in SDP; may be empty
	numbered bool   // transport-wide numbers are agreed
	express  Express
}

func (c fakeContext) CodecParameters() []webrtc.RTPCodecParameters {
	all := []webrtc.RTPCodecParameters{{RTPCodecCapability: c.codec, PayloadType: mainType}}
	rtx := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, SDPFmtpLine: "apt=98"}
	all = append(all, webrtc.RTPCodecParameters{PayloadType: 99, RTPCodecCapability: rtx}) // another codec's
	rtx.SDPFmtpLine = c.apt
	return append(all, webrtc.RTPCodecParameters{PayloadType: rtxType, RTPCodecCapability: rtx})
}

func (c fakeContext) HeaderExtensions() []webrtc.RTPHeaderExtensionParameter {
	all := []webrtc.RTPHeaderExtensionParameter{{URI: "urn:other", ID: 1}, {URI: PlayoutDelayURI, ID: delayID}}
	if c.numbered {
		all = append(all, webrtc.RTPHeaderExtensionParameter{URI: TransportCCURI, ID: transportCCID})
	}
	return all
}

func (c fakeContext) SSRC() webrtc.SSRC { return mainSSRC }
func (c fakeContext) SSRCRetransmission() webrtc.SSRC {
	if c.apt == "" {
		return 0
	}
	return rtxSSRC
}
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

// newReceiver runs a viewer of a hub of test units.
func newReceiver(t testing.TB, h *hub, size int) *receiver {
	return receive(t, viewerOf(h), fakeContext{codec: H264.Capability()}, size)
}

// receive runs v, which is bound as ctx says, until the test ends. Who does not read the channel, of a
// given size, is slow.
func receive(t testing.TB, v *Viewer, ctx fakeContext, size int) *receiver {
	r := &receiver{Viewer: v, packets: make(chan rtp.Packet, size)}
	ctx.write = func(h *rtp.Header, p []byte) { r.packets <- rtp.Packet{Header: h.Clone(), Payload: p} }
	_, err := v.Video.Bind(ctx)
	require.NoError(t, err)
	running, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { v.Run(running) })
	r.stop = sync.OnceFunc(func() {
		cancel()
		go func() {
			for range r.packets { // a Run that waits for us must see its end
			}
		}()
		ended.Wait()
		close(r.packets)
	})
	t.Cleanup(r.stop)
	return r
}

// viewerOf is a viewer of an engine whose full layer's hub is h.
func viewerOf(h *hub) *Viewer {
	e := NewEngine(Config{Source: source.TestPattern(), Video: smallVideo(), Mute: true, Log: silent})
	e.full.hub = h
	return newViewer(e, e.full, H264)
}

// testUnit is a picture of two packets, of which the first byte is n.
func testUnit(n int, key bool) *Unit {
	return &Unit{Packets: []Packet{{Payload: []byte{byte(n)}}, {Payload: []byte{byte(n), 1}, Marker: true}}, Key: key, Time: uint32(n) * 3000, Size: 3}
}
