package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// telemetryGap is the least time between two publications: what changes together is told together.
const telemetryGap = 2 * time.Second

// telemetryExpiry is how long the broker may keep measurements.
const telemetryExpiry = 30 * time.Second

// sendTelemetry publishes measurements at the interval and after each change, until ctx ends.
func (c *camera) sendTelemetry(ctx context.Context) {
	interval := func() time.Duration { return time.Duration(c.adjust.current().TelemetryInterval) }
	due := time.NewTimer(interval())
	defer due.Stop()
	last, at := c.engine.Stats(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.measured:
			if since := time.Since(at); since < telemetryGap {
				due.Reset(telemetryGap - since)
				continue
			}
		case <-due.C:
		}
		stats, now := c.engine.Stats(), time.Now()
		c.publishTelemetry(ctx, c.measure(last, stats, now.Sub(at)))
		last, at = stats, now
		due.Reset(interval())
	}
}

func (c *camera) publishTelemetry(ctx context.Context, t signaling.Telemetry) {
	payload, err := json.Marshal(t)
	if err != nil {
		c.log.Error("telemetry", "error", err)
		return
	}
	m := mqttclient.Message{Topic: signaling.TelemetryTopic(c.portal.camera), Payload: payload, Expiry: telemetryExpiry}
	if err := c.link.client.Publish(ctx, m); err != nil {
		c.log.Debug("telemetry not sent", "error", err)
	}
}

func (c *camera) measure(last, now media.Stats, elapsed time.Duration) signaling.Telemetry {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	status := c.status()
	return signaling.Telemetry{
		V: signaling.Version, At: status.At, Version: status.Version,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Uptime: c.uptime(), Source: status.Source, Picture: status.Picture,
		Width: now.Rate.Width, Height: now.Rate.Height,
		FPS:       rounded(float64(now.Frames-last.Frames)/elapsed.Seconds(), 10),
		Bitrate:   rounded(float64((now.Bytes-last.Bytes)*8)/elapsed.Seconds(), 1),
		Encoding:  rounded((now.Encoding-last.Encoding).Seconds()/elapsed.Seconds(), 1000),
		KeyFrames: now.KeyFrames, Dropped: now.Dropped, Viewers: status.Viewers, Connections: c.manager.Connections(),
		Memory: memory.Sys, Temperature: temperature(),
	}
}

// rounded leaves what a person reads: parts of one, so many of them.
func rounded(value, parts float64) float64 { return math.Round(value*parts) / parts }

// uptime is in seconds since camerad started.
func (c *camera) uptime() int64 { return int64(time.Since(c.started).Seconds()) }

// temperature reads the first thermal zone, which is the processor on a Raspberry Pi.
func temperature() float64 {
	data, err := os.ReadFile("/sys/class/thermal/thermal_zone0/temp")
	if err != nil {
		return 0
	}
	milli, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return float64(milli) / 1000
}
