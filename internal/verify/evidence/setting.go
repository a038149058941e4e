package evidence

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// setting returns an environment variable as parse reads it, or what is given if it is not set.
func setting[T any](t testing.TB, name string, otherwise T, parse func(string) (T, error)) T {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		t.Fatalf("the environment variable %s=%q: %v", name, text, err)
	}
	return v
}

// Number returns the number in an environment variable.
func Number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	return setting(t, name, otherwise, strconv.Atoi)
}

// Duration returns the duration in an environment variable.
func Duration(t testing.TB, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	return setting(t, name, otherwise, time.ParseDuration)
}

// Wait waits for d, or until the test ends.
func Wait(t testing.TB, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
