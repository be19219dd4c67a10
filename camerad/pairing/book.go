package pairing

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"seccam/camerad/statefile"
	"seccam/pkg/credential"
)

// usedEvery is how often a device's last use is written down: memory cards wear out.
const usedEvery = time.Hour

// Refusals, for people.
var (
	ErrUnpaired = errors.New("this device is not paired with the camera")
	ErrFull     = fmt.Errorf("the camera knows %d devices, which is as many as it can; remove one first", MaxDevices)
	ErrName     = fmt.Errorf("a name has 1 to %d characters that can be seen", MaxName)
	ErrNobody   = errors.New("no device is paired, so nobody could watch; pair one first")
)

// Config is what a [Book] needs. All of it is required.
type Config struct {
	Folder string // the state folder
	Camera string // the camera's id
	Now    func() time.Time
	Log    *slog.Logger
}

// Book is the list of paired devices. Its methods are safe for concurrent use, and see what the command
// line changes in the file meanwhile.
type Book struct {
	cfg     Config
	mu      sync.Mutex
	content content
	file    os.FileInfo // of which content is; nil is none
	invites map[string]invite
	changed chan struct{} // closed at the next change
}

// Open reads the book. It always returns one: while it cannot be read nobody may watch.
func Open(cfg Config) *Book {
	b := &Book{cfg: cfg, invites: map[string]invite{}, changed: make(chan struct{})}
	b.load()
	return b
}

// load reads the file.
func (b *Book) load() {
	b.file, _ = os.Stat(filepath.Join(b.cfg.Folder, bookFile)) // an error is read's to tell
	var err error
	if b.content, err = read(b.cfg.Folder); err != nil {
		b.cfg.Log.Error("nobody may watch, since the paired devices are not known; pair them again with the pairing code, or run: camerad pairing off", "error", err)
	}
}

// refresh reads the file again if it is another one than before.
func (b *Book) refresh() {
	now, err := os.Stat(filepath.Join(b.cfg.Folder, bookFile))
	if errors.Is(err, os.ErrNotExist) {
		now, err = nil, nil
	}
	same := now == nil && b.file == nil ||
		now != nil && b.file != nil && os.SameFile(now, b.file) && now.ModTime().Equal(b.file.ModTime()) && now.Size() == b.file.Size()
	if err == nil && same {
		return
	}
	b.load()
	b.turn()
}

// turn wakes whoever waits for a change.
func (b *Book) turn() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Changed returns a channel that is closed at the next change.
func (b *Book) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// Look sees whether the command line has changed the book; it is noticed anyway when somebody asks to watch.
func (b *Book) Look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
}

// Only reports whether only paired devices may watch.
func (b *Book) Only() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	return b.content.only()
}

// Admits reports whether whoever has this certificate may watch.
func (b *Book) Admits(fingerprint string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	return !b.content.only() || b.find(fingerprint) != nil
}

// Device returns the device that has this certificate.
func (b *Book) Device(fingerprint string) (Device, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	if d := b.find(fingerprint); d != nil {
		return *d, true
	}
	return Device{}, false
}

// Devices lists all of them, the first paired first.
func (b *Book) Devices() []Device {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	return slices.Clone(b.content.Devices)
}

func (b *Book) find(fingerprint string) *Device { return find(b.content.Devices, fingerprint) }

func find(devices []Device, fingerprint string) *Device {
	for i := range devices {
		if devices[i].has(fingerprint) {
			return &devices[i]
		}
	}
	return nil
}

// change edits the book and saves it: both or neither.
func (b *Book) change(edit func(*content) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return locked(b.cfg.Folder, func() error {
		b.refresh() // what the file says now, and not what it said
		next := content{V: version, Only: new(bool), Devices: slices.Clone(b.content.Devices)}
		*next.Only = b.content.only()
		if err := edit(&next); err != nil {
			return err
		}
		if err := next.write(b.cfg.Folder); errors.Is(err, statefile.ErrUnsynced) {
			b.cfg.Log.Warn("the paired devices changed, but a power failure now may bring the old ones back", "error", err)
		} else if err != nil {
			return err
		}
		b.content = next
		b.file, _ = os.Stat(filepath.Join(b.cfg.Folder, bookFile))
		b.turn()
		return nil
	})
}

// Pair adds a device. One that is paired already only gets the new name.
func (b *Book) Pair(fingerprint, name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	return b.change(func(c *content) error { return c.add(fingerprint, name, b.cfg.Now()) })
}

func (c *content) add(fingerprint, name string, now time.Time) error {
	if d := find(c.Devices, fingerprint); d != nil {
		d.Name = name
		return nil
	}
	if len(c.Devices) >= MaxDevices {
		return ErrFull
	}
	c.Devices = append(c.Devices, Device{ID: credential.NewCode(), Name: name, Fingerprint: fingerprint, Added: now, Used: now})
	return nil
}

func checkName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", ErrName
	}
	return name, nil
}

// Renew announces the certificate that a device will use from now on; the one before holds until the next one.
func (b *Book) Renew(fingerprint, next string) error {
	next, err := credential.ParseFingerprint(next)
	if err != nil {
		return err
	}
	return b.change(func(c *content) error {
		d := find(c.Devices, fingerprint)
		if d == nil {
			return ErrUnpaired
		}
		if other := find(c.Devices, next); other != nil && other != d {
			return errors.New("this certificate is another device's")
		}
		if fingerprint != next {
			d.Fingerprint, d.Other = fingerprint, next
		}
		return nil
	})
}

// Remove forgets a device, by its id. The last one stays while only paired devices may watch: nobody could watch, or
// end that.
func (b *Book) Remove(id string) error {
	return b.change(func(c *content) error {
		before := len(c.Devices)
		c.Devices = slices.DeleteFunc(c.Devices, func(d Device) bool { return d.ID == id })
		if len(c.Devices) == before {
			return errors.New("there is no such device; it may have been removed already")
		}
		if len(c.Devices) == 0 && c.only() {
			return errors.New(`this is the last device, and only paired devices may watch; switch "only my paired devices" off first`)
		}
		return nil
	})
}

// SetOnly says whether only paired devices may watch.
func (b *Book) SetOnly(on bool) error {
	return b.change(func(c *content) error {
		if on && len(c.Devices) == 0 {
			return ErrNobody
		}
		c.Only = &on
		return nil
	})
}

// Used notes that a device is there, and which of its certificates it uses.
func (b *Book) Used(fingerprint string) {
	d, known := b.Device(fingerprint)
	now := b.cfg.Now()
	if !known || d.Other != fingerprint && now.Sub(d.Used) < usedEvery {
		return
	}
	err := b.change(func(c *content) error {
		if d := find(c.Devices, fingerprint); d != nil {
			d.Used = now
			if d.Other == fingerprint {
				d.Fingerprint, d.Other = d.Other, d.Fingerprint
			}
		}
		return nil
	})
	if err != nil {
		b.cfg.Log.Error("a paired device's last use is not written down", "error", err)
	}
}

// Code returns the camera's pairing code. It is read each time: the command line may have made another one.
func (b *Book) Code() (string, error) { return LoadCode(b.cfg.Folder) }
