package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/redis/rueidis"
)

// unsupportedError says that the server answers, and that it must not be used.
type unsupportedError struct{ reason string }

func (e *unsupportedError) Error() string { return e.reason }

func unsupported(format string, args ...any) error {
	return &unsupportedError{fmt.Sprintf(format, args...)}
}

// recordUnsupported makes all calls fail if err says that the server must not be used.
func (s *Store) recordUnsupported(ctx context.Context, err error) {
	var u *unsupportedError
	if !errors.As(err, &u) {
		return
	}
	before := s.unusable.Load()
	err = fmt.Errorf("the server at %s cannot be used: %w", s.cfg.Client.InitAddress[0], err)
	s.unusable.Store(&err)
	if before == nil || (*before).Error() != err.Error() {
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "redisstore: server is not supported; all calls fail until it is", slog.Any("error", err))
	}
}

// recordNotConnected makes all calls fail until the server is connected for the first time.
func (s *Store) recordNotConnected(ctx context.Context, err error) {
	var u *unsupportedError
	if errors.As(err, &u) {
		s.recordUnsupported(ctx, err)
		return
	}
	first := s.unusable.Load() == nil
	err = fmt.Errorf("the server at %s has not been connected yet: %w", s.cfg.Client.InitAddress[0], err)
	s.unusable.Store(&err)
	if first {
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "redisstore: server cannot be connected; all calls fail until it is", slog.Any("error", err))
	}
}

// minVersion is the first version of Redis with SET ... PXAT.
const minVersion = "6.2"

// checkHello checks the answer to HELLO.
func checkHello(hello map[string]string) error {
	switch {
	case tooOld(hello["version"]):
		return unsupported("it is version %s: Redis %s or newer is required, for SET with PXAT", hello["version"], minVersion)
	case hello["mode"] != "standalone":
		return unsupported("it is a %s: only a single primary is supported", hello["mode"])
	case hello["role"] != "master":
		return unsupported("it is a %s: records are read from the primary only", hello["role"])
	}
	return nil
}

// tooOld reports whether a version is before minVersion. A version that is not in the form of Redis
// is not too old.
func tooOld(version string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(version, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major < 6 || major == 6 && minor < 2
}

// checkEviction checks the eviction policy. It asks INFO and not CONFIG, which more services
// forbid.
func (s *Store) checkEviction(ctx context.Context, client rueidis.Client) error {
	info, err := client.Do(ctx, client.B().Info().Section("memory").Build()).ToString()
	if err != nil {
		if _, answered := rueidis.IsRedisErr(err); !answered {
			return err
		}
	}
	switch policy := evictionPolicy(info); policy {
	case "noeviction":
		return nil
	case "":
		s.cfg.Logger.LogAttrs(ctx, slog.LevelWarn,
			"redisstore: the eviction policy of the server cannot be checked; make sure that maxmemory-policy is noeviction: "+
				"an evicted tombstone revives an ended session", slog.Any("error", err))
		return nil
	default:
		return unsupported("its maxmemory-policy is %s: it must be noeviction, because an evicted tombstone revives an ended session", policy)
	}
}

// evictionPolicy returns the policy that INFO memory states, empty if it states none.
func evictionPolicy(info string) string {
	for line := range strings.Lines(info) {
		if policy, ok := strings.CutPrefix(line, "maxmemory_policy:"); ok {
			return strings.TrimSpace(policy)
		}
	}
	return ""
}
