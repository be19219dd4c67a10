//go:build !bench

package e2e

// The programs are tested with the race detector, which ends them with an error when it finds one.
var buildFlags = []string{"-race"}
