package main

import (
	"crypto/rand"
	"testing"
	"time"

	"aead.dev/minisign"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

func TestUpdateConfiguration(t *testing.T) {
	public, _, err := minisign.GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := defaultConfig().Update
	require.NoError(t, good.validate(), "off")
	good.URL, good.PublicKey = "https://releases.example.org/seccam", public.String()
	require.NoError(t, good.validate())
	for word, spoil := range map[string]func(*UpdateConfig){
		"update.url:":        func(u *UpdateConfig) { u.URL = "http://releases.example.org" },
		"update.public_key:": func(u *UpdateConfig) { u.PublicKey = "RWQ" },
		"update.channel:":    func(u *UpdateConfig) { u.Channel = "../beta" },
		"update.window:":     func(u *UpdateConfig) { u.Window = "2-5" },
		"update.trial:":      func(u *UpdateConfig) { u.Trial = Duration(time.Second) },
	} {
		bad := good
		spoil(&bad)
		assert.ErrorContains(t, bad.validate(), word)
	}
	good.URL = "http://127.0.0.1:8080"
	assert.NoError(t, good.validate(), "on this machine")
}

func TestUpdateWindow(t *testing.T) {
	at := func(clock string) time.Time {
		parsed, err := time.Parse("15:04", clock)
		require.NoError(t, err)
		return parsed
	}
	for window, hours := range map[string]map[string]bool{
		"":            {"00:00": true, "13:00": true},
		"02:00-05:00": {"01:59": false, "02:00": true, "04:59": true, "05:00": false},
		"23:00-01:30": {"22:59": false, "23:00": true, "00:00": true, "01:29": true, "01:30": false},
	} {
		for clock, open := range hours {
			assert.Equal(t, open, UpdateConfig{Window: window}.open(at(clock)), "%s at %s", window, clock)
		}
	}
}

func TestWatchdogFollowsFrames(t *testing.T) {
	var p progress
	for i, tc := range []struct {
		picture signaling.Picture
		frames  uint64
		want    bool
	}{
		{signaling.PictureResting, 0, true}, {signaling.PictureLive, 0, true}, {signaling.PictureLive, 30, true}, {signaling.PictureLive, 30, false},
		{signaling.PictureLive, 31, true}, {signaling.PictureLost, 31, true}, {signaling.PictureLost, 31, true}, {signaling.PictureLive, 31, true},
		{signaling.PictureLive, 31, false}, {signaling.PicturePrivate, 31, true},
	} {
		assert.Equal(t, tc.want, p.goesOn(tc.picture, tc.frames), i)
	}
}
