package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait of these tests; it is generous because machines are slow and shared.
const patience = 40 * time.Second

// process is a program under test with its log.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{}

	mu    sync.Mutex
	log   strings.Builder
	lines *sync.Cond
	ended bool
}

// start runs a program until the test ends. A data race that it reports fails the test.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startCommand(t, name, exec.Command(args[0], args[1:]...))
}

// startCommand is start for a command with an environment of its own.
func startCommand(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, done: make(chan struct{})}
	p.lines = sync.NewCond(&p.mu)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	// A test binary that is killed takes its programs with it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.cmd.Env = append(p.cmd.Env, "GORACE=exitcode=66")
	output, input, err := os.Pipe()
	require.NoError(t, err)
	p.cmd.Stdout, p.cmd.Stderr = input, input
	require.NoError(t, p.cmd.Start())
	_ = input.Close()
	go p.read(output)
	t.Cleanup(func() {
		p.stop()
		leaks.log(fmt.Sprintf("%s %d of %s", name, p.cmd.Process.Pid, t.Name()), p.text())
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, p.text())
		}
	})
	return p
}

func (p *process) read(output io.ReadCloser) {
	scanner := bufio.NewScanner(output)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.mu.Lock()
		p.log.WriteString(scanner.Text() + "\n")
		p.mu.Unlock()
		p.lines.Broadcast()
	}
	_ = output.Close()
	_ = p.cmd.Wait()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.lines.Broadcast()
	close(p.done)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// await waits for the log to match, and returns the submatches. It counts matches from the
// process's beginning.
func (p *process) await(pattern string) []string {
	p.t.Helper()
	return p.awaitWithin(patience, pattern)
}

func (p *process) awaitWithin(limit time.Duration, pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.AfterFunc(limit, p.lines.Broadcast)
	defer late.Stop()
	deadline := time.Now().Add(limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if found := re.FindStringSubmatch(p.log.String()); found != nil {
			return found
		}
		if p.ended || !time.Now().Before(deadline) {
			p.t.Fatalf("%s: no %q in its log (ended: %t)", p.name, pattern, p.ended)
		}
		p.lines.Wait()
	}
}

// stop ends the process as systemd would, and reports what the race detector found.
func (p *process) stop() {
	p.t.Helper()
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
		p.t.Errorf("%s did not end within %s of SIGTERM", p.name, patience)
	}
	if strings.Contains(p.text(), "DATA RACE") {
		p.t.Errorf("%s: data race:\n%s", p.name, p.text())
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
