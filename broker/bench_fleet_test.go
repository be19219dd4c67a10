//go:build bench

package broker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const fleetCameras = 100_000

// TestFleetChild is a broker with cameras in its own process, not a test: more than files can be opened. It
// connects them all when it is told "wave", says how fast, and ends their connections when it is told "leave".
func TestFleetChild(t *testing.T) {
	if os.Getenv(benchChild) == "" {
		t.Skip("started by the benchmarks")
	}
	ctx, stop := context.WithCancel(context.Background())
	b, keys, ended := benchBroker(t), benchKeys(t), make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	p := &process{keys: &keys, dial: func() (net.Conn, error) { return b.Dial(ctx) }}
	hellos := p.hellos(t, fleetCameras)
	fmt.Println("done", 0)
	var clients []*wire
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		rate := 0.0
		switch commands.Text() {
		case "wave":
			clients, rate = p.wave(t, hellos)
		case "leave":
			for _, w := range clients {
				_ = w.Close()
			}
			require.Eventually(t, func() bool { return b.Stats().Connections == 0 }, time.Minute, 10*time.Millisecond)
		}
		fmt.Println("done", rate)
	}
	stop()
	require.NoError(t, <-ended)
}

// child is this binary again, which does what it is told line by line.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func startChild(t *testing.T, test string, env ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.timeout=0")}
	c.cmd.Env = append(append(os.Environ(), benchEnv...), env...)
	var err error
	c.in, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.lines = bufio.NewScanner(out)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() { _ = c.in.Close(); _ = c.cmd.Wait() })
	return c
}

// await returns the numbers of the line "done …".
func (c *child) await() (numbers []float64) {
	c.t.Helper()
	for c.lines.Scan() {
		rest, ok := strings.CutPrefix(c.lines.Text(), "done ")
		if !ok {
			continue
		}
		for _, text := range strings.Fields(rest) {
			number, err := strconv.ParseFloat(text, 64)
			require.NoError(c.t, err)
			numbers = append(numbers, number)
		}
		return numbers
	}
	c.t.Fatal("a process of the bench ended: ", c.lines.Err())
	return nil
}

func (c *child) tell(command string) []float64 {
	c.t.Helper()
	_, err := io.WriteString(c.in, command+"\n")
	require.NoError(c.t, err)
	return c.await()
}

// TestBenchFleet is for each camera all that both ends of its connection keep.
func TestBenchFleet(t *testing.T) {
	c := startChild(t, "TestFleetChild")
	c.await()
	p, before := &process{cmd: c.cmd}, 0.0
	empty := p.rss(t)
	for _, wave := range []string{"first", "second", "third"} {
		rate := c.tell("wave")[0]
		time.Sleep(6 * time.Second) // to a steady figure, not a peak
		each := (p.rss(t) - empty) / fleetCameras
		report(figure{Name: "fleet_rss_per_idle_camera_" + wave + "_wave", Value: each, Unit: "KiB"})
		report(figure{Name: "fleet_connects_per_second_" + wave + "_wave", Value: rate, Unit: "1/s"})
		if before != 0 {
			report(figure{Name: "fleet_rss_growth_of_" + wave + "_wave", Value: each / before, Unit: "ratio"})
		}
		before = each
		c.tell("leave")
	}
}
