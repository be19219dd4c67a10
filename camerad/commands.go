package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"seccam/camerad/media"
)

// defaultConfigPath is read if no --config is given and it exists.
const defaultConfigPath = "/etc/seccam/camerad.yml"

// release is set by the build: -ldflags "-X main.release=1.2.3".
var release string

// version is the release, or what Go knows of a build without one.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// configError is an error of the person who runs camerad, not of camerad.
type configError struct{ error }

// Unwrap returns the cause.
func (e configError) Unwrap() error { return e.error }

func (io console) loadConfig() (Config, error) {
	path := io.configPath
	if _, err := os.Stat(defaultConfigPath); path == "" && err == nil {
		path = defaultConfigPath
	}
	cfg, err := loadConfig(path, io.environ)
	if err != nil {
		return Config{}, configError{err}
	}
	return cfg, nil
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(io console) error {
	_, err := fmt.Fprintln(io.out, version())
	return err
}

type selftestCmd struct {
	Out      string        `placeholder:"PATH" default:"selftest.h264" help:"File to record to (H264, playable by ffplay). Default: ${default}."`
	Duration time.Duration `default:"5s" help:"How long to record. Default: ${default}."`
}

// Run records from the configured source and reports.
func (c selftestCmd) Run(io console) (err error) {
	cfg, err := io.loadConfig()
	if err != nil {
		return err
	}
	from, err := cfg.openSource(io.ctx, newLogger(io.errors, cfg.LogLevel))
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Clean(c.Out))
	if err != nil {
		return fmt.Errorf("selftest: %w; use --out to record elsewhere", err)
	}
	report, err := media.Record(io.ctx, from, cfg.video(), c.Duration, file)
	err = errors.Join(err, file.Close())
	fmt.Fprintf(io.out, "source       %s\n", from.Name)
	if report.Frames > 0 {
		printReport(io, report, c.Out)
	}
	switch {
	case err != nil:
		return fmt.Errorf("selftest failed: %w", err)
	case report.Frames == 0:
		return fmt.Errorf("selftest failed: source %s gave no picture within %v; check its cable, or raise --duration", from.Name, c.Duration)
	}
	fmt.Fprintln(io.out, "The source works.")
	return nil
}

func printReport(io console, r media.Report, path string) {
	fmt.Fprintf(io.out, "resolution   %dx%d\n", r.Format.Width, r.Format.Height)
	fmt.Fprintf(io.out, "frames       %d (%.1f per second, first after %v)\n", r.Frames, r.FPS(), r.FirstFrame.Round(time.Millisecond))
	fmt.Fprintf(io.out, "key frames   %d\n", r.KeyFrames)
	fmt.Fprintf(io.out, "bitrate      %.0f kbit/s\n", r.Bitrate()/1000)
	if len(r.EncodeTimes) > 0 {
		fmt.Fprintf(io.out, "encode time  p50 %v, p95 %v\n",
			r.EncodeTime(50).Round(10*time.Microsecond), r.EncodeTime(95).Round(10*time.Microsecond))
	}
	fmt.Fprintf(io.out, "recorded to  %s\n", path)
}
