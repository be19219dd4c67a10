package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"seccam/portal/backup"
)

type backupCommand struct {
	File string `arg:"" help:"Where to write it: a new file. It holds every secret of the portal."`
}

// Run writes a backup. The portal may be running.
func (c *backupCommand) Run(ctx context.Context, cli *commands) error {
	cfg, err := loadConfig(cli.Config, os.Environ())
	if err != nil {
		return err
	}
	m, err := cfg.state().Create(ctx, c.File, release)
	if err != nil {
		return err
	}
	fmt.Printf("%s: everything up to now, in %d files. Keep it as safe as the portal: it holds its keys.\n", c.File, len(m.Files))
	return nil
}

type restoreCommand struct {
	File  string `arg:"" help:"A backup."`
	Force bool   `help:"Replace the state that is there."`
}

// Run puts a backup in place.
func (c *restoreCommand) Run(ctx context.Context, cli *commands) error {
	cfg, err := loadConfig(cli.Config, os.Environ())
	if err != nil {
		return err
	}
	m, err := cfg.state().Restore(ctx, c.File, c.Force)
	if err != nil {
		return err
	}
	fmt.Printf("Restored what was there on %s. Start the portal.\n", m.At.Local().Format(time.DateTime))
	return nil
}

// state is what backups are of.
func (c *Config) state() backup.State { return backup.State{Database: c.Database, Dir: c.StateDir} }
