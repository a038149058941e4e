package pace

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// Pairs returns how many rounds are run.
func Pairs(t testing.TB) int { return Number(t, "PAIRS", 1) }

// Sessions returns how many sessions there are.
func Sessions(t testing.TB) int { return Number(t, "SESSIONS", 1000) }

// Round returns for how long each way runs in a round.
func Round(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("ROUND")
	if text == "" {
		return time.Millisecond
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("ROUND=%q: must be a duration", text)
	}
	return d
}

// Number returns the environment variable of that name, a number of 1 or more.
func Number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: must be a number of 1 or more", name, text)
	}
	return n
}
