package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"seccam/camerad/media/source"
	"seccam/pkg/credential"
)

// The kinds of source: what is before the colon of the source key.
const (
	sourceAuto        = "auto"
	sourceTestPattern = "testpattern"
	sourceV4L2        = "v4l2"
	sourceRPiCam      = "rpicam"
	sourceRTSP        = "rtsp"
	sourceRTSPS       = "rtsps"
	sourceExec        = "exec"
	sourceFile        = "file"
)

// sourceForms is how each is written, for errors.
const sourceForms = "auto, testpattern, v4l2, v4l2:/dev/video0, rpicam, rtsp://host/path, exec:command arguments, or file:path"

// splitSource splits the source key at its first colon. An RTSP address keeps all of it.
func (c *Config) splitSource() (kind, rest string) {
	kind, rest, _ = strings.Cut(c.Source, ":")
	if kind == sourceRTSP || kind == sourceRTSPS {
		rest = c.Source
	}
	return kind, strings.TrimSpace(rest)
}

func (c *Config) validateSource() error {
	kind, rest := c.splitSource()
	switch kind {
	case sourceAuto, sourceTestPattern, sourceRPiCam:
		if rest != "" {
			return fmt.Errorf("source: %s takes nothing after a colon", kind)
		}
	case sourceV4L2:
	case sourceExec, sourceFile:
		if rest == "" {
			return fmt.Errorf("source: %s: is followed by nothing; write %s", kind, sourceForms)
		}
	case sourceRTSP, sourceRTSPS:
		if err := source.CheckRTSP(rest); err != nil {
			return fmt.Errorf("source: %w; see rtsp_login_file", err)
		}
	default:
		return fmt.Errorf("source: %q is unknown; use %s", c.Source, sourceForms)
	}
	return nil
}

func (c *Config) validateV4L2Format() error {
	formats := []source.CameraFormat{source.FormatAuto, source.FormatRaw, source.FormatMJPEG, source.FormatH264}
	if !slices.Contains(formats, source.CameraFormat(c.V4L2Format)) {
		return fmt.Errorf("v4l2_format: %q is unknown; use auto, raw, mjpeg or h264", c.V4L2Format)
	}
	return nil
}

// openSource turns the source key into a source. What auto means is decided here, once.
func (c *Config) openSource(ctx context.Context, log *slog.Logger) (source.Source, error) {
	kind, rest := c.splitSource()
	switch kind {
	case sourceTestPattern:
		return source.TestPattern(), nil
	case sourceRPiCam:
		return piCamera(log), nil
	case sourceExec:
		return source.Exec(strings.Fields(rest), log), nil
	case sourceFile:
		return source.File(filepath.Clean(rest), log), nil
	case sourceRTSP, sourceRTSPS:
		user, password, err := c.rtspLogin()
		return source.RTSP(rest, user, password, log), err
	case sourceAuto:
		return c.foundSource(ctx, log), nil
	}
	return source.Camera(rest, source.CameraFormat(c.V4L2Format)), nil
}

// piCamera is the first of a Pi's own cameras.
func piCamera(log *slog.Logger) source.Source { return source.RPiCam(0, "/", log) }

// foundSource prefers a Pi's own camera to one on a cable, and any to the test pattern.
func (c *Config) foundSource(ctx context.Context, log *slog.Logger) source.Source {
	switch {
	case source.RPiCamPresent(ctx, log):
		return piCamera(log)
	case slices.ContainsFunc(source.Devices(), source.Device.Usable):
		return source.Camera("", source.CameraFormat(c.V4L2Format))
	default:
		log.Info("no camera found: showing the test pattern")
		return source.TestPattern()
	}
}

// rtspLogin reads user name and password of a network camera.
func (c *Config) rtspLogin() (user, password string, err error) {
	if c.RTSPLoginFile == "" {
		return "", "", nil
	}
	text, err := credential.ReadPrivateFile(c.RTSPLoginFile)
	if err != nil {
		return "", "", configError{fmt.Errorf("rtsp_login_file: %w", err)}
	}
	user, password, found := strings.Cut(strings.TrimRight(text, "\r\n"), ":")
	if !found {
		return "", "", configError{fmt.Errorf("rtsp_login_file: %s does not hold user:password", c.RTSPLoginFile)}
	}
	return user, password, nil
}
