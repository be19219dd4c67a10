package main

import (
	"fmt"
	"strings"

	"seccam/camerad/session"
	"seccam/pkg/credential"
)

type fingerprintCmd struct{}

// Run prints the fingerprint in the groups in which pages show it, and as SDP has it.
func (fingerprintCmd) Run(io console) error {
	cfg, err := io.loadStarted()
	if err != nil {
		return err
	}
	identity, err := session.LoadIdentity(cfg.StateDir)
	if err != nil {
		return err
	}
	groups := credential.FingerprintGroups(identity.Fingerprint)
	half := len(groups) / 2
	_, err = fmt.Fprintf(io.out, "%s\n%s\n\n%s\n", strings.Join(groups[:half], " "), strings.Join(groups[half:], " "), identity.Fingerprint)
	return err
}
