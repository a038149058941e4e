//go:build race

package verify_test

// scale divides the amount of work under the race detector, which makes everything ten times slower.
const (
	underRace = true
	scale     = 10
)
