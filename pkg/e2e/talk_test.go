package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soundCard makes a card of the test's own ALSA's only one, for the programs that are started from now
// on. It returns the file that what is played goes to.
func soundCard(t *testing.T) (played string) {
	t.Helper()
	folder := t.TempDir()
	library := filepath.Join(folder, "libcard.so")
	source := filepath.Join(root, "camerad", "media", "sound", "testdata", "card.c")
	output, err := exec.Command("gcc", "-DPIC", "-fPIC", "-shared", "-O1", "-o", library, source, "-lasound", "-lm").CombinedOutput()
	require.NoError(t, err, "%s; see .ci/deps test", output)
	config := fmt.Sprintf("pcm_type.seccam_card { lib %q }\npcm.!default { type seccam_card folder %q hint { show on description \"Test card\" } }\n", library, folder)
	path := filepath.Join(folder, "asound.conf")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o600))
	t.Setenv("ALSA_CONFIG_PATH", path)
	return filepath.Join(folder, "played")
}

// loudest is the loudest sample in a file of 16-bit samples; 0 if there is none.
func loudest(file string) (peak int) {
	data, _ := os.ReadFile(file) // the speaker is opened by the first talker
	for ; len(data) >= 2; data = data[2:] {
		peak = max(peak, int(int16(binary.LittleEndian.Uint16(data))))
	}
	return peak
}

// A person holds Talk, and the camera's loudspeaker plays what their microphone hears; meanwhile another
// one is told that somebody talks. The microphone is Chromium's, which beeps.
func TestTalk(t *testing.T) {
	played := soundCard(t)
	_, c, person := newHouseholdWith(t, "testpattern", videoConfig+"audio:\n  speaker: default\n")
	first, second := newPage(t), newPage(t)
	for _, p := range []*page{first, second} {
		p.openAs(person, "/cameras/"+c.id)
		p.await(isLive + ` && !document.querySelector('#talk').hidden`)
	}
	require.Zero(t, loudest(played), "nobody talks")
	const key = `document.dispatchEvent(new KeyboardEvent('%s', { key: 't', bubbles: true }))`
	eval[bool](first, fmt.Sprintf(key, "keydown"))
	first.await(`document.querySelector('#talk').dataset.phase === 'talking'`)
	eval[bool](second, fmt.Sprintf(key, "keydown"))
	second.await(`document.body.innerText.includes('omeone else is talking')`)
	eval[bool](second, fmt.Sprintf(key, "keyup"))
	require.Eventually(t, func() bool { return loudest(played) > 1000 }, patience, 50*time.Millisecond, "the beep is heard at the camera")
	first.screenshot("talking")
	eval[bool](first, fmt.Sprintf(key, "keyup"))
	first.await(`document.querySelector('#talk').dataset.phase === 'idle'`)
	// The turn is free a moment later; until then it is refused.
	second.await(`document.querySelector('#talk').dataset.phase === 'talking' ||
		document.querySelector('#talk').dataset.phase === 'idle' && ` + fmt.Sprintf(key, "keydown") + ` && false`)
}
