package main

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"seccam/camerad/media"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

// telemetryInterval is how often measurements are published.
const telemetryInterval = 30 * time.Second

// telemetry is one publication on the telemetry topic.
type telemetry struct {
	V           int               `json:"v"`
	At          int64             `json:"at"` // Unix milliseconds by the portal's clock
	Version     string            `json:"version"`
	Go          string            `json:"go"`
	System      string            `json:"system"` // operating system and architecture
	Uptime      int64             `json:"uptime"` // seconds since camerad started
	Source      string            `json:"source"`
	Picture     signaling.Picture `json:"picture"`
	Width       int               `json:"width"`
	Height      int               `json:"height"`
	FPS         float64           `json:"fps"`         // measured since the last publication
	Bitrate     float64           `json:"bitrate"`     // bit/s, measured likewise, of one viewer
	KeyFrames   uint64            `json:"key_frames"`  // since the start
	Dropped     uint64            `json:"dropped"`     // pictures that a viewer was too slow for, since the start
	Encoding    float64           `json:"encoding"`    // share of a core that encoding takes, measured likewise
	Viewers     int               `json:"viewers"`     //
	Memory      uint64            `json:"memory"`      // bytes that Go got from the system
	Temperature float64           `json:"temperature"` // of the processor in °C; 0 if unknown
}

func (c *camera) sendTelemetry(ctx context.Context) {
	ticker := time.NewTicker(telemetryInterval)
	defer ticker.Stop()
	last, at := c.engine.Stats(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		stats, now := c.engine.Stats(), time.Now()
		payload, err := json.Marshal(c.measure(last, stats, now.Sub(at)))
		last, at = stats, now
		if err != nil {
			c.log.Error("telemetry", "error", err)
			continue
		}
		m := mqttclient.Message{Topic: signaling.TelemetryTopic(c.portal.camera), Payload: payload, Expiry: telemetryInterval}
		if err := c.link.client.Publish(ctx, m); err != nil {
			c.log.Debug("telemetry not sent", "error", err)
		}
	}
}

func (c *camera) measure(last, now media.Stats, elapsed time.Duration) telemetry {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	status := c.status()
	return telemetry{
		V: signaling.Version, At: status.At, Version: status.Version,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Uptime: int64(time.Since(c.started).Seconds()), Source: status.Source, Picture: status.Picture,
		Width: now.Rate.Width, Height: now.Rate.Height,
		FPS:       float64(now.Frames-last.Frames) / elapsed.Seconds(),
		Bitrate:   float64((now.Bytes-last.Bytes)*8) / elapsed.Seconds(),
		Encoding:  (now.Encoding - last.Encoding).Seconds() / elapsed.Seconds(),
		KeyFrames: now.KeyFrames, Dropped: now.Dropped, Viewers: status.Viewers,
		Memory: memory.Sys, Temperature: temperature(),
	}
}

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
