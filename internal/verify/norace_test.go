//go:build !race

package verify_test

const (
	underRace = false
	scale     = 1
)
