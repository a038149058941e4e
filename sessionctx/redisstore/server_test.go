package redisstore_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestNew_RefusesUnsupportedServer(t *testing.T) {
	primary := redisserver.Start(t)
	host, port, err := net.SplitHostPort(primary.Addr())
	require.NoError(t, err)
	evicts := func(policy string) string {
		return "its maxmemory-policy is " + policy + ": it must be noeviction, because an evicted tombstone revives an ended session"
	}
	for _, tc := range []struct {
		desc string
		args []string
		want string
	}{
		{"cluster", []string{"--cluster-enabled", "yes"}, "it is a cluster: only a single primary is supported"},
		{"replica", []string{"--replicaof", host + " " + port}, "it is a replica: records are read from the primary only"},
		{"volatile-lru", []string{"--maxmemory-policy", "volatile-lru"}, evicts("volatile-lru")},
		{"volatile-ttl", []string{"--maxmemory-policy", "volatile-ttl"}, evicts("volatile-ttl")},
		{"allkeys-lfu", []string{"--maxmemory-policy", "allkeys-lfu", "--maxmemory", "100mb"}, evicts("allkeys-lfu")},
		{"no RESP3", []string{"--rename-command", "HELLO", ""}, "Redis 6.2 or newer and the permission +client|tracking are required"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t, tc.args...)
			_, err := redisstore.New(config(server))
			require.ErrorContains(t, err, tc.want)
			assert.ErrorContains(t, err, server.Addr())
		})
	}
}

func TestNew_RefusesOldVersion(t *testing.T) {
	server := redisserver.Start(t)
	_, version, ok := strings.Cut(server.Do(t, "INFO", "server"), "redis_version:")
	require.True(t, ok)
	version, _, _ = strings.Cut(version, "\r")
	for _, tc := range []struct {
		version string
		refused bool
	}{
		{"5.9.99", true},
		{"6.0.16", true},
		{"6.1.99", true},
		{"6.2.0", false},
		{"6.10.0", false},
		{"10.0.0", false},
		{"unstable", false},
	} {
		t.Run(tc.version, func(t *testing.T) {
			p := cutter(t, server.Addr())
			p.replace(bulk(version), bulk(tc.version))
			s, err := redisstore.New(config(server, func(cfg *redisstore.Config) { cfg.Client.InitAddress[0] = p.Addr().String() }))
			if !tc.refused {
				require.NoError(t, err)
				require.NoError(t, s.Close())
				return
			}
			assert.ErrorContains(t, err, "it is version "+tc.version+": Redis 6.2 or newer is required, for SET with PXAT")
		})
	}
}

// bulk returns a text as the server sends it.
func bulk(text string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text) }

// output is a log.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) count(text string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Count(o.text.String(), text)
}

func logTo(o *output) func(*redisstore.Config) {
	return func(cfg *redisstore.Config) { cfg.Logger = slog.New(slog.NewTextHandler(o, nil)) }
}

const unchecked = "the eviction policy of the server cannot be checked; make sure that maxmemory-policy is noeviction"

func TestNew_WarnsWhenEvictionPolicyCannotBeChecked(t *testing.T) {
	for _, tc := range []struct {
		desc string
		args []string
		acl  []string
		want string
	}{
		{"allowed", nil, []string{"+@all"}, ""},
		{"user without INFO and CONFIG", nil, []string{"+@all", "-info", "-config"}, "NOPERM"},
		{"user without CONFIG", nil, []string{"+@all", "-config"}, ""},
		{"server without INFO", []string{"--rename-command", "INFO", ""}, []string{"+@all"}, "unknown command"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t, tc.args...)
			server.Do(t, append([]string{"ACL", "SETUSER", "shop", "on", ">secret", "~*"}, tc.acl...)...)
			var o output
			s := open(t, server, as("shop", "secret"), logTo(&o))
			if tc.want == "" {
				assert.Zero(t, o.count("level"), "nothing is logged")
			} else {
				assert.Equal(t, 1, o.count("level=WARN"))
				assert.Equal(t, 1, o.count(unchecked))
				assert.Equal(t, 1, o.count(tc.want), "the reason")
			}
			key, rec := aRecord()
			_, err := s.Save(t.Context(), key, rec, store.Revision{})
			assert.NoError(t, err, "the Store works")
		})
	}
}

func TestListener_ChecksEvictionPolicyAgainOnNewConnection(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	var o output
	backend := open(t, server, logTo(&o))
	var s sinktest.Sink
	defer backend.Watch(&s)()
	eventually(t, s.Leased, "the lease")
	key, rec := aRecord()
	_, err := backend.Save(t.Context(), key, rec, store.Revision{})
	require.NoError(t, err)

	server.Do(t, "CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	kill(t, server, "sessionctx-tracking")
	eventually(t, func() bool { _, err = backend.Load(t.Context(), key); return err != nil }, "the refusal")
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.ErrorContains(t, err, "its maxmemory-policy is allkeys-random")
	_, err = backend.Erase(t.Context(), tenant, "C1", ended)
	assert.ErrorIs(t, err, store.ErrUnavailable)
	eventually(t, func() bool { return !s.Leased() }, "the end of the lease")
	assert.Equal(t, 1, o.count("invalidation connection lost; cache disabled until it is back"))
	assert.Equal(t, 1, o.count("level=ERROR"), "several tries, one line")

	server.Do(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	eventually(t, s.Leased, "the lease")
	_, err = backend.Load(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, 1, o.count("invalidation connection is back; cache enabled"))
}
