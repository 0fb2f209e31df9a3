//go:build race

package test

// raceFlags build the gatekeeper as the tests were built.
const raceFlags = "-race"

// slack is by how much everything may take longer with it.
const slack = 3
