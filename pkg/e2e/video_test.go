//go:build !bench

package e2e

// videoConfig keeps the picture small, so that the tests are about signalling, not pixels.
const videoConfig = "video:\n  width: 640\n  height: 360\n"
