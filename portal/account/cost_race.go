//go:build race

package account

// The race detector makes a hash take seconds in place of milliseconds. What is built with it is for tests alone.
const argonMemory = 64 // KiB
