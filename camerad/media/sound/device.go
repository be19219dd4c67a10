package sound

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gen2brain/malgo"
)

// ErrNoDevice says that there is no such microphone or loudspeaker.
var ErrNoDevice = errors.New("`camerad sources` lists what is there; " +
	"connect one, or if it is connected, add camerad's user to the group audio and start camerad anew")

// Device is a microphone or loudspeaker of this machine.
type Device struct {
	// Name is what its maker calls it.
	Name string
	// Address is ALSA's name for it: hw:1,0 for the first device of the second card, and default for what
	// the system chooses. It may change when cards are connected in another order.
	Address string

	id malgo.DeviceID
}

// Microphones lists the microphones. No microphone is not an error.
func Microphones() ([]Device, error) { return list(malgo.Capture) }

// Speakers lists the loudspeakers. No loudspeaker is not an error.
func Speakers() ([]Device, error) { return list(malgo.Playback) }

// library is the machine's sound library, of which a process has one: its devices may not be opened or
// closed at the same time (miniaudio's ma_device_init), and each context leaks a little, so the first
// is kept.
var library struct {
	sync.Mutex
	context *malgo.AllocatedContext
}

// start opens the library unless it is open. It must be locked.
func start() (malgo.Context, error) {
	if library.context == nil {
		context, err := malgo.InitContext([]malgo.Backend{malgo.BackendAlsa}, malgo.ContextConfig{}, nil)
		if err != nil {
			return malgo.Context{}, fmt.Errorf("no sound: the library ALSA does not start (%w); install libasound2", err)
		}
		library.context = context
	}
	return library.context.Context, nil
}

func list(kind malgo.DeviceType) ([]Device, error) {
	library.Lock()
	defer library.Unlock()
	context, err := start()
	if err != nil {
		return nil, err
	}
	infos, err := context.Devices(kind)
	if err != nil {
		return nil, fmt.Errorf("list %ss: %w; `aplay -L` may say more", noun(kind), err)
	}
	var devices []Device
	for _, info := range infos {
		if d := newDevice(info); !slices.Contains(plugins, d.Address) {
			devices = append(devices, d)
		}
	}
	return devices, nil
}

// plugins are what ALSA lists whether or not there is a sound card: converters, and ways to servers
// which are ALSA's default where they run.
var plugins = []string{
	"", "null", "lavrate", "samplerate", "speexrate", "speex", "upmix", "vdownmix", "jack", "oss", "pulse",
}

func newDevice(info malgo.DeviceInfo) Device {
	address, _, _ := bytes.Cut(info.ID[:], []byte{0})
	d := Device{Name: info.Name(), Address: string(address), id: info.ID}
	if strings.HasPrefix(d.Address, ":") { // miniaudio's way to say dsnoop, dmix or hw, what comes first
		d.Address = "hw" + d.Address
	}
	if d.Name == "" {
		d.Name = d.Address
	}
	return d
}

// choose returns the devices that a person may mean by want, the likeliest first: one of that address
// or name, then those with it in their name. Nothing means the system's default or, since that is often
// a card that cannot do it, the first device that works.
func choose(kind malgo.DeviceType, devices []Device, want string) ([]Device, error) {
	if len(devices) == 0 {
		return nil, fmt.Errorf("there is no %s: %w", noun(kind), ErrNoDevice)
	}
	if want == "" {
		others := slices.DeleteFunc(devices, func(d Device) bool { return d.Address == "default" })
		return append([]Device{systemDefault}, others...), nil
	}
	var exact, part []Device
	for _, d := range devices {
		switch {
		case strings.EqualFold(d.Address, want), strings.EqualFold(d.Name, want):
			exact = append(exact, d)
		case strings.Contains(strings.ToLower(d.Name), strings.ToLower(want)):
			part = append(part, d)
		}
	}
	if len(exact)+len(part) == 0 {
		return nil, fmt.Errorf("there is no %s %q: %w", noun(kind), want, ErrNoDevice)
	}
	return append(exact, part...), nil
}

var systemDefault = Device{Name: "system's default"}

func noun(kind malgo.DeviceType) string {
	if kind == malgo.Capture {
		return "microphone"
	}
	return "loudspeaker"
}
