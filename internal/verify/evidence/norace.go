//go:build !race

package evidence

// UnderRace: this binary has the race detector, which makes everything ten times slower.
const UnderRace = false
