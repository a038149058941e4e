//go:build !race

package scale_test

// underRace: everything takes ten times as long.
const underRace = false
