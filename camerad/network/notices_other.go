//go:build !linux

package network

import "context"

// notices is nil: this system is not asked to tell of changes.
func notices(context.Context) <-chan struct{} { return nil }
