package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"seccam/camerad/update"
	"seccam/pkg/credential"
)

type updateCmd struct {
	Check    updateCheckCmd    `cmd:"" help:"Say whether there is a newer release, and whether it is for this camera."`
	Apply    updateApplyCmd    `cmd:"" help:"Install the newest release. It is tried at the next start."`
	Rollback updateRollbackCmd `cmd:"" help:"Go back to the former release, or to the installed package, at the next start."`
	Watch    updateWatchCmd    `cmd:"" hidden:"" help:"Watch over a release on trial. camerad starts it by itself."`
}

// updates is what commands about them work on.
type updates struct {
	source *update.Source
	store  *update.Store
	state  update.State
}

// loadUpdates refuses where updates are off: the configuration has no address for them.
func (io console) loadUpdates() (u updates, err error) {
	cfg, err := io.loadConfig()
	if err != nil {
		return u, err
	}
	if cfg.Update.URL == "" {
		return u, configError{errors.New("updates are off; set update.url and update.public_key")}
	}
	camera, err := credential.ParseCode(cfg.CameraID)
	if err != nil {
		return u, configError{fmt.Errorf("camera_id: %w", err)}
	}
	if u.source, err = cfg.releases(camera); err != nil {
		return u, err
	}
	u.store = update.Open(cfg.StateDir)
	if u.state, err = u.store.Load(); err != nil {
		return u, err
	}
	// What runs may be a release in a slot, and not the program that was called.
	if u.state.Newer(version()) {
		u.source.Version = u.state.Active.Version
	}
	return u, nil
}

type updateCheckCmd struct{}

// Run says what there is.
func (updateCheckCmd) Run(io console) error {
	u, err := io.loadUpdates()
	if err != nil {
		return err
	}
	manifest, err := u.source.Check(io.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "This is camerad %s; the newest in channel %s is %s, for %d %% of the cameras.\n", u.source.Version, manifest.Channel, manifest.Version, manifest.Percent)
	if err := u.source.Suits(manifest, u.state); err != nil {
		_, err = fmt.Fprintf(io.out, "It is not installed: %v.\n", err)
		return err
	}
	_, err = fmt.Fprintln(io.out, "It can be installed: sudo camerad update apply")
	return err
}

type updateApplyCmd struct {
	Now bool `help:"Also if it is not this camera's turn yet."`
}

// Run installs.
func (c updateApplyCmd) Run(io console) error {
	u, err := io.loadUpdates()
	if err != nil {
		return err
	}
	manifest, err := u.source.Check(io.ctx)
	if err != nil {
		return err
	}
	if c.Now {
		manifest.Percent = 100
	}
	if err := u.source.Suits(manifest, u.state); err != nil {
		return fmt.Errorf("camerad %s: %w", manifest.Version, err)
	}
	if err := u.source.Install(io.ctx, manifest, u.store); err != nil {
		return err
	}
	_, err = fmt.Fprintf(io.out, "camerad %s is installed. To try it: sudo systemctl restart seccam-camerad\n", manifest.Version)
	return err
}

type updateRollbackCmd struct{}

// Run goes back.
func (updateRollbackCmd) Run(io console) error {
	u, err := io.loadUpdates()
	if err != nil {
		return err
	}
	if err := u.store.RollBack(); err != nil {
		return err
	}
	_, err = fmt.Fprintln(io.out, "The former camerad runs after: sudo systemctl restart seccam-camerad")
	return err
}

type updateWatchCmd struct {
	PID    int  `name:"pid" required:"" help:"The process to watch over."`
	Detach bool `help:"Leave a watcher behind and end."`
}

// Run watches until the release is confirmed, has failed or has ended.
func (c updateWatchCmd) Run(io console) error {
	if c.Detach {
		return c.detach(io)
	}
	cfg, err := io.loadConfig()
	if err != nil {
		return err
	}
	process, err := os.FindProcess(c.PID)
	if err != nil {
		return err
	}
	return update.Open(cfg.StateDir).Watch(io.ctx, process, time.Duration(cfg.Update.Trial))
}

func (c updateWatchCmd) detach(io console) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"update", "watch", "--pid", strconv.Itoa(c.PID)}
	if io.configPath != "" {
		args = append(args, "--config", io.configPath)
	}
	watcher := exec.Command(self, args...)
	watcher.Stderr = os.Stderr
	watcher.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return watcher.Start()
}
