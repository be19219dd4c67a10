package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// command is a program that gives pictures on its standard output.
type command struct {
	args     []string  // program and arguments; every user of the machine can read them
	stdin    io.Reader // nil: nothing; an io.Closer is closed
	sound    bool      // whether descriptor 3 is for sound
	secrets  []string  // never shown
	patience patience
	log      *slog.Logger
}

// patience is how long a program may give nothing, at first and later, and how long it may take to
// give a key frame.
type patience struct{ first, later, key time.Duration }

// usual is for programs that begin with looking for a camera, perhaps far away.
func usual() patience {
	return patience{first: 10 * time.Second, later: 5 * time.Second, key: 12 * time.Second}
}

// child is a running [command], in a process group of its own. Read and Close are called from one
// goroutine.
type child struct {
	name     string
	cmd      *exec.Cmd
	video    *pipe
	sound    *os.File // nil without
	said     *lastLines
	patience patience
	until    time.Time // when Read gives up whatever comes; zero: never
	unwatch  func() bool

	mu    sync.Mutex
	gone  bool          // its group's number may be another's now
	ended chan struct{} // closed when the child and its group are gone
}

// startChild starts c, to be closed by the caller. When ctx ends, reads of the child end. The error
// says which Debian package is missing.
func startChild(ctx context.Context, c command) (*child, error) {
	path, err := exec.LookPath(c.args[0])
	if err != nil {
		return nil, missing(c.args[0], err)
	}
	p := &child{name: filepath.Base(c.args[0]), patience: c.patience, ended: make(chan struct{})}
	p.said = newLastLines(c.secrets, func(line string) { c.log.Debug("a program said", "program", p.name, "line", line) })
	p.cmd = exec.Command(path, c.args[1:]...)
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SECCAM_") })
	p.cmd.Stdin, p.cmd.Stderr = c.stdin, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.WaitDelay = grace
	if err := p.start(c.sound); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	p.unwatch = context.AfterFunc(ctx, p.interrupt)
	return p, nil
}

// start makes the pipes and starts the process.
func (p *child) start(sound bool) error {
	video, videoEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	defer videoEnd.Close()
	if p.video, err = newPipe(video); err != nil {
		return errors.Join(err, video.Close())
	}
	p.cmd.Stdout = videoEnd
	if sound {
		reader, writer, err := os.Pipe()
		if err != nil {
			return errors.Join(err, video.Close())
		}
		defer writer.Close()
		p.sound, p.cmd.ExtraFiles = reader, []*os.File{writer}
	}
	// Room for a whole picture, so that the program writes it at once. Less is only less good.
	_, _ = unix.FcntlInt(videoEnd.Fd(), unix.F_SETPIPE_SZ, 1<<20)
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		p.closePipes()
		return err
	}
	return nil
}

// run starts the process and buries it. The kernel ends the process with the thread that started it
// (prctl(2), PR_SET_PDEATHSIG), so that thread stays until then.
func (p *child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.ended)
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	// As long as the dead child is not waited for, its group's number is nobody else's.
	for unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.signal(syscall.SIGKILL)
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	_ = p.cmd.Wait() // how it ended is in ProcessState
	if c, ok := p.cmd.Stdin.(io.Closer); ok {
		_ = c.Close()
	}
}

// signal sends to the whole group.
func (p *child) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// Read implements io.Reader. io.EOF says that the child ends; see failure.
func (p *child) Read(b []byte) (int, error) {
	limit := time.Now().Add(p.patience.first)
	if !p.until.IsZero() && p.until.Before(limit) {
		limit = p.until
	}
	_ = p.video.SetReadDeadline(limit) // a closed file says so when read
	n, err := p.video.Read(b)
	switch {
	case n > 0:
		p.patience.first = p.patience.later
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded) && limit.Equal(p.until):
		return 0, errTooLate
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, fmt.Errorf("%s has given nothing for %v%s", p.name, p.patience.first, p.said.words())
	}
	return 0, err
}

// errTooLate is returned by Read after until.
var errTooLate = errors.New("too late")

// Wait implements annexb.Waiter.
func (p *child) Wait(d time.Duration) bool { return p.video.Wait(d) }

// interrupt ends reads, now and later. It may be called from any goroutine.
func (p *child) interrupt() { _ = p.video.Close() }

// grace is how long a program may take to end by itself.
const grace = time.Second

// Close ends the child and all that it started, gently at first, and returns when they are gone.
func (p *child) Close() error {
	p.unwatch()
	p.closePipes()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		p.signal(s)
		if p.endsIn(grace) {
			return nil
		}
	}
	if p.endsIn(4 * grace) {
		return nil
	}
	return fmt.Errorf("%s (process %d) cannot be ended: a driver holds it; restart the machine if this goes on", p.name, p.cmd.Process.Pid)
}

func (p *child) closePipes() {
	_ = p.video.Close()
	if p.sound != nil {
		_ = p.sound.Close()
	}
}

func (p *child) endsIn(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.ended:
		return true
	case <-timer.C:
		return false
	}
}

// failure says in words how a child ended that has closed its output.
func (p *child) failure() error {
	if !p.endsIn(grace) {
		return fmt.Errorf("%s has closed its output%s", p.name, p.said.words())
	}
	return fmt.Errorf("%s ended (%v)%s", p.name, p.cmd.ProcessState, p.said.words())
}

// brief runs a program that ends by itself and returns what it wrote, less than 1 MiB. It must exit
// with status 0 within the time that c has patience for.
func brief(ctx context.Context, c command) ([]byte, error) {
	p, err := startChild(ctx, c)
	if err != nil {
		return nil, err
	}
	p.until = time.Now().Add(c.patience.first)
	const most = 1 << 20
	out, err := io.ReadAll(io.LimitReader(p, most))
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case len(out) == most:
		err = fmt.Errorf("%s says more than %d bytes", p.name, most-1)
	case errors.Is(err, errTooLate):
		err = fmt.Errorf("%s did not end within %v%s", p.name, c.patience.first, p.said.words())
	case err == nil && (!p.endsIn(grace) || !p.cmd.ProcessState.Success()):
		err = p.failure()
	}
	return out, errors.Join(err, p.Close())
}

// missing explains why a program cannot be started.
func missing(name string, err error) error {
	switch {
	case !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("start %s: %w", name, err)
	case name == "ffmpeg" || name == "ffprobe":
		return fmt.Errorf("%s is not installed: apt install ffmpeg", name)
	case name == rpicamVid || name == libcameraVid:
		return fmt.Errorf("%s is not installed: apt install rpicam-apps (libcamera-apps on older systems)", name)
	}
	return fmt.Errorf("%s is not there: install it, or give its whole path", name)
}
