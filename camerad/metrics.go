package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"seccam/pkg/metrics"
	"seccam/pkg/signaling"
)

var (
	figViewers   = metrics.Gauge("camera_viewers", "Viewers now.")
	figLost      = metrics.Gauge("camera_source_lost", "Whether the source gives no picture and is being restarted.")
	figConnected = metrics.Gauge("camera_broker_connected", "Whether the camera is connected to the broker.")
	figFrames    = metrics.Counter("camera_frames_total", "Pictures that were sent to viewers, or would have been.")
	figKeyFrames = metrics.Counter("camera_key_frames_total", "Key frames among them.")
	figBytes     = metrics.Counter("camera_encoded_bytes_total", "Bytes of these pictures, once for all viewers.")
	figDropped   = metrics.Counter("camera_dropped_frames_total", "Pictures that some viewer was too slow for.")
	figEncoding  = metrics.Counter("camera_encoding_seconds_total", "CPU time spent on encoding.")
)

// serveMetrics serves the camera's figures until ctx ends.
func (c *camera) serveMetrics(ctx context.Context) error {
	return c.metrics.Serve(ctx, append(c.tracer.Figures(), metrics.Collector(c.figures))...)
}

func (c *camera) figures() []prometheus.Metric {
	stats, status := c.engine.Stats(), c.status()
	return []prometheus.Metric{
		figViewers.Is(float64(status.Viewers)), figLost.Is(yes(status.Picture == signaling.PictureLost)),
		figConnected.Is(yes(c.link.client.Connected())),
		figFrames.Is(float64(stats.Frames)), figKeyFrames.Is(float64(stats.KeyFrames)), figBytes.Is(float64(stats.Bytes)),
		figDropped.Is(float64(stats.Dropped)), figEncoding.Is(stats.Encoding.Seconds()),
	}
}

func yes(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
