//go:build !race

package account

const argonMemory = 19 << 10 // KiB
