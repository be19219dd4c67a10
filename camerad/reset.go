package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seccam/camerad/desired"
	"seccam/camerad/pairing"
	"seccam/camerad/privacy"
	"seccam/pkg/credential"
)

// There is no way to reset a camera over the network, neither for its owner by the portal nor for a paired
// device. A reset ends "only paired devices" and makes a new pairing code, so whoever controls the portal
// could watch after it; and who gives a camera away has it in their hands.

type factoryResetCmd struct {
	Yes bool `help:"Do not ask."`
}

// Run removes what the camera has learned since it was made. The device key stays: it is how the portal knows
// the device, and the next owner needs it to connect; the portal's "cameras revoke" makes it worthless. What is known of releases stays, too: a reset must not bring an older camerad back.
func (c factoryResetCmd) Run(io console) error {
	cfg, err := io.loadConfig()
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, `This removes from %s:
  the camera's certificate, so that every browser asks whether it still is the same camera
  the paired devices, "only paired devices" and the pairing code
  the privacy mode's schedule, the picture's settings and what was set from afar
New ones are made when camerad starts. The device key stays: it connects the camera to its portal.
`, cfg.StateDir)
	if !c.Yes && !io.confirmed("Type RESET to go on: ", "RESET") {
		return errors.New("nothing was removed")
	}
	for _, name := range append(pairing.Files(), credential.CertificateFile, privacy.FileName, desired.FileName, settingsName, enrollingName) {
		if err := os.Remove(filepath.Join(cfg.StateDir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("factory reset is incomplete, run it again: %w", err)
		}
	}
	if err := syncFolder(cfg.StateDir); err != nil {
		return fmt.Errorf("factory reset may not survive a power cut now: %w", err)
	}
	_, err = fmt.Fprintln(io.out, "Reset. Restart camerad now, for example: sudo systemctl restart seccam-camerad")
	return err
}

// syncFolder brings the removals to the disk: secrets must not come back with the power.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a camera that never ran
	}
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// confirmed asks for a word.
func (io console) confirmed(question, word string) bool {
	fmt.Fprint(io.out, question)
	line, _ := bufio.NewReader(io.in).ReadString('\n') // the end of the input is no
	return strings.TrimSpace(line) == word
}
