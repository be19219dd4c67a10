package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"seccam/pkg/credential"
	"seccam/portal/fleet"
)

type provisionCommand struct {
	Count  int    `default:"1" help:"How many cameras the batch has."`
	Out    string `required:"" placeholder:"DIR" help:"A new folder for the batch: each camera's folder, which goes onto it, labels.pdf to print, and manifest.csv. If the command is interrupted, the same command goes on with it."`
	Source string `default:"auto" help:"The source in the cameras' configuration."`
	Name   string `help:"What the batch is called in lists; by default a random name."`
	Sheet  string `default:"a4-3x8" enum:"a4-3x8,a4-3x7,letter-3x10" help:"Which labels labels.pdf is for: a4-3x8 (24 of 70 × 37 mm), a4-3x7 (21 of 63.5 × 38.1 mm) or letter-3x10 (30 of 2 5/8 × 1 in)."`
}

// maxShown is how many new cameras are shown; what is about more of them is in files.
const maxShown = 10

// Run makes a batch.
func (c *provisionCommand) Run(ctx context.Context, cli *commands) error {
	return withFleet(ctx, cli, func(cfg Config, f *fleet.Service) error {
		order := fleet.Order{Name: c.Name, Count: c.Count, PortalURL: cfg.PublicURL, Source: c.Source, Sheet: c.Sheet}
		made, err := f.Provision(ctx, c.Out, order, showProgress(os.Stderr, c.Count))
		if err != nil {
			return err
		}
		c.report(made)
		return nil
	})
}

func (c *provisionCommand) report(made fleet.Batch) {
	if made.Already == c.Count {
		fmt.Printf("%s has this batch already (%s, %d cameras): no camera was added. Name a new folder for another batch.\n\n", c.Out, made.Name, c.Count)
	}
	for _, label := range made.Labels[:min(len(made.Labels), maxShown)] {
		fmt.Printf("camera id:   %s\nclaim code:  %s\nfiles:       %s\n\n",
			credential.FormatCode(label.Camera), credential.FormatCode(label.Claim), filepath.Join(c.Out, label.Camera))
	}
	if rest := len(made.Labels) - maxShown; rest > 0 {
		fmt.Printf("… and %d more.\n\n", rest)
	}
	fmt.Printf("labels:      %s\nmanifest:    %s\n\n", filepath.Join(c.Out, fleet.LabelsFile), filepath.Join(c.Out, fleet.ManifestFile))
	fmt.Println("Copy each folder to its camera and print the labels, then delete all of it here: with the cameras' secrets in it,\nwho breaks into this machine could watch in spite of \"only my paired devices\".")
}

// showProgress shows a bar on a terminal, and otherwise a line for each tenth.
func showProgress(to *os.File, total int) func(done int) {
	if term.IsTerminal(int(to.Fd())) {
		bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(to), progressbar.OptionSetDescription("Cameras"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish())
		return func(done int) { _ = bar.Set(done) }
	}
	shown := 0
	return func(done int) {
		if tenth := done * 10 / total; total > maxShown && tenth > shown {
			shown = tenth
			fmt.Fprintf(to, "%d of %d cameras\n", done, total)
		}
	}
}
