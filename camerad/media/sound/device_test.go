package sound

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gen2brain/malgo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChoose(t *testing.T) {
	usb, hdmi, hdmi2 := Device{Name: "USB PnP Sound Device, USB Audio", Address: "hw:1,0"},
		Device{Name: "HDMI", Address: "hw:0,3"}, Device{Name: "HDMI 2", Address: "hw:0,7"}
	system := Device{Name: "Default Audio Device", Address: "default"}
	all := func() []Device { return []Device{system, usb, hdmi2, hdmi} }
	for want, expected := range map[string][]Device{
		"":        {systemDefault, usb, hdmi2, hdmi},
		"usb":     {usb},
		"hw:1,0":  {usb},
		"hdmi":    {hdmi, hdmi2},
		"default": {system},
		"HDMI 2":  {hdmi2},
	} {
		got, err := choose(malgo.Playback, all(), want)
		require.NoError(t, err)
		assert.Equal(t, expected, got, "%q", want)
	}
	_, err := choose(malgo.Capture, all(), "hw:9,9")
	require.ErrorIs(t, err, ErrNoDevice)
	assert.ErrorContains(t, err, `there is no microphone "hw:9,9"`)
}

func TestWithoutSoundCards(t *testing.T) {
	var config strings.Builder
	for _, name := range plugins[1:] {
		fmt.Fprintf(&config, "pcm.%s { type null hint { show on description \"No sound card\" } }\n", name)
	}
	useALSA(t, config.String())
	for _, list := range []func() ([]Device, error){Microphones, Speakers} {
		devices, err := list()
		require.NoError(t, err)
		assert.Empty(t, devices)
	}
	for _, name := range []string{"", "default", "usb", "null"} {
		_, err := OpenMicrophone(name)
		require.ErrorIs(t, err, ErrNoDevice)
		assert.ErrorContains(t, err, "`camerad sources`")
		assert.ErrorContains(t, err, "group audio")
		_, err = OpenSpeaker(name)
		require.ErrorIs(t, err, ErrNoDevice)
		assert.ErrorContains(t, err, "there is no loudspeaker")
	}
}

func TestDevicesAreListedByName(t *testing.T) {
	newCard(t, map[string]string{"default": mono, "usb": wide})
	for _, list := range []func() ([]Device, error){Microphones, Speakers} {
		devices, err := list()
		require.NoError(t, err)
		names := map[string]string{}
		for _, d := range devices {
			names[d.Address] = d.Name
		}
		assert.Equal(t, map[string]string{"default": "Mono card", "usb": "Wide card, USB Audio"}, names)
	}
}

func TestDeviceInUse(t *testing.T) {
	card := newCard(t, map[string]string{"default": mono})
	card.set("busy")
	_, err := OpenMicrophone("mono")
	require.Error(t, err)
	assert.ErrorContains(t, err, "another program uses it")
	_, err = OpenSpeaker("mono")
	assert.ErrorContains(t, err, `open the loudspeaker "Mono card"`)
	card.unset("busy")
	m, err := OpenMicrophone("mono")
	require.NoError(t, err)
	require.NoError(t, m.Close())
}
