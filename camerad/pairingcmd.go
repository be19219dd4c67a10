package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"seccam/camerad/pairing"
	"seccam/pkg/credential"
)

type pairingCmd struct {
	Show    pairingShowCmd    `cmd:"" default:"1" help:"Print the pairing code, who may watch, and the paired devices (the default)."`
	Off     pairingOffCmd     `cmd:"" help:"Let everybody watch again whom the portal lets through."`
	Remove  pairingRemoveCmd  `cmd:"" help:"Forget a paired device; its live views end."`
	NewCode pairingNewCodeCmd `cmd:"" help:"Make another pairing code, since somebody may know the one before. Devices stay paired."`
}

// loadStarted is loadConfig for commands about what a camera has made at its first start. The wrong folder must
// not look like a camera.
func (io console) loadStarted() (Config, error) {
	cfg, err := io.loadConfig()
	if err != nil {
		return cfg, err
	}
	if _, err := os.Stat(filepath.Join(cfg.StateDir, credential.CertificateFile)); errors.Is(err, os.ErrNotExist) {
		return cfg, configError{fmt.Errorf("no camera has kept its state in %s; check state_dir and --config, or start camerad first", cfg.StateDir)}
	} else if err != nil {
		return cfg, fmt.Errorf("%w; try with sudo", err)
	}
	return cfg, nil
}

// openBook is for commands, which run beside the daemon; both see each other's changes.
func (io console) openBook() (*pairing.Book, string, error) {
	cfg, err := io.loadStarted()
	if err != nil {
		return nil, "", err
	}
	camera, _ := credential.ParseCode(cfg.CameraID) // only a new device's invitation needs it
	log := newLogger(io.errors, cfg.LogLevel)
	return pairing.Open(pairing.Config{Folder: cfg.StateDir, Camera: camera, Now: time.Now, Log: log}), cfg.StateDir, nil
}

type pairingShowCmd struct{}

// Run prints how things are.
func (pairingShowCmd) Run(io console) error {
	book, _, err := io.openBook()
	if err != nil {
		return err
	}
	code, err := book.Code()
	if err != nil {
		return err
	}
	who := "whomever the portal lets through"
	if book.Only() {
		who = "paired devices only"
	}
	fmt.Fprintf(io.out, "pairing code  %s\nmay watch     %s\n", credential.FormatCode(code), who)
	table := tabwriter.NewWriter(io.out, 0, 4, 2, ' ', 0)
	for i, d := range book.Devices() {
		if i == 0 {
			fmt.Fprintln(table, "\nDEVICE\tNAME\tPAIRED\tLAST USED, ABOUT")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.ID, d.Name, d.Added.Local().Format(time.DateTime), d.Used.Local().Format(time.DateTime))
	}
	return table.Flush()
}

type pairingOffCmd struct{}

// Run switches "only paired devices" off.
func (pairingOffCmd) Run(io console) error {
	book, _, err := io.openBook()
	if err == nil {
		err = book.SetOnly(false)
	}
	if err == nil {
		_, err = fmt.Fprintln(io.out, "Whomever the portal lets through may watch again. Paired devices stay paired.")
	}
	return err
}

type pairingRemoveCmd struct {
	Device string `arg:"" help:"The device, as \"camerad pairing\" prints it."`
}

// Run forgets a device.
func (c pairingRemoveCmd) Run(io console) error {
	book, _, err := io.openBook()
	if err != nil {
		return err
	}
	if err := book.Remove(c.Device); err != nil {
		return err
	}
	_, err = fmt.Fprintln(io.out, "Removed. Live views of that device end within seconds.")
	return err
}

type pairingNewCodeCmd struct{}

// Run makes another pairing code.
func (pairingNewCodeCmd) Run(io console) error {
	_, folder, err := io.openBook()
	if err != nil {
		return err
	}
	code, err := pairing.NewCode(folder)
	if err == nil {
		_, err = fmt.Fprintf(io.out, "pairing code  %s\nThe one on the label is worth nothing any more.\n", credential.FormatCode(code))
	}
	return err
}
