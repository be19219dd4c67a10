//go:build emulated

package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An emulated camera shows a picture that the emulator can keep up with.
const (
	armVideo      = "video:\n  width: 320\n  height: 180\n  fps: 15\n  bitrate: 300000\n"
	armSeconds    = 6
	armFPSAtLeast = 5
)

// armCameras names, by architecture, the variables with the command line of camerad under its emulator.
var armCameras = map[string]string{"arm64": "E2E_CAMERAD_ARM64", "armv7": "E2E_CAMERAD_ARM"}

// A portal of this machine's architecture and a camerad of a Raspberry Pi's: two viewers see the
// picture move, and camerad ends in good order.
func TestArm(t *testing.T) {
	for architecture, variable := range armCameras {
		t.Run(architecture, func(t *testing.T) {
			command := strings.Fields(os.Getenv(variable))
			require.NotEmpty(t, command, "%s is not set; run: make test-arm", variable)
			l := newLab(t)
			c := l.provisionWith("testpattern", armVideo)
			c.process = start(t, "camerad", append(command, "run", "--config", c.config)...)
			c.process.await(`connected to the portal's broker`)
			person := l.signUp("owner", c)
			two := startHerd(t, person, herdPlan{Camera: c.id, Viewers: 2, Seconds: armSeconds})
			for i, r := range two.reports() {
				t.Logf("viewer %d: %.1f frames per second, %+v", i+1, float64(r.Frames)/armSeconds, r)
				require.GreaterOrEqual(t, r.Frames, armSeconds*armFPSAtLeast, "viewer %d", i+1)
				// Where nothing moves a picture is one packet, but for key frames.
				require.GreaterOrEqual(t, r.Packets, 2*r.Frames, "viewer %d", i+1)
				require.Equal(t, "full", r.Quality, "what the camera says on the control channel")
			}
			c.process.stop()
			require.True(t, c.process.cmd.ProcessState.Success(), "camerad ended: %v", c.process.cmd.ProcessState)
			t.Logf("camerad's log:\n%s", c.process.text())
		})
	}
}
