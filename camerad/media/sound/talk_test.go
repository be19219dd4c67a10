package sound

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/opus/pkg/oggreader"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readOgg returns the Opus packets of a file (RFC 7845).
func readOgg(t testing.TB, name string) (packets [][]byte) {
	data, err := os.ReadFile(filepath.Join("testdata", name+".opus"))
	require.NoError(t, err)
	ogg, _, err := oggreader.NewWith(bytes.NewReader(data))
	require.NoError(t, err)
	for {
		packet, _, err := ogg.ParseNextPacket()
		if errors.Is(err, io.EOF) {
			return packets
		}
		require.NoError(t, err)
		if !bytes.HasPrefix(packet, []byte("OpusTags")) {
			packets = append(packets, packet)
		}
	}
}

// TestTalkDecodesWhatBrowsersSend plays tones that libopus encoded, by ffmpeg and opusenc:
//
//	ffmpeg -f lavfi -i "aevalsrc=0.25*sin(2*PI*440*t):s=48000:d=0.6" -c:a libopus …
//	celt    -application lowdelay -b:a 32k      hybrid  -application voip -b:a 16k
//	silk    -application voip -b:a 10k          cbr     -application voip -b:a 32k -vbr off, which begins
//	fec     hybrid at 32k with -fec 1 -packet_loss 20   as hybrid and goes on as CELT
//	long    frames of 60 ms, short: of 5 ms     stereo… 440 Hz left; right 700 Hz, or 440 Hz with voip
//	dtx     440 Hz until 0.6 s and from 2.0 s on: opusenc --speech --bitrate 16 --set-ctl-int 4016=1
func TestTalkDecodesWhatBrowsersSend(t *testing.T) {
	for name, test := range map[string]struct {
		modes string // of RFC 6716 section 3.1: Silk, Hybrid, Celt
		ticks uint32 // of the RTP clock in a packet
	}{
		"celt": {"C", 960}, "hybrid": {"H", 960}, "silk": {"S", 960}, "cbr": {"HC", 960}, "fec": {"H", 960},
		"long": {"C", 2880}, "short": {"C", 240}, "stereo": {"C", 960}, "stereo-voip": {"HC", 960},
	} {
		t.Run(name, func(t *testing.T) {
			sink := &recorder{}
			talk := NewTalk(sink)
			modes, clock := "", uint32(0)
			for i, payload := range readOgg(t, name) {
				mode := map[bool]string{true: "S", false: "C"}[payload[0]>>3 < 12]
				if config := payload[0] >> 3; config >= 12 && config < 16 {
					mode = "H"
				}
				if modes == "" || modes[len(modes)-1:] != mode {
					modes += mode
				}
				talk.Push(payload, uint16(i), clock)
				clock += test.ticks
			}
			assert.Equal(t, test.modes, modes, "the file is what it should be")
			require.Len(t, sink.samples, int(clock))
			middle := sink.samples[Rate/10 : Rate*6/10]
			if name == "stereo" {
				assert.InEpsilon(t, 4096, amplitude(middle, 440), 0.1)
				assert.InEpsilon(t, 4096, amplitude(middle, 700), 0.1)
				return
			}
			requireTone(t, middle, 440, 8192)
		})
	}
}

// TestTalkWithDiscontinuousTransmission leaves out the empty packets, as browsers do: their sequence
// numbers go on, their timestamps jump (RFC 7587 section 3.1.3).
func TestTalkWithDiscontinuousTransmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &recorder{}
		talk := NewTalk(sink)
		sequence, left := uint16(65500), 0
		for i, payload := range readOgg(t, "dtx") {
			time.Sleep(frameTime)
			if len(payload) <= 2 {
				left++
				continue
			}
			talk.Push(payload, sequence, uint32(i)*frameSamples)
			sequence++
		}
		require.Greater(t, left, 50)
		requireTone(t, sink.samples[Rate/10:Rate/2], 440, 8192)
		end := len(sink.samples)
		requireTone(t, sink.samples[end-Rate/2:end-Rate/10], 440, 8192)
		assert.Equal(t, int(sequence-65500)*frameSamples, end, "nothing was taken for lost")
	})
}

// pushed is a tone that was sent and arrived as said: the number of the packet, and the time since the
// one before in ms.
func pushed(t *testing.T, arrivals [][2]int) (sink *recorder, talk *Talk) {
	sink = &recorder{}
	talk = NewTalk(sink)
	packets := encodeTone(t, Encoder{Bitrate: 64_000}, 440, 60)
	synctest.Test(t, func(*testing.T) {
		for _, a := range arrivals {
			time.Sleep(time.Duration(a[1]) * time.Millisecond)
			talk.Push(packets[a[0]].payload, uint16(65520+a[0]), uint32(a[0]*frameSamples)-5000)
		}
	})
	return sink, talk
}

// inOrder is packets from first on, one each 20 ms.
func inOrder(first, last int) (a [][2]int) {
	for i := first; i <= last; i++ {
		a = append(a, [2]int{i, 20})
	}
	return a
}

func TestTalkPutsPacketsInOrder(t *testing.T) {
	straight, _ := pushed(t, inOrder(0, 29))
	for name, middle := range map[string][][2]int{
		"two":      {{11, 20}, {10, 5}, {12, 15}, {13, 20}, {14, 20}},
		"burst":    {{14, 80}, {12, 1}, {13, 1}, {11, 1}, {10, 1}},
		"each two": {{11, 20}, {10, 1}, {13, 20}, {12, 1}, {14, 20}},
		"again":    {{10, 20}, {10, 0}, {12, 20}, {12, 5}, {11, 1}, {11, 0}, {10, 0}, {13, 20}, {14, 20}, {12, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			bent, _ := pushed(t, append(append(inOrder(0, 9), middle...), inOrder(15, 29)...))
			assert.Equal(t, straight.samples, bent.samples)
		})
	}
}

func TestTalkCoversLosses(t *testing.T) {
	const whole = 30 * frameSamples
	for lost, most := range map[int]float64{1: 0.3, 3: 0.85} {
		arrivals := append(inOrder(0, 14), inOrder(15+lost, 29)...)
		sink, _ := pushed(t, arrivals)
		require.Len(t, sink.samples, whole, "%d lost: what is missing is filled", lost)
		requireTone(t, sink.samples[5*frameSamples:14*frameSamples], 440, 8192)
		requireTone(t, sink.samples[20*frameSamples:], 440, 8192)
		cover := sink.samples[15*frameSamples : (15+lost)*frameSamples]
		assert.Greater(t, level(cover), (1-most)*8192/1.42, "it is heard")
		assert.Less(t, level(cover[len(cover)/2:]), level(cover[:len(cover)/2]), "and fades")
		for i := 14 * frameSamples; i < 20*frameSamples; i++ {
			step := int(sink.samples[i]) - int(sink.samples[i-1])
			assert.Less(t, max(step, -step), 3000, "a click at %d", i) // the tone's own steps are up to 472
		}
	}
	sink, _ := pushed(t, append(inOrder(0, 9), inOrder(40, 49)...))
	assert.Len(t, sink.samples, 20*frameSamples+coverTime, "silence is the loudspeaker's to fill")
}

func TestTalkDoesNotWaitForWhatIsLost(t *testing.T) {
	sink, talk := pushed(t, append(inOrder(0, 9), inOrder(11, 11)...))
	assert.Len(t, sink.samples, 10*frameSamples, "it may still come")
	assert.Len(t, talk.held, 1)
	sink, talk = pushed(t, append(inOrder(0, 9), inOrder(11, 12)...))
	assert.Len(t, sink.samples, 13*frameSamples, "40 ms late, it does not come any more")
	assert.Empty(t, talk.held)
	sink, talk = pushed(t, append(append(inOrder(0, 9), inOrder(11, 12)...), [2]int{10, 1}))
	assert.Len(t, sink.samples, 13*frameSamples, "too late")
	assert.Empty(t, talk.held)
}

func TestTalkBeginsAnew(t *testing.T) {
	packets := readOgg(t, "celt")
	sink := &recorder{}
	talk := NewTalk(sink)
	for i, payload := range packets {
		talk.Push(payload, uint16(1000+i), 77)
	}
	for i, payload := range packets {
		talk.Push(payload, uint16(40000+i), 5) // another stream
	}
	talk.Push(packets[0], 39000, 5)
	assert.Len(t, sink.samples, (2*len(packets)+1)*frameSamples)
}

func TestTalkIgnoresWhatIsNotOpus(t *testing.T) {
	packets := readOgg(t, "hybrid")
	sink := &recorder{}
	talk := NewTalk(sink)
	sequence := uint16(0)
	push := func(payload []byte) {
		talk.Push(payload, sequence, uint32(sequence)*frameSamples)
		sequence++
	}
	for _, payload := range [][]byte{nil, {}, {0xff}, {0x03}, {0x7b, 0}, bytes.Repeat([]byte{0xff}, 1500), []byte("not opus")} {
		push(payload)
	}
	dice := rand.New(rand.NewPCG(1, 2))
	for _, payload := range packets {
		bent := bytes.Clone(payload)
		for i := range bent {
			bent[i] ^= byte(dice.IntN(256))
		}
		push(bent)
		push(payload[:len(payload)/2])
	}
	sink.samples = nil
	for _, payload := range packets {
		push(payload)
	}
	requireTone(t, sink.samples[Rate/10:Rate/2], 440, 8192)
}

// FuzzPush interprets data as packets: a step of the sequence number, one of the timestamp, a length and
// the payload.
func FuzzPush(f *testing.F) {
	for _, name := range []string{"celt", "hybrid", "silk", "cbr", "fec", "long", "stereo-voip"} {
		var data []byte
		for _, payload := range readOgg(f, name)[:8] {
			data = append(data, 1, 4, byte(len(payload)))
			data = append(data, payload[:min(255, len(payload))]...)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sink := &recorder{}
		talk := NewTalk(sink)
		sequence, clock, packets := uint16(0), uint32(0), 0
		for len(data) >= 3 {
			sequence += uint16(int8(data[0])) // it goes back, too
			clock += uint32(int8(data[1])) * 240
			n := min(int(data[2]), len(data)-3)
			talk.Push(data[3:3+n], sequence, clock)
			data = data[3+n:]
			packets++
		}
		assert.LessOrEqual(t, len(talk.held), maxHeld)
		assert.LessOrEqual(t, len(sink.samples), packets*(maxPacket+coverTime))
	})
}
