package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"seccam/camerad/doctor"
	"seccam/camerad/session"
	"seccam/camerad/statefile"
	"seccam/pkg/credential"
	"seccam/pkg/mqttclient"
	"seccam/pkg/signaling"
)

var discardLog = slog.New(slog.DiscardHandler)

type doctorCmd struct {
	JSON bool `name:"json" help:"Print one JSON object at the end instead of lines as it goes."`
}

// errUnwell ends the command with an exit code; what is wrong was printed.
var errUnwell = errors.New("something does not work; see above")

// Run checks everything that the camera needs. It fails if a check does.
func (c doctorCmd) Run(io console) error {
	cfg, err := io.loadConfig()
	if err != nil {
		return err
	}
	checks, done, err := io.doctorChecks(cfg)
	if err != nil {
		return err
	}
	defer done()
	tell := func(check signaling.Check) { printCheck(io.out, check) }
	if c.JSON {
		tell = func(signaling.Check) {}
	}
	all, worst := doctor.Run(io.ctx, checks, tell)
	if c.JSON {
		encoder := json.NewEncoder(io.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(signaling.SelftestReply{V: signaling.Version, At: time.Now().UnixMilli(), Result: worst, Checks: all})
	}
	if worst == signaling.CheckFail {
		err = errors.Join(err, errUnwell)
	}
	return err
}

// printCheck prints what was seen, and below it what to do.
func printCheck(out io.Writer, check signaling.Check) {
	fmt.Fprintf(out, "%-9s%-8s %s\n", check.Name, check.Result, check.Seen)
	if check.Next != "" {
		fmt.Fprintf(out, "%17s → %s\n", "", check.Next)
	}
}

// doctorChecks are those of the device, of the way to the portal and of the source. What the running daemon
// has in use is left alone. done is to be called after them.
func (io console) doctorChecks(cfg Config) (checks []doctor.Check, done func(), err error) {
	checks = append(checks, cfg.device().Checks()...)
	unlock, err := statefile.Lock(cfg.StateDir)
	running := errors.Is(err, statefile.ErrLocked)
	if err != nil && !running && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w; try with sudo", err)
	}
	done = func() {
		if unlock != nil {
			unlock()
		}
	}
	checks = append(checks, io.wayChecks(cfg, running)...)
	if running {
		inUse := func(context.Context) doctor.Finding {
			return doctor.Skipped("because the running camerad has it in use; its log says how it is: journalctl -u seccam-camerad")
		}
		return append(checks, doctor.Check{Name: doctor.CheckSource, Timeout: time.Second, Look: inUse}), done, nil
	}
	from, err := cfg.openSource(io.ctx, discardLog)
	if err != nil {
		done()
		return nil, nil, err
	}
	picture := &doctor.Picture{Source: from, Video: cfg.video()}
	return append(checks, picture.Checks()...), done, nil
}

// wayChecks are skipped if the configuration does not say where the portal is.
func (io console) wayChecks(cfg Config, running bool) []doctor.Check {
	paired, err := cfg.loadEnrolment()
	trust, trustErr := trustedCAs(cfg.CAFile)
	fingerprint, printErr := cfg.fingerprint()
	if err := errors.Join(err, trustErr, printErr); err != nil {
		checks := []doctor.Check{{Name: checkConfig, Timeout: time.Second, Look: func(context.Context) doctor.Finding {
			return doctor.Fail("Correct the configuration file.", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		}}}
		for _, name := range []string{doctor.CheckPortal, doctor.CheckClock, doctor.CheckTLS, checkKey, checkMQTT, doctor.CheckRelay} {
			checks = append(checks, doctor.Check{Name: name, Needs: []string{checkConfig}})
		}
		return checks
	}
	w := &way{portal: newPortalClient(paired, fingerprint, trust)}
	return w.checks(func(ctx context.Context, credential mqttclient.Credential) doctor.Finding {
		if running {
			return doctor.Skipped("because the running camerad is connected by itself, and a second connection would end that")
		}
		return connectOnce(ctx, w, credential)
	})
}

// fingerprint is that of the camera's certificate; empty if it has none yet, which is not made here: what the
// portal learns of it must last.
func (c *Config) fingerprint() (string, error) {
	if _, err := os.Stat(filepath.Join(c.StateDir, credential.CertificateFile)); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	identity, err := session.LoadIdentity(c.StateDir)
	return identity.Fingerprint, err
}
