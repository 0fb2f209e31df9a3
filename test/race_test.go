//go:build race

package test

// raceFlags build the gatekeeper as the tests were built.
const raceFlags = "-race"
