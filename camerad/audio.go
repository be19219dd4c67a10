package main

import (
	"context"
	"fmt"
	"log/slog"

	"seccam/camerad/media"
	"seccam/camerad/media/sound"
	"seccam/camerad/session"
)

// The values of audio.sound.
const (
	soundAuto       = "auto"       // the source's own sound, if it has any
	soundMicrophone = "microphone" // a microphone of this machine
	soundNone       = "none"
)

// Two values of audio.speaker; any other is a device's name.
const (
	speakerAuto = "auto" // the system's default, if there is a loudspeaker at all
	speakerNone = "none"
)

func (c *Config) validateAudio() error {
	switch c.Audio.Sound {
	case soundAuto, soundMicrophone, soundNone:
		return nil
	}
	return fmt.Errorf("audio.sound: %q is unknown; use %s, %s or %s", c.Audio.Sound, soundAuto, soundMicrophone, soundNone)
}

// microphone returns what opens the microphone; nil if the source's own sound is to be sent.
func (c *Config) microphone() func(context.Context) (media.SoundStream, error) {
	if c.Audio.Sound != soundMicrophone {
		return nil
	}
	return func(context.Context) (media.SoundStream, error) { return sound.OpenMicrophone(c.Audio.Microphone) }
}

// speaker returns what opens the loudspeaker for a talker; nil if there is none.
func (c *Config) speaker(log *slog.Logger) func() (session.Speaker, error) {
	name := c.Audio.Speaker
	switch name {
	case speakerNone:
		return nil
	case speakerAuto:
		name = ""
		if found, err := sound.Speakers(); err != nil || len(found) == 0 {
			log.Debug("no loudspeaker", "error", err)
			return nil
		}
	}
	return func() (session.Speaker, error) {
		speaker, err := sound.OpenSpeaker(name)
		if err != nil {
			return nil, err
		}
		return talker{Talk: sound.NewTalk(speaker), speaker: speaker}, nil
	}
}

// talker is one person's use of the loudspeaker.
type talker struct {
	*sound.Talk
	speaker *sound.Speaker
}

// Close implements session.Speaker.
func (t talker) Close() error { return t.speaker.Close() }
