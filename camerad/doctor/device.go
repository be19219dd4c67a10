package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Names of the checks of the device.
const (
	CheckNetwork  = "network"
	CheckDisk     = "disk"
	CheckFiles    = "files"
	CheckHardware = "hardware"
)

// Bounds of the checks of the device. Free space is that of the state folder, in bytes; camerad writes a few
// KiB now and then.
const (
	deviceTimeout = 2 * time.Second
	diskWarn      = 100 << 20
	diskFail      = 4 << 20
	hot           = 75.0 // °C; a Raspberry Pi slows down at 80
	tooHot        = 85.0
)

// Space is what is free on a filesystem.
type Space struct {
	Bytes, Files uint64
	// NoFiles says that the filesystem does not count files.
	NoFiles bool
}

// Device is the device that is checked.
type Device struct {
	StateDir  string
	Private   []string // files that only their owner may read; one that is missing is left out
	Addresses func() []netip.Addr
	StatFS    func(folder string) (Space, error)
	Root      string // where /sys and /proc are; "/"
}

// Checks are of the network, the disk, the files and, on boards that tell, temperature and power supply.
func (d *Device) Checks() []Check {
	return []Check{
		{Name: CheckNetwork, Timeout: deviceTimeout, Look: d.checkNetwork},
		{Name: CheckDisk, Timeout: deviceTimeout, Look: d.checkDisk},
		{Name: CheckFiles, Timeout: deviceTimeout, Look: d.checkFiles},
		{Name: CheckHardware, Timeout: deviceTimeout, Look: d.checkHardware},
	}
}

func (d *Device) checkNetwork(context.Context) Finding {
	var all []string
	for _, address := range d.Addresses() {
		all = append(all, address.String())
	}
	if len(all) == 0 {
		return Warn("Plug in the network cable, or join the Wi-Fi.", "this device has no address by which others reach it")
	}
	return OK("%s", strings.Join(all, ", "))
}

func (d *Device) checkDisk(context.Context) Finding {
	space, err := d.StatFS(d.StateDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Warn("It is made when camerad starts.", "there is no folder %s yet", d.StateDir)
	case errors.Is(err, errors.ErrUnsupported):
		return Skipped("because free space is known on Linux only")
	case err != nil:
		return Fail("Check the disk or SD card: sudo dmesg.", "the disk of %s cannot be looked at: %v", d.StateDir, err)
	}
	const next = "Remove what is not needed: sudo journalctl --vacuum-size=50M; sudo apt clean."
	free := fmt.Sprintf("%d MiB free at %s", space.Bytes>>20, d.StateDir)
	switch {
	case !space.NoFiles && space.Files == 0:
		return Fail(next, "no more files can be made at %s", d.StateDir)
	case space.Bytes < diskFail:
		return Fail(next, "the disk is full: %s; settings are not kept", free)
	}
	if err := writable(d.StateDir); err != nil {
		return Fail("Give the folder to camerad's user; if the disk is read-only, check it: sudo dmesg.", "nothing can be written to %s: %v", d.StateDir, err)
	}
	if space.Bytes < diskWarn {
		return Warn(next, "%s", free)
	}
	return OK("%s", free)
}

// writable tries it: a card that has failed is mounted read-only, and permissions may be anything.
func writable(folder string) error {
	file, err := os.CreateTemp(folder, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = file.WriteString("written by camerad's check\n")
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
}

func (d *Device) checkFiles(context.Context) Finding {
	var open []string
	looked := 0
	for _, path := range d.Private {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return Fail("Give the file to camerad's user, with mode 600.", "%v", err)
		case info.Mode().Perm()&0o077 != 0:
			open = append(open, path)
		}
		looked++
	}
	if len(open) > 0 {
		return Fail("chmod 600 "+strings.Join(open, " "), "others can read %s", strings.Join(open, ", "))
	}
	return OK("only camerad can read its %d private files", looked)
}

// checkHardware reads what Linux tells on a Raspberry Pi and similar boards. Elsewhere it is skipped.
func (d *Device) checkHardware(context.Context) Finding {
	var seen []string
	if model := d.read("proc/device-tree/model"); model != "" {
		seen = append(seen, model)
	}
	power, known := d.undervoltage()
	switch {
	case known && power:
		return Fail("Use the power supply that belongs to the board, and a short cable.", "the power supply's voltage is too low: pictures and network may fail at any time")
	case known:
		seen = append(seen, "power supply well")
	}
	milli, err := strconv.ParseFloat(d.read("sys/class/thermal/thermal_zone0/temp"), 64)
	switch degrees := milli / 1000; {
	case err != nil:
	case degrees >= tooHot:
		return Fail("Cool the device: a heat sink, a fan, shade.", "the processor has %.0f °C and slows down", degrees)
	case degrees >= hot:
		return Warn("Cool the device: a heat sink, a fan, shade.", "the processor has %.0f °C", degrees)
	default:
		seen = append(seen, fmt.Sprintf("%.0f °C", degrees))
	}
	if len(seen) == 0 {
		return Skipped("because this device tells neither temperature nor voltage")
	}
	return OK("%s", strings.Join(seen, ", "))
}

// undervoltage reads the alarm of the driver raspberrypi-hwmon.
func (d *Device) undervoltage() (alarm, known bool) {
	names, _ := filepath.Glob(filepath.Join(d.Root, "sys/class/hwmon/hwmon*/in0_lcrit_alarm")) // the pattern is well formed
	for _, name := range names {
		if d.read(name[len(d.Root):]) == "1" {
			return true, true
		}
		known = true
	}
	return false, known
}

// read returns a small file of the kernel's, "" if there is none.
func (d *Device) read(name string) string {
	data, err := os.ReadFile(filepath.Join(d.Root, name))
	if err != nil {
		return ""
	}
	return strings.Trim(string(data), "\x00\n ")
}
