//go:build !race

package sessionctx_test

const raceEnabled = false
