package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"seccam/camerad/desired"
	"seccam/camerad/media"
	"seccam/camerad/media/source"
	"seccam/pkg/credential"
	"seccam/pkg/signaling"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every key that can be set from afar is one of the configuration, and is in effect when it is set.
func TestConfigurationWithValuesFromAfar(t *testing.T) {
	set := map[string]any{
		"video.width": 640.0, "video.height": 360.0, "video.fps": 15.0, "video.bitrate": 500_000.0, "video.key_frame_interval": "2s",
		"max_viewers": 3.0, "telemetry_interval": "10s", "log_level": "debug",
	}
	require.Len(t, set, len(signaling.ConfigKeys))
	require.Empty(t, signaling.CheckConfig(set))
	cfg, err := defaultConfig().with(set)
	require.NoError(t, err)
	require.Equal(t, set, cfg.values())
	require.Empty(t, signaling.CheckConfig(defaultConfig().values()))
	require.Equal(t, "/etc/seccam/device.key", cfg.DeviceKeyFile, "the rest is as it was")
	_, err = defaultConfig().with(map[string]any{"source": "exec:sh"})
	require.ErrorContains(t, err, "source")
}

// reports hears how a camera is set.
func reports(t *testing.T, broker *mqtt.Server, camera string) <-chan signaling.ConfigReported {
	heard := make(chan signaling.ConfigReported, 64)
	require.NoError(t, broker.Subscribe(signaling.ConfigReportedTopic(camera), 21, func(_ *mqtt.Client, _ packets.Subscription, p packets.Packet) {
		reported, err := signaling.DecodeConfigReported(p.Payload)
		assert.NoError(t, err)
		heard <- reported
	}))
	return heard
}

func awaitReport(t *testing.T, heard <-chan signaling.ConfigReported, decided uint64) signaling.ConfigReported {
	t.Helper()
	for {
		if r := next(t, "report", heard); r.Latest() == decided && r.Trying == 0 {
			return r
		}
	}
}

func TestCameraIsSetFromAfar(t *testing.T) {
	broker, address := startBroker(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	portal := newFakePortal(t, "mqtt://:"+port)
	camera := credential.NewCode()
	heard := reports(t, broker, camera)
	a := newAsker(t, broker, camera)
	desire := func(revision uint64, values string) {
		payload := fmt.Appendf(nil, `{"v":1,"revision":%d,"values":%s}`, revision, values)
		require.NoError(t, broker.Publish(signaling.ConfigDesiredTopic(camera), payload, true, 1))
	}
	first := uint64(time.Now().UnixMicro())
	desire(first, `{"video.width":160,"video.height":90,"max_viewers":3,"log_level":"debug"}`) // before it is there
	config := portal.writeConfig(t, camera)
	daemon := startProgram("run", "--config", config)
	defer daemon.stop()
	applied := awaitReport(t, heard, first)
	require.Equal(t, 160.0, applied.Values["video.width"])
	require.Equal(t, 30.0, applied.Values["video.fps"], "the rest is as the file says")
	require.Contains(t, a.awaitEvent(signaling.EventConfig).Text, "applied")
	var info signaling.InfoReply
	a.ask(signaling.MethodInfo, `{"v":1}`, &info)
	require.Equal(t, 160, info.Width)
	require.Equal(t, 3, info.MaxViewers)

	desire(first+1, `{"video.width":320,"portal_url":"https://evil.example"}`)
	refused := awaitReport(t, heard, first+1)
	require.Equal(t, first, refused.Revision)
	require.Contains(t, refused.Refused.Reasons, "portal_url")
	require.Contains(t, a.awaitEvent(signaling.EventConfig).Text, "refused")
	require.Equal(t, 160.0, refused.Values["video.width"], "never half")

	var reported signaling.ConfigReported
	second := uint64(time.Now().UnixMicro())
	a.ask(signaling.MethodConfig, fmt.Sprintf(`{"v":1,"seq":%d,"values":{"video.fps":15}}`, second), &reported)
	require.Equal(t, second, reported.Revision)
	require.Equal(t, 320.0, reported.Values["video.width"], "what is not set any more is as the file says")
	daemon.stop()
	require.NoError(t, next(t, "end", daemon.ended))

	portal.server.Close() // nobody can be reached: what was set holds
	cfg, err := loadConfig(config, nil)
	require.NoError(t, err)
	again := startProgram("run", "--config", config)
	again.stop()
	require.NoError(t, next(t, "end", again.ended))
	require.FileExists(t, cfg.StateDir+"/config.json")
	require.NotContains(t, again.logs.String(), "left out")
}

// A picture that the source does not give is taken back, and nothing of the rest is put into effect.
func TestPictureThatDoesNotComeIsTakenBack(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	cfg := defaultConfig()
	engine := media.NewEngine(media.Config{Source: source.Exec([]string{"false"}, log), Video: cfg.video(), Log: log})
	life, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(life) }()
	defer func() { end(); <-ended }()
	c := &camera{log: log, engine: engine, adjust: &adjustable{file: cfg, level: new(slog.LevelVar), now: cfg}}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // less than it has else
	defer cancel()
	err := c.applyDesired(ctx, map[string]any{"video.fps": 15.0, "log_level": "debug", "max_viewers": 1.0})
	var reasons desired.Reasons
	require.ErrorAs(t, err, &reasons)
	require.Contains(t, reasons["video"], "gave no picture")
	require.Equal(t, cfg, c.adjust.current())
	require.Equal(t, slog.LevelInfo, c.adjust.level.Level())
	require.Equal(t, cfg.Video.FPS, engine.Stats().Rate.FPS)
}
