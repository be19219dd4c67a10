//go:build !linux

package doctor

import "errors"

// StatFS is known for Linux only.
func StatFS(string) (Space, error) { return Space{}, errors.ErrUnsupported }
