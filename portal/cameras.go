package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"seccam/pkg/credential"
	"seccam/portal/store"
)

type camerasCommand struct {
	Provision provisionCommand `cmd:"" help:"Add cameras: write each one's configuration and key, and print its id and claim code."`
	List      listCommand      `cmd:"" help:"List all cameras."`
	Revoke    revokeCommand    `cmd:"" help:"Make a camera's key and tokens worthless and cut its connection, at once."`
}

type provisionCommand struct {
	Count  int    `default:"1" help:"How many cameras to add."`
	Out    string `required:"" placeholder:"DIR" help:"Folder for the new cameras' folders; each goes to its camera."`
	Source string `default:"auto" help:"The source in the cameras' configuration."`
}

// Run adds cameras.
func (c *provisionCommand) Run(ctx context.Context, cli *commands) error {
	return withStore(ctx, cli, func(cfg Config, s *store.Store) error {
		master, _, err := loadKeys(cfg.StateDir)
		if err != nil {
			return err
		}
		for range c.Count {
			p, err := provision(ctx, s, master, cfg.PublicURL, c.Out, c.Source)
			if err != nil {
				return err
			}
			fmt.Printf("camera id:   %s\nclaim code:  %s\nfiles:       %s\n\n",
				credential.FormatCode(p.CameraID), credential.FormatCode(p.ClaimCode), p.Folder)
		}
		fmt.Println("Copy each folder to its camera and print the label, then delete the folder here: with the camera's secrets in it,\nwho breaks into this machine could watch in spite of \"only my paired devices\".")
		return nil
	})
}

// withStore runs a command on the configured database.
func withStore(ctx context.Context, cli *commands, run func(Config, *store.Store) error) error {
	cfg, err := loadConfig(cli.Config, os.Environ())
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg.Database, nil)
	if err != nil {
		return err
	}
	return errors.Join(run(cfg, s), s.Close())
}

// provisioned is a new camera: what its label says, and the folder that goes onto it.
type provisioned struct {
	CameraID  string
	ClaimCode string
	Folder    string
}

// provision adds one camera: its folder first, so that an error leaves no camera without a key.
func provision(ctx context.Context, s *store.Store, master credential.Secret, portalURL, out, source string) (provisioned, error) {
	p := provisioned{CameraID: credential.NewCode(), ClaimCode: credential.NewCode()}
	p.Folder = filepath.Join(out, p.CameraID)
	if err := os.MkdirAll(p.Folder, 0o700); err != nil {
		return p, fmt.Errorf("provision: %w", err)
	}
	key := credential.DeviceKey(master, p.CameraID, 1)
	if err := credential.WriteSecretFile(filepath.Join(p.Folder, "device.key"), []byte(key.Hex()+"\n")); err != nil {
		return p, err
	}
	if err := writeCameraConfig(p.Folder, portalURL, p.CameraID, source); err != nil {
		return p, err
	}
	label, err := writeCameraState(filepath.Join(p.Folder, "state"))
	if err != nil {
		return p, fmt.Errorf("provision: %w", err)
	}
	label.portal, label.camera, label.claim = portalURL, p.CameraID, p.ClaimCode
	if err := label.write(p.Folder); err != nil {
		return p, fmt.Errorf("provision: %w", err)
	}
	if err := s.Provision(ctx, p.CameraID, credential.HashClaimCode(p.CameraID, p.ClaimCode)); err != nil {
		return p, fmt.Errorf("provision: %w", err)
	}
	return p, nil
}

// writeCameraConfig writes the camerad.yml of one camera; its paths are relative to it.
func writeCameraConfig(folder, portalURL, cameraID, source string) error {
	text := fmt.Sprintf(`# The configuration of one camera. configs/camerad.yml documents every key.
portal_url: %s
camera_id: %s
device_key_file: device.key
state_dir: state
source: %s
`, portalURL, cameraID, source)
	if err := os.WriteFile(filepath.Join(folder, "camerad.yml"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write camera configuration: %w", err)
	}
	return nil
}

type listCommand struct{}

// Run lists all cameras.
func (listCommand) Run(ctx context.Context, cli *commands) error {
	return withStore(ctx, cli, func(_ Config, s *store.Store) error {
		cameras, err := s.AllCameras(ctx)
		if err != nil {
			return err
		}
		if len(cameras) == 0 {
			fmt.Println("No cameras yet. Add one with: portal cameras provision --out DIR")
			return nil
		}
		table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tOWNED\tKEY VERSION\tLAST SEEN")
		for _, camera := range cameras {
			seen := "never"
			if camera.LastSeenAt != nil {
				seen = camera.LastSeenAt.Local().Format(time.DateTime)
			}
			fmt.Fprintf(table, "%s\t%t\t%d\t%s\n", camera.ID, camera.OwnerID != nil, camera.KeyVersion, seen)
		}
		return table.Flush()
	})
}

type revokeCommand struct {
	ID  string `arg:"" help:"The camera's id."`
	Out string `placeholder:"DIR" help:"Write a new device.key of the raised version here, to bring the camera back."`
}

// Run revokes a camera's key.
func (c *revokeCommand) Run(ctx context.Context, cli *commands) error {
	id, err := credential.ParseCode(c.ID)
	if err != nil {
		return err
	}
	return withStore(ctx, cli, func(cfg Config, s *store.Store) error {
		version, err := s.RaiseKeyVersion(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no camera %s; see: portal cameras list", id)
		}
		if err != nil {
			return err
		}
		who := credential.Identity{Role: credential.RoleCamera, ID: id}
		if err := s.Revoke(ctx, who.Subject()); err != nil {
			return err
		}
		fmt.Printf("Revoked: the camera's key is now version %d; a running portal cuts its connection within 2 seconds.\n", version)
		if c.Out == "" {
			return nil
		}
		master, _, err := loadKeys(cfg.StateDir)
		if err != nil {
			return err
		}
		file := filepath.Join(c.Out, "device.key")
		return credential.WriteSecretFile(file, []byte(credential.DeviceKey(master, id, version).Hex()+"\n"))
	})
}
