package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"aead.dev/minisign"

	"seccam/camerad/doctor"
	"seccam/camerad/media"
	"seccam/camerad/update"
	"seccam/pkg/config"
	"seccam/pkg/signaling"
)

// UpdateConfig is the update section.
type UpdateConfig struct {
	URL       string   `yaml:"url"`
	PublicKey string   `yaml:"public_key"`
	Channel   string   `yaml:"channel"`
	Window    string   `yaml:"window"`
	Trial     Duration `yaml:"trial"`
}

var channelForm = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// validate says what is wrong, by key. While there is no url nothing else matters.
func (u UpdateConfig) validate() error {
	if u.URL == "" {
		return nil
	}
	var errs []error
	address, err := url.Parse(u.URL)
	if err != nil || address.Host == "" || !config.Confidential(address) {
		errs = append(errs, fmt.Errorf("update.url: %q is not an address such as https://releases.example.org/seccam", u.URL))
	}
	if _, err := u.key(); err != nil {
		errs = append(errs, fmt.Errorf("update.public_key: is no public key of minisign: %w", err))
	}
	if !channelForm.MatchString(u.Channel) {
		errs = append(errs, fmt.Errorf("update.channel: %q is not a word such as stable", u.Channel))
	}
	if _, _, err := u.hours(); err != nil {
		errs = append(errs, fmt.Errorf("update.window: %w", err))
	}
	if !between(u.Trial, 5*time.Second, 30*time.Minute) {
		errs = append(errs, fmt.Errorf("update.trial: %v is not from 5s to 30m", time.Duration(u.Trial)))
	}
	return errors.Join(errs...)
}

func (u UpdateConfig) key() (key minisign.PublicKey, err error) {
	return key, key.UnmarshalText([]byte(u.PublicKey))
}

// hours are the minutes of the day between which an update may begin; both 0 is always.
func (u UpdateConfig) hours() (from, to int, err error) {
	if u.Window == "" {
		return 0, 0, nil
	}
	first, last, _ := strings.Cut(u.Window, "-")
	from, good := signaling.ParseTimeOfDay(first)
	to, goodToo := signaling.ParseTimeOfDay(last)
	if !good || !goodToo {
		return 0, 0, fmt.Errorf("%q is not such as 02:00-05:00", u.Window)
	}
	return from, to, nil
}

// open reports whether an update may begin now, by the device's own time of day.
func (u UpdateConfig) open(now time.Time) bool {
	from, to, err := u.hours()
	minute := now.Hour()*60 + now.Minute()
	switch {
	case err != nil:
		return false
	case from == to:
		return true
	case from < to:
		return minute >= from && minute < to
	}
	return minute >= from || minute < to // over midnight
}

// releases is where this camera's come from.
func (c *Config) releases(camera string) (*update.Source, error) {
	key, err := c.Update.key()
	if err != nil {
		return nil, err
	}
	trust, err := trustedCAs(c.CAFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, DisableKeepAlives: true, ResponseHeaderTimeout: portalTimeout}
	return &update.Source{
		URL: c.Update.URL, Key: key, Channel: c.Update.Channel, OS: runtime.GOOS, Arch: runtime.GOARCH, Camera: camera, Version: version(),
		HTTP: &http.Client{Transport: transport},
		Free: func(folder string) (uint64, error) {
			space, err := doctor.StatFS(folder)
			return space.Bytes, err
		},
	}, nil
}

// slotVariable is set for a camerad that was started from a slot.
const slotVariable = "CAMERAD_SLOT"

// startSlot replaces this process by the release that is to run, if that is another one. It returns if it is
// this one, or if the other cannot be started: a camera with an old camerad is better than none.
func (io console) startSlot(cfg Config) error {
	if cfg.Update.URL == "" || os.Getenv(slotVariable) != "" {
		return nil
	}
	store := update.Open(cfg.StateDir)
	slot, trial, err := store.Next(version())
	if err != nil || slot == nil {
		return err
	}
	if trial {
		if err := io.startWatcher(); err != nil {
			return fmt.Errorf("camerad %s is not tried, since nobody would watch it: %w", slot.Version, err)
		}
	}
	path := store.Path(*slot)
	return syscall.Exec(path, append([]string{path}, os.Args[1:]...), append(os.Environ(), slotVariable+"="+slot.Name))
}

// startWatcher has a process of this release watch over this one, which is about to become another.
func (io console) startWatcher() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"update", "watch", "--pid", strconv.Itoa(os.Getpid()), "--detach"}
	if io.configPath != "" {
		args = append(args, "--config", io.configPath)
	}
	watcher := exec.Command(self, args...)
	watcher.Stderr = os.Stderr
	return watcher.Run() // it leaves another behind, which is nobody's child that would have to be awaited
}

// Times of looking for updates. The first look is late, so that a camera which restarts again and again does
// not download each time.
const (
	firstLook = 15 * time.Minute
	lookEvery = 6 * time.Hour
)

// followUpdates confirms the release that runs, if it is on trial, tells how the last trial came out, and
// installs what is newer.
func (c *camera) followUpdates(ctx context.Context, cfg Config) {
	if cfg.Update.URL == "" {
		return
	}
	store := update.Open(cfg.StateDir)
	if !c.confirmUpdate(ctx, store) {
		return
	}
	if text := store.Outcome(); text != "" {
		c.log.Info("update: " + text)
		c.event(signaling.EventUpdate, text)
	}
	for wait := firstLook; ; wait = lookEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + rand.N(wait)): // the whole fleet must not come at once
		}
		if !cfg.Update.open(time.Now()) || !c.well() {
			continue
		}
		if err := c.installUpdate(ctx, cfg, store); err != nil && ctx.Err() == nil {
			c.log.Warn("no update", "why", err)
		}
	}
}

// confirmUpdate waits until this camerad has shown that it works: it is connected, and a frame came. A release
// that is on trial is confirmed by that. It returns false if ctx ended before.
func (c *camera) confirmUpdate(ctx context.Context, store *update.Store) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c.greeted:
	}
	for {
		err := c.engine.AwaitPicture(ctx)
		if err == nil || errors.Is(err, media.ErrPrivate) {
			break
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
	if _, err := store.Confirm(version()); err != nil {
		c.log.Error("the update is not confirmed", "error", err)
	}
	return true
}

// well is whether a release that fails would be to blame for it.
func (c *camera) well() bool {
	picture, _ := c.engine.State()
	return c.link.client.Connected() && picture != signaling.PictureLost
}

// installUpdate installs what is newer and for this camera, and restarts.
func (c *camera) installUpdate(ctx context.Context, cfg Config, store *update.Store) error {
	source, err := cfg.releases(c.portal.camera)
	if err != nil {
		return err
	}
	manifest, err := source.Check(ctx)
	if err != nil {
		return err
	}
	state, err := store.Load()
	if err != nil {
		return err
	}
	switch err := source.Suits(manifest, state); {
	case errors.Is(err, update.ErrCurrent) || errors.Is(err, update.ErrStage) || errors.Is(err, update.ErrFailed):
		return nil
	case err != nil:
		return err
	}
	if err := source.Install(ctx, manifest, store); err != nil {
		return err
	}
	text := "camerad " + manifest.Version + " is installed, and tried now"
	c.log.Info("update: " + text)
	c.event(signaling.EventUpdate, text)
	c.restartDaemon()
	return nil
}
