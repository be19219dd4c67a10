package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"seccam/camerad/media/source"
)

// Report is what a [Record] saw.
type Report struct {
	Format            source.Format // what the source gave
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

// Record writes what a source gives within duration to w as an Annex B stream, and reports on it. It
// encodes as an [Engine] does.
func Record(ctx context.Context, from source.Source, cfg source.Video, duration time.Duration, w io.Writer) (Report, error) {
	ctx, stop := context.WithTimeout(ctx, duration)
	defer stop()
	r := recorder{cfg: cfg, w: w, began: time.Now()}
	err := r.record(ctx, from)
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && !errors.Is(err, errWrite) {
		err = nil
	}
	return r.report, err
}

// errWrite means that the recording, and not the source, is what failed.
var errWrite = errors.New("write recording")

type recorder struct {
	cfg      source.Video
	w        io.Writer
	report   Report
	began    time.Time
	first    time.Time
	packets  packetizer
	pictures picturePool
	encoder  *encoder
}

func (r *recorder) record(ctx context.Context, from source.Source) (err error) {
	stream, err := from.Open(ctx, r.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	defer func() {
		if r.encoder != nil {
			err = errors.Join(err, r.encoder.close())
		}
	}()
	r.report.Format = stream.Format()
	r.packets = carriers(r.report.Format.Codec)[0].packetizer()
	for ctx.Err() == nil {
		frame, err := stream.Read()
		if err != nil {
			return err
		}
		if err := r.frame(frame); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (r *recorder) frame(frame source.Frame) error {
	began := time.Now()
	data := frame.Unit
	if frame.Image != nil {
		var err error
		if data, err = r.encode(frame); err != nil {
			return err
		}
		r.report.EncodeTimes = append(r.report.EncodeTimes, time.Since(began))
	}
	unit := r.packets.unit(data, 0)
	if unit == nil {
		return nil
	}
	if _, err := r.w.Write(data); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	r.count(unit, frame.At)
	return nil
}

func (r *recorder) encode(frame source.Frame) ([]byte, error) {
	p, err := r.pictures.take(frame.Image, frame.At, 0)
	if err != nil {
		return nil, err
	}
	defer p.release()
	if r.encoder == nil {
		size := p.image.Rect.Size()
		rate := Rate{Width: size.X, Height: size.Y, FPS: max(1, r.report.Format.FPS), Bitrate: r.cfg.Bitrate}
		if r.encoder, err = newEncoder(H264, size, rate, r.cfg.KeyFrameInterval); err != nil {
			return nil, err
		}
	}
	return r.encoder.encode(p.image, p.at.Sub(r.began), false, r.cfg.Bitrate)
}

func (r *recorder) count(unit *Unit, at time.Time) {
	if r.report.Frames == 0 {
		r.first, r.report.FirstFrame = at, time.Since(r.began)
	}
	r.report.Frames++
	if unit.Key {
		r.report.KeyFrames++
	}
	r.report.Took = at.Sub(r.first)
	r.report.Bytes += int64(len(unit.Data))
}

// probeTime is what a source may take to give a picture.
const probeTime = 15 * time.Second

// Probe opens a source and returns what it gives, with a JPEG of a picture.
func Probe(ctx context.Context, from source.Source, cfg source.Video) (format source.Format, picture []byte, err error) {
	ctx, stop := context.WithTimeout(ctx, probeTime)
	defer stop()
	stream, err := from.Open(ctx, cfg)
	if err != nil {
		return format, nil, err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	format = stream.Format()
	frame, err := stream.Read()
	if err != nil {
		return format, nil, err
	}
	if format.Codec != source.Raw {
		picture, err = decodeLast(ctx, format.Codec, []*Unit{{Data: frame.Unit}}, snapshotMax)
		return format, picture, err
	}
	p, err := new(picturePool).take(frame.Image, frame.At, 0)
	if err != nil {
		return format, nil, err
	}
	picture, err = encodeJPEG(p.image, snapshotMax)
	return format, picture, err
}
