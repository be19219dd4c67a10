package source

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		options []string
		want    Format
		sound   bool
	}{
		"MP4":                               {"a.mp4", asCamera, Format{H264, 320, 180, 30}, false},
		"MP4 with sound":                    {"a.mp4", append(slices.Clone(withSound), asCamera...), Format{H264, 320, 180, 30}, true},
		"Matroska with sound":               {"a.mkv", append(slices.Clone(withSound), asH265...), Format{H265, 320, 180, 30}, true},
		"MPEG transport stream":             {"a.ts", asCamera, Format{H264, 320, 180, 30}, false},
		"H264 without times":                {"a.h264", asCamera, Format{H264, 320, 180, 30}, false},
		"H265 without times":                {"a.h265", asH265, Format{H265, 320, 180, 30}, false},
		"a name that looks like an address": {"rtsp: 'a b'%d.mp4", asCamera, Format{H264, 320, 180, 30}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openSource(t, File(makeFile(t, c.file, c.options...), quiet()))
			assert.Equal(t, c.want, s.Format())
			began := time.Now()
			keys := readFrames(t, s, 70) // of 60
			assert.Greater(t, time.Since(began), 60*time.Second/30, "real time")
			assert.GreaterOrEqual(t, keys, 5, "it plays again")
			samples := make([]int16, SoundRate/10)
			err := s.(Sounding).ReadSound(samples)
			if !c.sound {
				require.ErrorIs(t, err, ErrNoSound)
				return
			}
			require.NoError(t, err)
			assert.InDelta(t, 440, pitch(samples), 30)
		})
	}
}

// pitch counts how often samples pass zero upwards, in Hz.
func pitch(samples []int16) (hertz float64) {
	passes := 0
	for i := range samples[1:] {
		if samples[i] < 0 && samples[i+1] >= 0 {
			passes++
		}
	}
	return float64(passes) * SoundRate / float64(len(samples))
}

// TestSoundIsOfNow reads no sound for a while, which must stop nothing, and then must not get what is
// old.
func TestSoundIsOfNow(t *testing.T) {
	t.Parallel()
	s := openSource(t, File(makeFile(t, "a.mp4", append(slices.Clone(withSound), asCamera...)...), quiet())).(coupled)
	readFrames(t, s, 90)
	s.sound.mu.Lock()
	kept := len(s.sound.kept)
	s.sound.mu.Unlock()
	assert.LessOrEqual(t, kept, newest)
	whole := make([]int16, SoundRate)
	began := time.Now()
	require.NoError(t, s.ReadSound(whole))
	assert.Greater(t, time.Since(began), 500*time.Millisecond, "it came while it was waited for")
}

func TestSoundPipe(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	s := newSoundPipe(reader)
	wave := make([]byte, 2*newest+2)
	for i := range wave {
		wave[i] = byte(i / 2 % 251 * (i % 2)) // sample i is i%251*256
	}
	for cut := 0; cut < len(wave); cut += 777 { // odd
		_, err := writer.Write(wave[cut:min(len(wave), cut+777)])
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	<-s.ended
	got := make([]int16, newest)
	require.NoError(t, s.read(t.Context(), got))
	for i, sample := range got {
		require.Equal(t, int16((i+1)%251*256), sample, "the oldest was dropped")
	}
	assert.EqualError(t, s.read(t.Context(), got), "the sound has ended")
	require.NoError(t, reader.Close())
}

func TestFilesThatCannotBeShown(t *testing.T) {
	t.Parallel()
	sound := makeFile(t, "sound.mp4", "-f", "lavfi", "-i", "sine", "-map", "1:a")
	text := filepath.Join(t.TempDir(), "text.mp4")
	require.NoError(t, os.WriteFile(text, []byte("nonsense"), 0o600))
	for path, wants := range map[string][]string{
		makeFile(t, "movie.mkv", asMovie...):       {"the file sends B-frames", "-profile:v baseline", "'movie-live.mp4'"},
		makeFile(t, "photos.avi", "-c:v", "mjpeg"): {"mjpeg video", "convert it: ffmpeg -i 'photos.avi'"},
		sound:                                  {"no video"},
		text:                                   {"is no video file", "Invalid data"},
		filepath.Join(t.TempDir(), "gone.mp4"): {"no such file", "name a video file"},
	} {
		s, err := File(path, quiet()).Open(t.Context(), wantVideo())
		for err == nil {
			_, err = s.Read()
		}
		for _, want := range wants {
			assert.ErrorContains(t, err, want, path)
		}
		if s != nil {
			assert.NoError(t, s.Close())
		}
	}
}

func TestRate(t *testing.T) {
	for fraction, want := range map[string]int{"30/1": 30, "30000/1001": 30, "25/2": 13, "0/0": 0, "": 0, "x/1": 0, "1/0": 0, "90000/1": 0} {
		assert.Equal(t, want, rate(fraction), fraction)
	}
	assert.Zero(t, rate("1/"+string(rune(math.MaxInt8))))
	_, err := parseProbe([]byte("{"))
	assert.ErrorContains(t, err, "not understood")
}

func TestLoop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	l := &loop{path: path}
	_, err := l.Read(make([]byte, 1))
	assert.Error(t, err, "an empty file does not go round for ever")
	require.NoError(t, l.Close())
	_, err = (&loop{path: filepath.Join(path, "gone")}).Read(nil)
	assert.Error(t, err)
}
