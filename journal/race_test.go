//go:build race

package journal

// slowdown is by what the race detector has large tests do less.
const slowdown = 20
