package doctor

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"seccam/camerad/media/source"
	"seccam/pkg/signaling"
)

func look(t *testing.T, from source.Source) map[string]signaling.Check {
	t.Helper()
	p := &Picture{Source: from, Video: source.Video{Width: 320, Height: 180, FPS: 30, Bitrate: 200_000, KeyFrameInterval: time.Second}}
	found := map[string]signaling.Check{}
	Run(t.Context(), p.Checks(), func(c signaling.Check) { found[c.Name] = c })
	return found
}

func TestSourceThatWorks(t *testing.T) {
	found := look(t, source.TestPattern())
	require1(t, found[CheckSource], signaling.CheckOK, `testpattern: \d+ frames of 320x180, the first after`)
	require.Contains(t, found[CheckEncoder].Seen, "a frame is encoded in")
}

func TestSourceThatDoesNotWork(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	found := look(t, source.Exec([]string{"false"}, log))
	require1(t, found[CheckSource], signaling.CheckFail, "exec")
	require1(t, found[CheckEncoder], signaling.CheckSkipped, CheckSource)
	require1(t, look(t, source.Camera("/dev/no-such-camera", source.FormatAuto))[CheckSource], signaling.CheckFail, "no-such-camera")
}

func TestEncoderThatIsSlow(t *testing.T) {
	for took, want := range map[time.Duration]signaling.CheckResult{
		5 * time.Millisecond: signaling.CheckOK, 30 * time.Millisecond: signaling.CheckWarn, 40 * time.Millisecond: signaling.CheckFail,
	} {
		found := JudgeEncoder(took, 30)
		require.Equal(t, want, found.Result, found.Seen)
		require.Equal(t, want != signaling.CheckOK, found.Next != "")
	}
}
