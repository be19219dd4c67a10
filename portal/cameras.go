package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/fleet"
	"seccam/portal/store"
)

type camerasCommand struct {
	Provision provisionCommand `cmd:"" help:"Add cameras: write each one's files, and labels with their ids and claim codes to print."`
	List      listCommand      `cmd:"" help:"List cameras."`
	Show      showCommand      `cmd:"" help:"Show one camera."`
	RotateKey rotateCommand    `cmd:"" help:"Replace a camera's key, and write the new one to a file for the camera."`
	Revoke    revokeCommand    `cmd:"" help:"Make a camera's key and tokens worthless and cut its connection, at once."`
	Export    exportCommand    `cmd:"" help:"Write a table of all cameras, without secrets."`
}

// withStore runs a command on the configured database.
func withStore(ctx context.Context, cli *commands, run func(Config, *store.Store) error) error {
	cfg, err := loadConfig(cli.Config, os.Environ())
	if err != nil {
		return err
	}
	if err := cfg.state().Finish(ctx); err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg.Database, nil)
	if err != nil {
		return err
	}
	return errors.Join(run(cfg, s), s.Close())
}

// withFleet runs a command on the configured portal's cameras.
func withFleet(ctx context.Context, cli *commands, run func(Config, *fleet.Service) error) error {
	return withStore(ctx, cli, func(cfg Config, s *store.Store) error {
		master, _, err := loadKeys(cfg.StateDir)
		if err != nil {
			return err
		}
		return run(cfg, fleet.New(s, master).By(commandLine()))
	})
}

// withCamera runs a command on one camera, by its id as people type it.
func withCamera(ctx context.Context, cli *commands, typed string, run func(f *fleet.Service, id string) error) error {
	id, err := credential.ParseCode(typed)
	if err != nil {
		return err
	}
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		err := run(f, id)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no camera %s; see: portal cameras list", credential.FormatCode(id))
		}
		return err
	})
}

type showCommand struct {
	ID   string `arg:"" help:"The camera's id."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run shows a camera.
func (c *showCommand) Run(ctx context.Context, cli *commands) error {
	return withCamera(ctx, cli, c.ID, func(f *fleet.Service, id string) error {
		camera, err := f.Camera(ctx, id)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(camera)
		}
		for _, line := range [][2]string{
			{"id", credential.FormatCode(camera.ID)}, {"batch", orNone(camera.Batch)}, {"added", shownTime(&camera.AddedAt)},
			{"owner", orNone(camera.Owner)}, {"claimed", shownTime(camera.ClaimedAt)}, {"last seen", shownTime(camera.LastSeenAt)}, {"camerad", orNone(camera.Version)},
			{"key", fmt.Sprintf("version %d", camera.KeyVersion)}, {"revoked", shownTime(camera.RevokedAt)},
			{"fingerprint", orNone(camera.Fingerprint)},
		} {
			fmt.Printf("%-12s %s\n", line[0], line[1])
		}
		return nil
	})
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func shownTime(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}

func printJSON(value any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

type revokeCommand struct {
	ID string `arg:"" help:"The camera's id."`
}

// Run revokes a camera's key.
func (c *revokeCommand) Run(ctx context.Context, cli *commands) error {
	return withCamera(ctx, cli, c.ID, func(f *fleet.Service, id string) error {
		version, err := f.Revoke(ctx, id)
		if err != nil {
			return err
		}
		fmt.Printf("Revoked: the camera's key is now version %d, which no file has; a running portal cuts its connection within 2 seconds.\n"+
			"To bring the camera back: portal cameras rotate-key %s --out DIR\n", version, id)
		return nil
	})
}

type rotateCommand struct {
	ID  string `arg:"" help:"The camera's id."`
	Out string `required:"" placeholder:"DIR" help:"Folder for the new device.key, which goes to the camera."`
}

// Run replaces a camera's key.
func (c *rotateCommand) Run(ctx context.Context, cli *commands) error {
	return withCamera(ctx, cli, c.ID, func(f *fleet.Service, id string) error {
		file, version, err := f.RotateInto(ctx, id, c.Out)
		if err != nil {
			return err
		}
		fmt.Printf("The camera's key is version %d, in %s; the one before is worthless, and a running portal cuts its connection within 2 seconds.\n"+
			"Put the file at the camera as its device_key_file, restart camerad, and delete it here.\n", version, file)
		return nil
	})
}

type exportCommand struct {
	fleetFlags
	Format string `default:"csv" enum:"csv,jsonl" help:"csv, or jsonl: one JSON object a line."`
	Out    string `placeholder:"FILE" help:"A new file, instead of standard output."`
}

// Run writes the table.
func (c *exportCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(_ Config, f *fleet.Service) error {
		to := os.Stdout
		if c.Out != "" {
			file, err := os.OpenFile(filepath.Clean(c.Out), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return fmt.Errorf("export: %w", err)
			}
			to = file
		}
		return errors.Join(f.Export(ctx, to, c.Format, c.filter()), to.Close())
	})
}
