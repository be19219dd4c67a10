package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"seccam/camerad/desired"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// comeUp is how long the source may take to give a picture as it was set from afar.
const comeUp = 12 * time.Second

// with returns the configuration with values that were set from afar. They were checked one by one; whether
// all go together Validate says.
func (c Config) with(values map[string]any) (Config, error) {
	for name, value := range values {
		switch name {
		case "video.width":
			c.Video.Width = whole(value)
		case "video.height":
			c.Video.Height = whole(value)
		case "video.fps":
			c.Video.FPS = whole(value)
		case "video.bitrate":
			c.Video.Bitrate = whole(value)
		case "video.key_frame_interval":
			c.Video.KeyFrameInterval = duration(value)
		case "max_viewers":
			c.MaxViewers = whole(value)
		case "telemetry_interval":
			c.TelemetryInterval = duration(value)
		case "log_level":
			c.LogLevel, _ = value.(string)
		default:
			return c, fmt.Errorf("%s cannot be set from afar", name)
		}
	}
	return c, c.Validate()
}

func whole(value any) int {
	number, _ := value.(float64)
	return int(number)
}

func duration(value any) Duration {
	text, _ := value.(string)
	d, _ := time.ParseDuration(text) // what is none is refused by Validate
	return Duration(d)
}

// values are those that can be set from afar, as they are.
func (c Config) values() map[string]any {
	return map[string]any{
		"video.width": float64(c.Video.Width), "video.height": float64(c.Video.Height), "video.fps": float64(c.Video.FPS),
		"video.bitrate": float64(c.Video.Bitrate), "video.key_frame_interval": time.Duration(c.Video.KeyFrameInterval).String(),
		"max_viewers": float64(c.MaxViewers), "telemetry_interval": time.Duration(c.TelemetryInterval).String(), "log_level": c.LogLevel,
	}
}

// adjustable is the configuration that is in effect, and what it goes back to.
type adjustable struct {
	file   Config // as the file and the environment have it
	level  *slog.LevelVar
	keeper *desired.Keeper

	mu  sync.Mutex
	now Config
}

// openDesired reads what was set from afar and has it in effect from the start.
func (c *camera) openDesired(cfg Config, level *slog.LevelVar) Config {
	c.adjust = &adjustable{file: cfg, level: level, now: cfg}
	c.adjust.keeper = desired.Open(desired.Config{
		Folder: cfg.StateDir, Apply: c.applyDesired, Effective: func() map[string]any { return c.adjust.current().values() },
		Report: c.reportConfig, Now: c.portal.now, Log: c.log,
	})
	set, err := cfg.with(c.adjust.keeper.Set())
	if err != nil {
		c.adjust.keeper.Discard(err)
		return cfg
	}
	c.adjust.put(set)
	return set
}

func (a *adjustable) current() Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// put has what needs no trying in effect.
func (a *adjustable) put(cfg Config) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = cfg
	_ = a.level.UnmarshalText([]byte(cfg.LogLevel)) // validated
}

// applyDesired puts values into effect beside the file's. The picture is what may fail, so it is tried first.
func (c *camera) applyDesired(ctx context.Context, values map[string]any) error {
	cfg, err := c.adjust.file.with(values)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, comeUp)
	defer cancel()
	if err := c.engine.SetVideo(ctx, cfg.video()); err != nil {
		return desired.Reasons{"video": fmt.Sprintf("The source gave no picture so within %v, and is as it was: %v", comeUp, err)}
	}
	c.manager.SetMaxViewers(cfg.MaxViewers)
	c.adjust.put(cfg)
	return nil
}

// reportConfig publishes how the camera is set, and tells of it once it is decided.
func (c *camera) reportConfig(r signaling.ConfigReported) {
	c.link.queue(c.configMessage(r))
	switch {
	case r.Trying != 0:
	case r.Refused != nil:
		c.event(signaling.EventConfig, fmt.Sprintf("configuration %d refused: %s", r.Refused.Revision, desired.Reasons(r.Refused.Reasons)))
	default:
		c.event(signaling.EventConfig, fmt.Sprintf("configuration %d applied", r.Revision))
	}
}

// reportOnce reports on a new connection: a portal that knows of a newer configuration publishes it then. A
// portal that is older refuses it, which is no harm.
func (c *camera) reportOnce(ctx context.Context) {
	if err := c.link.client.Publish(ctx, c.configMessage(c.adjust.keeper.Reported())); err != nil && ctx.Err() == nil {
		c.log.Info("configuration not reported", "error", err)
	}
}

func (c *camera) configMessage(r signaling.ConfigReported) mqttclient.Message {
	payload, err := json.Marshal(r)
	if err != nil {
		panic("camerad: numbers and words can be marshalled: " + err.Error())
	}
	return mqttclient.Message{Topic: signaling.ConfigReportedTopic(c.portal.camera), Payload: payload, QoS: 1, Retain: true}
}
