package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newLog returns a log of everything.
func newLog() (*slog.Logger, *logged) {
	text := &logged{}
	return slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{Level: slog.LevelDebug})), text
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func shell(script string, args ...string) command {
	return command{args: append([]string{"sh", "-c", script, "sh"}, args...), patience: usual(), log: quiet()}
}

func startShell(t *testing.T, c command) *child {
	t.Helper()
	p, err := startChild(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// alive reports whether a process is there and not a zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func awaitDeath(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !alive(pid) }, 10*time.Second, 5*time.Millisecond, "process %d lives", pid)
}

// readNumbers reads a line of numbers.
func readNumbers(t *testing.T, r io.Reader) (numbers []int) {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); len(line) == 0 || line[len(line)-1] != '\n'; line = append(line, b...) {
		_, err := io.ReadFull(r, b)
		require.NoError(t, err)
	}
	for _, field := range strings.Fields(string(line)) {
		n, err := strconv.Atoi(field)
		require.NoError(t, err)
		numbers = append(numbers, n)
	}
	return numbers
}

func TestCloseEndsTheWholeGroup(t *testing.T) {
	for name, script := range map[string]string{
		"obedient":         `sleep 1000 & echo $$ $!; wait`,
		"deaf to SIGTERM":  `trap "" TERM; sleep 1000 & echo $$ $!; wait; sleep 1000`,
		"leader has ended": `sleep 1000 & echo $$ $!; exit`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := startChild(t.Context(), shell(script))
			require.NoError(t, err)
			pids := readNumbers(t, p)
			require.Len(t, pids, 2)
			require.NoError(t, p.Close())
			for _, pid := range pids {
				awaitDeath(t, pid)
			}
			require.NoError(t, p.Close(), "once more is harmless")
		})
	}
}

func TestFailureSaysWhatTheProgramSaid(t *testing.T) {
	log, text := newLog()
	c := shell(`for i in 1 2 3 4 5 6; do echo "line $i"; done >&2; echo "cannot open rtsp://me:hidden@cam/1" >&2; printf "last words" >&2; exit 3`)
	c.log = log
	p := startShell(t, c)
	_, err := p.Read(make([]byte, 10))
	require.ErrorIs(t, err, io.EOF)
	assert.EqualError(t, p.failure(), "sh ended (exit status 3): line 5; line 6; cannot open rtsp://[redacted]@cam/1; last words")
	assert.Contains(t, text.String(), "line 1")
	assert.NotContains(t, text.String(), "hidden")
}

func TestChildThatClosesItsOutputOnly(t *testing.T) {
	t.Parallel()
	p := startShell(t, shell(`echo tired >&2; exec >&-; sleep 1000`))
	_, err := p.Read(make([]byte, 10))
	require.ErrorIs(t, err, io.EOF)
	assert.EqualError(t, p.failure(), "sh has closed its output: tired")
}

func TestSilentChild(t *testing.T) {
	c := shell(`echo hello; echo waiting >&2; sleep 1000`)
	c.patience = patience{first: 10 * time.Second, later: 50 * time.Millisecond}
	p := startShell(t, c)
	out, err := io.ReadAll(p)
	assert.Equal(t, "hello\n", string(out))
	assert.EqualError(t, err, "sh has given nothing for 50ms: waiting")
	c = shell(`sleep 1000`)
	c.patience = patience{first: 50 * time.Millisecond, later: 10 * time.Second}
	_, err = startShell(t, c).Read(make([]byte, 1))
	assert.EqualError(t, err, "sh has given nothing for 50ms")
}

func TestContextEndsReading(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p, err := startChild(ctx, shell(`sleep 1000`))
	require.NoError(t, err)
	ended := make(chan error)
	go func() {
		_, err := p.Read(make([]byte, 1))
		ended <- err
	}()
	stop()
	assert.ErrorIs(t, <-ended, os.ErrClosed)
	assert.True(t, p.Wait(time.Hour), "nor does waiting go on")
	require.NoError(t, p.Close())
}

func TestWaitSeesWhatIsThere(t *testing.T) {
	c := shell(`read x; echo $x; read x`)
	reader, writer := io.Pipe()
	c.stdin = reader
	p := startShell(t, c)
	assert.False(t, p.Wait(time.Millisecond))
	_, err := io.WriteString(writer, "hello\n")
	require.NoError(t, err)
	assert.True(t, p.Wait(10*time.Second))
	assert.True(t, p.Wait(0))
	out := make([]byte, 100)
	n, err := p.Read(out)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(out[:n]))
	assert.False(t, p.Wait(time.Millisecond))
	require.NoError(t, writer.Close())
	assert.True(t, p.Wait(10*time.Second), "its end, too")
}

func TestPipeTakesAWholePicture(t *testing.T) {
	t.Parallel()
	p := startShell(t, shell(`head -c 1000000 /dev/zero; echo written >&2; sleep 1000`))
	require.Eventually(t, func() bool { return p.said.words() == ": written" }, 10*time.Second, time.Millisecond,
		"the writer does not wait for the reader")
}

func TestMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, want := range map[string]string{
		"ffmpeg": "apt install ffmpeg", "ffprobe": "apt install ffmpeg", rpicamVid: "apt install rpicam-apps",
		libcameraVid: "apt install rpicam-apps", "mycamera": "install it, or give its whole path", "/nowhere/mycamera": "whole path",
	} {
		_, err := startChild(t.Context(), command{args: []string{name}, log: quiet()})
		assert.ErrorContains(t, err, want, name)
	}
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("nonsense"), 0o600))
	_, err := startChild(t.Context(), command{args: []string{text}, log: quiet()})
	assert.ErrorIs(t, err, os.ErrPermission)
	require.NoError(t, os.Chmod(text, 0o700))
	_, err = startChild(t.Context(), command{args: []string{text}, sound: true, log: quiet()})
	assert.ErrorIs(t, err, syscall.ENOEXEC)
}

func TestEnvironmentIsNotForChildren(t *testing.T) {
	t.Setenv("SECCAM_PASSWORD", "hidden")
	t.Setenv("OTHER", "shown")
	out, err := brief(t.Context(), command{args: []string{"env"}, patience: usual(), log: quiet()})
	require.NoError(t, err)
	assert.NotContains(t, string(out), "hidden")
	assert.Contains(t, string(out), "OTHER=shown")
}

func TestBrief(t *testing.T) {
	c := shell(`echo out; echo no camera >&2; exit 1`)
	out, err := brief(t.Context(), c)
	assert.Equal(t, "out\n", string(out))
	assert.EqualError(t, err, "sh ended (exit status 1): no camera")
	c = shell(`yes`)
	c.patience.first = 10 * time.Second
	_, err = brief(t.Context(), c)
	assert.ErrorContains(t, err, "more than")
	c = shell(`while :; do echo on and on; sleep 0.01; done`)
	c.patience.first = 100 * time.Millisecond
	_, err = brief(t.Context(), c)
	assert.EqualError(t, err, "sh did not end within 100ms")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = brief(ctx, shell(`sleep 1000`))
	assert.ErrorIs(t, err, context.Canceled)
}

// fakeParent is a camerad that starts a child, says its process id, and waits to be killed.
func fakeParent([]string) {
	p, err := startChild(context.Background(), shell(`echo $$; trap "" TERM HUP; while :; do sleep 1; done`))
	if err == nil {
		_, err = io.CopyN(os.Stdout, p, 1)
	}
	if err == nil {
		_, err = io.Copy(os.Stdout, p)
	}
	panic(errors.Join(errors.New("the child has ended"), err))
}

func TestChildDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), asProgram+"=parent")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	pid := readNumbers(t, out)[0]
	require.True(t, alive(pid))
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	awaitDeath(t, pid)
}
