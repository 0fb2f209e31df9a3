//go:build !race

package test

// raceFlags build the gatekeeper as the tests were built.
const raceFlags = ""

// slack is by how much everything may take longer than it must.
const slack = 1
