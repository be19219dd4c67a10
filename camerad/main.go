// Command camerad runs beside a camera: it stays connected to its portal and sends the picture to
// each viewer that the portal lets through, directly and encrypted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"seccam/camerad/logbook"

	"github.com/alecthomas/kong"
)

// Exit codes: 0 all went well, 1 it failed, 2 the command line or configuration is wrong, 3 a restart was asked
// for, and whoever started camerad is to start it again.
const (
	exitFailed  = 1
	exitConfig  = 2
	exitRestart = 3
)

// cli is the command line; see camerad --help.
type cli struct {
	Config       string          `short:"c" placeholder:"PATH" help:"Configuration file. Default: ${config} if it exists, else the defaults."`
	Run          runCmd          `cmd:"" default:"1" help:"Serve viewers until SIGINT or SIGTERM (the default command)."`
	Enroll       enrollCmd       `cmd:"" help:"Make this computer a camera of yours, by an enrolment token from the portal."`
	Doctor       doctorCmd       `cmd:"" help:"Check everything that the camera needs, from its clock to the relay, and say what to do."`
	Selftest     selftestCmd     `cmd:"" help:"Record a few seconds from the configured source and say what was seen."`
	Pairing      pairingCmd      `cmd:"" help:"Print the pairing code and the paired devices, or change them."`
	FactoryReset factoryResetCmd `cmd:"" help:"Forget owner's settings, paired devices, pairing code and certificate: before the camera is given away."`
	Fingerprint  fingerprintCmd  `cmd:"" help:"Print the fingerprint of this camera's certificate, to compare it with what the portal shows."`
	Sources      sourcesCmd      `cmd:"" help:"List the cameras that are connected."`
	Update       updateCmd       `cmd:"" help:"Look for a newer release of camerad, install it, or go back."`
	Version      versionCmd      `cmd:"" help:"Print the version."`
}

// console is what commands read from and write to.
type console struct {
	ctx         context.Context
	in          io.Reader
	out, errors io.Writer
	environ     []string
	configPath  string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	io := console{ctx: ctx, in: os.Stdin, out: os.Stdout, errors: os.Stderr, environ: os.Environ()}
	if err := execute(io, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "camerad:", err)
		code := exitFailed
		switch {
		case errors.As(err, &configError{}):
			code = exitConfig
		case errors.Is(err, errRestart):
			code = exitRestart
		}
		os.Exit(code)
	}
}

// execute parses the command line and runs its command.
func execute(io console, args []string) error {
	var c cli
	parser, err := kong.New(&c, kong.Name("camerad"), kong.Description("SecCam camera daemon."),
		kong.Vars{"config": defaultConfigPath}, kong.Writers(io.out, io.errors))
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return configError{fmt.Errorf("%w; see camerad --help", err)}
	}
	io.configPath = c.Config
	return command.Run(io)
}

type runCmd struct{}

// Run serves until a signal.
func (runCmd) Run(io console) error {
	cfg, err := io.loadConfig()
	if err != nil {
		return err
	}
	book, level := new(logbook.Book), new(slog.LevelVar)
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // validated with the configuration
	log := slog.New(book.Handler(slog.NewTextHandler(io.errors, &slog.HandlerOptions{Level: level})))
	if err := io.startSlot(cfg); err != nil {
		log.Error("the installed update is not started", "error", err)
	}
	camera, err := newCamera(io.ctx, cfg, book, level, log)
	if err != nil {
		return err
	}
	return camera.run(io.ctx)
}

func newLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // validated with the configuration
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}
