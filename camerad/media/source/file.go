package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// File returns the source for a file of H264 or H265 video in any form that ffmpeg reads. It plays in
// real time, over and over, with its sound if it has some. A file without times of its own (.h264) is
// played at the wanted rate.
func File(path string, log *slog.Logger) Source {
	return Source{Name: "file", Open: func(ctx context.Context, want Video) (Stream, error) {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w; name a video file that camerad may read", err)
		}
		media, err := probe(ctx, path, log)
		if err != nil {
			return nil, err
		}
		cmd, err := play(path, media, want, log)
		if err != nil {
			return nil, err
		}
		s, err := openCoded(ctx, cmd, origin{
			noun:     "the file",
			baseline: "convert it: " + convert(path),
			keys:     "convert it: " + convert(path),
		}, want)
		if err != nil {
			return nil, err
		}
		if s.format.FPS = media.fps; media.raw != "" {
			s.format.FPS = want.FPS
		}
		return coupled{s}, nil
	}}
}

// convert is a command that a person may copy.
func convert(path string) string {
	name := filepath.Base(path)
	return fmt.Sprintf("ffmpeg -i '%s' -c:v libx264 -profile:v baseline -pix_fmt yuv420p -g 30 -c:a aac '%s.mp4'",
		name, strings.TrimSuffix(name, filepath.Ext(name))+"-live")
}

// mediaFile is what ffprobe says of a file.
type mediaFile struct {
	video string // codec, empty without
	sound bool
	fps   int    // 0 if unknown
	raw   string // ffmpeg's name of a format without times; empty otherwise
}

// probe asks ffprobe.
func probe(ctx context.Context, path string, log *slog.Logger) (mediaFile, error) {
	args := []string{"ffprobe", "-v", "error", "-of", "json", "-show_entries",
		"stream=codec_type,codec_name,avg_frame_rate:format=format_name", "file:" + path}
	out, err := brief(ctx, command{args: args, patience: usual(), log: log})
	if err != nil {
		return mediaFile{}, fmt.Errorf("%s is no video file: %w", path, err)
	}
	return parseProbe(out)
}

func parseProbe(out []byte) (media mediaFile, err error) {
	var probed struct {
		Streams []struct {
			Type  string `json:"codec_type"`
			Codec string `json:"codec_name"`
			Rate  string `json:"avg_frame_rate"`
		}
		Format struct {
			Name string `json:"format_name"`
		}
	}
	if err := json.Unmarshal(out, &probed); err != nil {
		return mediaFile{}, fmt.Errorf("ffprobe's answer is not understood: %w", err)
	}
	for _, s := range probed.Streams {
		switch {
		case s.Type == "video" && media.video == "":
			media.video, media.fps = s.Codec, rate(s.Rate)
		case s.Type == "audio":
			media.sound = true
		}
	}
	if name := probed.Format.Name; name == "h264" || name == "hevc" {
		media.raw = name
	}
	return media, nil
}

// rate reads ffmpeg's "30000/1001" as the nearest whole number, 0 if it is none.
func rate(fraction string) int {
	over, under, _ := strings.Cut(fraction, "/")
	a, _ := strconv.ParseFloat(over, 64)
	b, err := strconv.ParseFloat(under, 64)
	if fps := math.Round(a / b); err == nil && fps >= 1 && fps <= 1000 {
		return int(fps)
	}
	return 0
}

// play returns the command that plays the file.
func play(path string, media mediaFile, want Video, log *slog.Logger) (command, error) {
	format, ok := map[string]string{"h264": "h264", "hevc": "hevc"}[media.video] // muxers, which turn into Annex B
	switch {
	case media.video == "":
		return command{}, fmt.Errorf("%s has no video; name a video file", path)
	case !ok:
		return command{}, fmt.Errorf("%s has %s video, which cannot be passed through; convert it: %s", path, media.video, convert(path))
	}
	video := []string{"-f", format}
	if media.raw == "" {
		return ffmpeg([]string{"-re", "-stream_loop", "-1", "-i", "file:" + path}, video, nil, media.sound, log), nil
	}
	input := []string{"-re", "-f", media.raw, "-framerate", strconv.Itoa(want.FPS), "-i", "pipe:0"}
	return ffmpeg(input, video, &loop{path: path}, false, log), nil
}

// loop reads a file over and over: ffmpeg cannot rewind what has no times.
type loop struct {
	path string
	file *os.File // nil before the first Read
}

// Read implements io.Reader. An empty file ends.
func (l *loop) Read(b []byte) (n int, err error) {
	if l.file == nil {
		if l.file, err = os.Open(l.path); err != nil {
			return 0, err
		}
	}
	if n, err = l.file.Read(b); err != io.EOF {
		return n, err
	}
	if _, err = l.file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return l.file.Read(b)
}

// Close implements io.Closer.
func (l *loop) Close() error { return l.file.Close() }
