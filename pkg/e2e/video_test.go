//go:build !bench

package e2e

// videoConfig keeps the picture small, so that the tests are about signalling, not pixels.
const videoConfig = "video:\n  width: 640\n  height: 360\n"

// fpsAtLeast is below the 30 pictures per second that viewers get, since the race detector slows the
// camera down.
const fpsAtLeast = 20
