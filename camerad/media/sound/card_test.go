package sound

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the microphone of a testCard hears.
const (
	cardHertz = 1000
	cardLoud  = 8192
)

// testCard is a sound card of this test: ALSA as it is, with a plugin for the card (testdata/card.c).
type testCard struct {
	t      *testing.T
	folder string
}

var cardFolder string

// buildCard compiles the plugin, once.
var buildCard = sync.OnceValues(func() (library string, err error) {
	if cardFolder, err = os.MkdirTemp("", "sound-card"); err != nil {
		return "", err
	}
	library = filepath.Join(cardFolder, "libcard.so")
	out, err := exec.Command("gcc", "-DPIC", "-fPIC", "-shared", "-O1", "-Wall", "-o", library, "testdata/card.c", "-lasound", "-lm").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return library, nil
})

// newCard makes cards ALSA's only ones. Each is the inside of an ALSA definition, "default" among them.
func newCard(t *testing.T, cards map[string]string) testCard {
	t.Helper()
	library, err := buildCard()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no test card: %v", err)
		}
		t.Skipf("no test card, apt-get install gcc libasound2-dev: %v", err)
	}
	c := testCard{t: t, folder: t.TempDir()}
	config := fmt.Sprintf("pcm_type.seccam_card { lib %q }\n", library)
	for name, definition := range cards {
		config += fmt.Sprintf("pcm.!%s { type seccam_card folder %q %s }\n", name, c.folder, definition)
	}
	useALSA(t, config)
	return c
}

// useALSA replaces ALSA's configuration, which ALSA reads again when it has changed.
func useALSA(t *testing.T, config string) {
	path := filepath.Join(t.TempDir(), "asound.conf")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	t.Setenv("ALSA_CONFIG_PATH", path)
}

// set gives the card a state: unplugged, stalled or busy.
func (c testCard) set(state string) {
	require.NoError(c.t, os.WriteFile(filepath.Join(c.folder, state), nil, 0o600))
}

func (c testCard) unset(state string) {
	require.NoError(c.t, os.Remove(filepath.Join(c.folder, state)))
}

// played returns the samples that the card has been given, all channels.
func (c testCard) played() []int16 {
	data, err := os.ReadFile(filepath.Join(c.folder, "played"))
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(c.t, err)
	}
	samples := make([]int16, len(data)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return samples
}

const mono = `hint { show on description "Mono card" }`

// wide is a card that knows neither our rate nor our format.
const wide = `rate 44100 channels 2 format "S32_LE" hint { show on description "Wide card, USB Audio" }`
