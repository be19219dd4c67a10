package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seccam/camerad/media/source"
	"seccam/pkg/config"
	"seccam/pkg/credential"
	"seccam/pkg/metrics"
	"seccam/pkg/tracing"

	"gopkg.in/yaml.v3"
)

// Config is configs/camerad.yml, where each key is explained.
type Config struct {
	PortalURL         string         `yaml:"portal_url"`
	CameraID          string         `yaml:"camera_id"`
	DeviceKeyFile     string         `yaml:"device_key_file"`
	StateDir          string         `yaml:"state_dir"`
	CAFile            string         `yaml:"ca_file"`
	Source            string         `yaml:"source"`
	V4L2Format        string         `yaml:"v4l2_format"`
	RTSPLoginFile     string         `yaml:"rtsp_login_file"`
	Video             VideoConfig    `yaml:"video"`
	Audio             AudioConfig    `yaml:"audio"`
	MaxViewers        int            `yaml:"max_viewers"`
	TelemetryInterval Duration       `yaml:"telemetry_interval"`
	Linger            Duration       `yaml:"linger"`
	KeepRunning       bool           `yaml:"keep_running"`
	ICEPort           int            `yaml:"ice_port"`
	ICETCP            bool           `yaml:"ice_tcp"`
	Update            UpdateConfig   `yaml:"update"`
	Metrics           string         `yaml:"metrics"`
	Traces            tracing.Config `yaml:"traces"`
	LogLevel          string         `yaml:"log_level"`
}

// VideoConfig is the video section.
type VideoConfig struct {
	Width            int      `yaml:"width"`
	Height           int      `yaml:"height"`
	FPS              int      `yaml:"fps"`
	Bitrate          int      `yaml:"bitrate"`
	KeyFrameInterval Duration `yaml:"key_frame_interval"`
}

// AudioConfig is the audio section.
type AudioConfig struct {
	Sound      string `yaml:"sound"`
	Microphone string `yaml:"microphone"`
	Speaker    string `yaml:"speaker"`
}

// Duration is a time.Duration that YAML writes as 1s or 250ms.
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler with an error that says what would be right.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	if err != nil {
		text := fmt.Sprintf("line %d: %q is not a duration such as 1s or 250ms", node.Line, node.Value)
		return &yaml.TypeError{Errors: []string{text}}
	}
	*d = Duration(parsed)
	return nil
}

// defaultConfig is configs/camerad.yml; a test compares them.
func defaultConfig() Config {
	return Config{
		DeviceKeyFile: "/etc/seccam/device.key", StateDir: "/var/lib/seccam", Source: sourceAuto, V4L2Format: string(source.FormatAuto),
		Video:      VideoConfig{Width: 1280, Height: 720, FPS: 30, Bitrate: 2_000_000, KeyFrameInterval: Duration(time.Second)},
		Audio:      AudioConfig{Sound: soundAuto, Speaker: speakerAuto},
		MaxViewers: 16, TelemetryInterval: Duration(30 * time.Second), Linger: Duration(8 * time.Second), ICETCP: true, LogLevel: "info",
		Update: UpdateConfig{Channel: "stable", Trial: Duration(2 * time.Minute)},
	}
}

// loadConfig reads the file at path and the environment. Relative paths in it are relative to its
// folder.
func loadConfig(path string, environ []string) (Config, error) {
	cfg := defaultConfig()
	if err := config.Load(&cfg, path, environ); err != nil {
		return Config{}, err
	}
	for _, p := range []*string{&cfg.DeviceKeyFile, &cfg.StateDir, &cfg.CAFile, &cfg.RTSPLoginFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
	return cfg, nil
}

// Validate implements config.Validator. What only `run` needs is checked by loadEnrolment, so that
// a camera can be tried out before it is paired.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	v := c.Video
	errs = append(errs, c.validateSource(), c.validateV4L2Format(), c.validateAudio(), c.Update.validate(), c.Traces.Validate())
	check(v.Width >= 160 && v.Width <= 3840 && v.Width%2 == 0, "video.width: %d is not an even number from 160 to 3840", v.Width)
	check(v.Height >= 90 && v.Height <= 2160 && v.Height%2 == 0, "video.height: %d is not an even number from 90 to 2160", v.Height)
	check(v.FPS >= 1 && v.FPS <= 60, "video.fps: %d is not from 1 to 60", v.FPS)
	check(v.Bitrate >= 50_000 && v.Bitrate <= 20_000_000, "video.bitrate: %d bit/s is not from 50000 to 20000000", v.Bitrate)
	check(between(v.KeyFrameInterval, 250*time.Millisecond, 10*time.Second),
		"video.key_frame_interval: %v is not from 250ms to 10s", time.Duration(v.KeyFrameInterval))
	check(c.MaxViewers >= 1 && c.MaxViewers <= 1000, "max_viewers: %d is not from 1 to 1000", c.MaxViewers)
	check(between(c.TelemetryInterval, 5*time.Second, time.Hour), "telemetry_interval: %v is not from 5s to 1h", time.Duration(c.TelemetryInterval))
	check(between(c.Linger, 0, time.Hour), "linger: %v is not from 0s to 1h", time.Duration(c.Linger))
	check(c.ICEPort >= 0 && c.ICEPort <= 65535, "ice_port: %d is not from 0 to 65535", c.ICEPort)
	check(c.StateDir != "", "state_dir: is empty; name a folder that survives restarts")
	if err := metrics.Check(c.Metrics); err != nil {
		errs = append(errs, fmt.Errorf("metrics: %w", err))
	}
	var level slog.Level
	check(level.UnmarshalText([]byte(c.LogLevel)) == nil, "log_level: %q is unknown; use debug, info, warn or error", c.LogLevel)
	return errors.Join(errs...)
}

func between(d Duration, low, high time.Duration) bool {
	return time.Duration(d) >= low && time.Duration(d) <= high
}

// enrolment is what connects this camera to its portal.
type enrolment struct {
	portal *url.URL
	camera string
	key    credential.Secret
}

// loadEnrolment checks what only `run` needs.
func (c *Config) loadEnrolment() (enrolment, error) {
	var p enrolment
	var errs []error
	portal, err := url.Parse(strings.TrimSuffix(c.PortalURL, "/"))
	if err != nil || portal.Host == "" || portal.Scheme != "https" && portal.Scheme != "http" {
		errs = append(errs, fmt.Errorf("portal_url: %q is not an address such as https://cameras.example.org", c.PortalURL))
	}
	p.portal = portal
	if p.camera, err = credential.ParseCode(c.CameraID); err != nil {
		errs = append(errs, fmt.Errorf("camera_id: %q is %w; the portal shows it when it adds a camera", c.CameraID, err))
	}
	if p.key, err = credential.LoadSecret(c.DeviceKeyFile); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w; put the key there that the portal gave for this camera", err)
		}
		errs = append(errs, fmt.Errorf("device_key_file: %w", err))
	}
	return p, errors.Join(errs...)
}

func (c *Config) video() source.Video {
	return source.Video{
		Width: c.Video.Width, Height: c.Video.Height, FPS: c.Video.FPS, Bitrate: c.Video.Bitrate,
		KeyFrameInterval: time.Duration(c.Video.KeyFrameInterval),
	}
}
