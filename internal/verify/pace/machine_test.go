package pace_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/pace"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// TestTheMachineIsNamed says what the figures were measured on.
func TestTheMachineIsNamed(t *testing.T) {
	processor := "unknown"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				processor = strings.TrimSpace(value)
				break
			}
		}
	}
	system := runtime.GOOS + "/" + runtime.GOARCH
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-") // what comes after it names whose build it is
		system += ", kernel " + version
	}
	require.NotEmpty(t, runtime.Version())
	tables.Write(t, "pace-machine", []string{"processor", "processors for Go", "system", "Go", "pairs", "a round", "sessions"}, []string{
		processor, fmt.Sprint(runtime.GOMAXPROCS(0)), system, runtime.Version(),
		fmt.Sprint(pace.Pairs(t)), pace.Round(t).String(), fmt.Sprint(pace.Sessions(t)),
	})
}
