package doctor

import (
	"context"
	"fmt"
	"time"

	"seccam/camerad/media"
	"seccam/camerad/media/source"
)

// Names of the checks of the picture.
const (
	CheckSource  = "source"
	CheckEncoder = "encoder"
)

// Limits of the checks of the picture. A source that is opened for the first time may need seconds.
const (
	recordTime    = 4 * time.Second
	recordTimeout = recordTime + 2*time.Second
	enoughFrames  = 30 // to judge the encoder by, at most a second of them
)

// Picture is a source that nobody else has open, recorded for a moment.
type Picture struct {
	Source source.Source
	Video  source.Video

	report media.Report
}

// Checks are that frames come, and that they are encoded quickly enough.
func (p *Picture) Checks() []Check {
	return []Check{
		{Name: CheckSource, Timeout: recordTimeout, Look: p.record},
		{Name: CheckEncoder, Needs: []string{CheckSource}, Timeout: time.Second, Look: p.judgeEncoder},
	}
}

// enough ends a recording that has seen what it needs to.
type enough struct {
	frames int
	stop   func()
}

// Write implements io.Writer. It is called once for each frame.
func (e *enough) Write(data []byte) (int, error) {
	if e.frames++; e.frames == enoughFrames {
		e.stop()
	}
	return len(data), nil
}

func (p *Picture) record(ctx context.Context) Finding {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	seen := &enough{stop: stop}
	var err error
	p.report, err = media.Record(ctx, p.Source, p.Video, recordTime, seen)
	if seen.frames >= enoughFrames {
		err = nil // it is that the recording was ended
	}
	r := p.report
	const next = `Check the camera's cable and the source key; "camerad sources" lists what is there.`
	switch {
	case err != nil && r.Frames == 0:
		return Fail(next, "%s: %v", p.Source.Name, err)
	case err != nil:
		return Fail(next, "%s gave %d frames, then: %v", p.Source.Name, r.Frames, err)
	case r.Frames == 0:
		return Fail(next, "%s gave no picture within %v", p.Source.Name, recordTime)
	}
	return OK("%s: %d frames of %dx%d, the first after %v", p.Source.Name, r.Frames, r.Format.Width, r.Format.Height,
		r.FirstFrame.Round(time.Millisecond))
}

func (p *Picture) judgeEncoder(context.Context) Finding {
	if p.report.Format.Codec != source.Raw {
		return OK("not needed: the source gives %s", p.report.Format.Codec)
	}
	return JudgeEncoder(p.report.EncodeTime(95), p.report.Format.FPS)
}

// JudgeEncoder compares how long a frame takes with how many there are.
func JudgeEncoder(took time.Duration, fps int) Finding {
	interval := time.Second / time.Duration(max(fps, 1))
	text := fmt.Sprintf("a frame is encoded in %.1f ms, and one comes each %.1f ms", took.Seconds()*1000, interval.Seconds()*1000)
	const next = "Lower video.width and video.height, or video.fps."
	switch {
	case took > interval:
		return Fail(next, "too slow: %s", text)
	case took > interval*7/10:
		return Warn(next, "barely quick enough: %s", text)
	}
	return OK("%s", text)
}
