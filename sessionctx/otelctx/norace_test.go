//go:build !race

package otelctx_test

const raceEnabled = false
