package doctor

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"seccam/pkg/signaling"
)

// examineDevice runs the checks of a device and returns what they found, by name.
func examineDevice(t *testing.T, d Device) map[string]signaling.Check {
	t.Helper()
	if d.StateDir == "" {
		d.StateDir = t.TempDir()
	}
	if d.Addresses == nil {
		d.Addresses = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.0.2.7")} }
	}
	if d.StatFS == nil {
		d.StatFS = StatFS
	}
	if d.Root == "" {
		d.Root = t.TempDir()
	}
	found := map[string]signaling.Check{}
	Run(t.Context(), d.Checks(), func(c signaling.Check) { found[c.Name] = c })
	return found
}

func TestDeviceThatIsWell(t *testing.T) {
	key := filepath.Join(t.TempDir(), "device.key")
	require.NoError(t, os.WriteFile(key, nil, 0o600))
	folder := t.TempDir()
	found := examineDevice(t, Device{StateDir: folder, Private: []string{key, key + ".missing"}})
	require1(t, found[CheckNetwork], signaling.CheckOK, "192.0.2.7")
	require1(t, found[CheckDisk], signaling.CheckOK, "MiB free")
	require1(t, found[CheckFiles], signaling.CheckOK, "1 private files")
	require1(t, found[CheckHardware], signaling.CheckSkipped, "neither")
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left of the attempt")
}

func TestNoNetwork(t *testing.T) {
	none := func() []netip.Addr { return nil }
	require1(t, examineDevice(t, Device{Addresses: none})[CheckNetwork], signaling.CheckWarn, "no address")
}

func TestDiskThatIsFull(t *testing.T) {
	for words, tc := range map[string]struct {
		space  Space
		err    error
		result signaling.CheckResult
	}{
		"the disk is full: 3 MiB": {Space{Bytes: 3 << 20, Files: 9}, nil, signaling.CheckFail},
		"no more files":           {Space{Bytes: 1 << 30}, nil, signaling.CheckFail},
		"99 MiB free":             {Space{Bytes: 99 << 20, Files: 9}, nil, signaling.CheckWarn},
		"1024 MiB free":           {Space{Bytes: 1 << 30, NoFiles: true}, nil, signaling.CheckOK},
		"cannot be looked at":     {Space{}, errors.New("input/output error"), signaling.CheckFail},
		"on Linux only":           {Space{}, errors.ErrUnsupported, signaling.CheckSkipped},
	} {
		found := examineDevice(t, Device{StatFS: func(string) (Space, error) { return tc.space, tc.err }})
		require1(t, found[CheckDisk], tc.result, words)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	require1(t, examineDevice(t, Device{StateDir: missing})[CheckDisk], signaling.CheckWarn, "there is no folder")
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	require1(t, examineDevice(t, Device{StateDir: plain})[CheckDisk], signaling.CheckFail, "nothing can be written")
}

func TestFileThatOthersRead(t *testing.T) {
	key := filepath.Join(t.TempDir(), "device.key")
	require.NoError(t, os.WriteFile(key, nil, 0o640))
	require.NoError(t, os.Chmod(key, 0o640))
	found := examineDevice(t, Device{Private: []string{key}})
	require1(t, found[CheckFiles], signaling.CheckFail, "others can read "+key)
	require.Equal(t, "chmod 600 "+key, found[CheckFiles].Next)
	plain := filepath.Join(key, "below-a-file")
	require1(t, examineDevice(t, Device{Private: []string{plain}})[CheckFiles], signaling.CheckFail, "not a directory")
}

func TestBoardOfAPi(t *testing.T) {
	board := func(temperature, alarm string) string {
		root := t.TempDir()
		for name, text := range map[string]string{
			"proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\x00", "sys/class/thermal/thermal_zone0/temp": temperature + "\n",
			"sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm + "\n",
		} {
			path := filepath.Join(root, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		}
		return root
	}
	for _, tc := range []struct {
		temperature, alarm string
		result             signaling.CheckResult
		words              string
	}{
		{"48300", "0", signaling.CheckOK, "Raspberry Pi 4 Model B Rev 1.4, power supply well, 48 °C"},
		{"48300", "1", signaling.CheckFail, "voltage is too low"},
		{"76000", "0", signaling.CheckWarn, "76 °C"},
		{"86000", "0", signaling.CheckFail, "slows down"},
	} {
		require1(t, examineDevice(t, Device{Root: board(tc.temperature, tc.alarm)})[CheckHardware], tc.result, tc.words)
	}
}
