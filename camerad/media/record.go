package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Report is what a [Record] saw.
type Report struct {
	Video             VideoConfig // what the source gave
	Frames, KeyFrames int
	Bytes             int64
	FirstFrame        time.Duration // from opening to the first encoded picture
	Took              time.Duration // from the first picture to the last
	EncodeTimes       []time.Duration
}

// FPS is the rate of the pictures that were seen.
func (r Report) FPS() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(r.Frames-1) / r.Took.Seconds()
}

// Bitrate is that of the recording in bit/s.
func (r Report) Bitrate() float64 { return float64(r.Bytes*8) / float64(max(r.Frames, 1)) * r.FPS() }

// EncodeTime is the p-th percentile of the encoding times; 0 if there are none.
func (r Report) EncodeTime(p int) time.Duration {
	if len(r.EncodeTimes) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.EncodeTimes))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

// Record writes what source gives within duration to w as an Annex B stream, and reports on it. It
// uses the same capture and encoder as an [Engine].
func Record(ctx context.Context, source Source, cfg VideoConfig, duration time.Duration, w io.Writer) (Report, error) {
	ctx, stop := context.WithTimeout(ctx, duration)
	defer stop()
	var (
		report   = Report{Video: cfg}
		packets  packetizer
		began    = time.Now()
		first    time.Time
		writeErr error
	)
	err := stream(ctx, source, cfg, func(time.Time) bool { return false },
		func(actual VideoConfig) { report.Video = actual },
		func(out encoded) {
			unit := packets.unit(out.annexB, 0)
			if unit == nil || writeErr != nil {
				return
			}
			if _, writeErr = w.Write(out.annexB); writeErr != nil {
				stop()
			}
			if report.Frames == 0 {
				first, report.FirstFrame = out.at, time.Since(began)
			}
			report.Frames++
			if unit.Key {
				report.KeyFrames++
			}
			report.Took = out.at.Sub(first)
			report.Bytes += int64(len(out.annexB))
			report.EncodeTimes = append(report.EncodeTimes, out.took)
		})
	if writeErr != nil {
		return report, fmt.Errorf("write recording: %w", writeErr)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return report, err
}
