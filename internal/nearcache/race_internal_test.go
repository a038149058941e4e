//go:build race

package nearcache

const raceEnabled = true
