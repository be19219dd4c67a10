//go:build bench

package e2e

var buildFlags []string
