package redisstore_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestConfig_EveryMistakeIsNamed(t *testing.T) {
	_, err := redisstore.New(redisstore.Config{
		Client: rueidis.ClientOption{
			InitAddress: []string{"a:1", "b:2"}, AlwaysRESP2: true, ReplicaOnly: true,
			Sentinel: rueidis.SentinelOption{MasterSet: "m"}, OnInvalidations: func([]rueidis.RedisMessage) {},
			ClientTrackingOptions: []string{"OPTIN"}, SendToReplicas: func(rueidis.Completed) bool { return true },
			Standalone: rueidis.StandaloneOption{EnableRedirect: true}, ConnLifetime: time.Hour,
		},
		Prefix: strings.Repeat("x", 65),
		Lease:  time.Millisecond,
	})
	var fields []string
	for _, e := range mistakes(t, err) {
		fields = append(fields, strings.TrimPrefix(e.Field, "redisstore.Config."))
	}
	assert.ElementsMatch(t, []string{
		"Client.InitAddress", "Client.AlwaysRESP2", "Client.ReplicaOnly", "Client.Sentinel", "Client.OnInvalidations",
		"Client.ClientTrackingOptions", "Client.SendToReplicas", "Client.Standalone", "Client.ConnLifetime", "Prefix", "Lease",
	}, fields)
}

// mistakes returns the errors that are joined in err.
func mistakes(t *testing.T, err error) (all []*store.ConfigError) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	for _, e := range joined.Unwrap() {
		mistake, ok := e.(*store.ConfigError)
		require.True(t, ok, "%v", e)
		all = append(all, mistake)
	}
	return all
}

func TestConfig_MistakeSaysFieldValueAndRule(t *testing.T) {
	address := rueidis.ClientOption{InitAddress: []string{"127.0.0.1:1"}}
	const braces = `must not contain "{" or "}": a pair of them fixes the cluster slot of each key`
	for _, tc := range []struct {
		desc string
		cfg  redisstore.Config
		want store.ConfigError
	}{
		{"no address", redisstore.Config{}, store.ConfigError{
			Field: "redisstore.Config.Client.InitAddress", Rule: "is required: one address, host:port, of the primary",
		}},
		{"opening brace in the prefix", redisstore.Config{Client: address, Prefix: "shop{"}, store.ConfigError{
			Field: "redisstore.Config.Prefix", Value: "shop{", Rule: braces,
		}},
		{"closing brace in the prefix", redisstore.Config{Client: address, Prefix: "}"}, store.ConfigError{
			Field: "redisstore.Config.Prefix", Value: "}", Rule: braces,
		}},
		{"prefix too long", redisstore.Config{Client: address, Prefix: strings.Repeat("p", 66)}, store.ConfigError{
			Field: "redisstore.Config.Prefix", Value: strings.Repeat("p", 64), Rule: "must have 1 to 64 bytes, and has 66",
		}},
		{"lease too long", redisstore.Config{Client: address, Lease: time.Hour}, store.ConfigError{
			Field: "redisstore.Config.Lease", Value: "1h0m0s", Rule: "must be 50ms to 1m0s",
		}},
		{"lease negative", redisstore.Config{Client: address, Lease: -1}, store.ConfigError{
			Field: "redisstore.Config.Lease", Value: "-1ns", Rule: "must be 50ms to 1m0s",
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, err := redisstore.New(tc.cfg)
			assert.Equal(t, []*store.ConfigError{&tc.want}, mistakes(t, err))
		})
	}
}

func TestConfig_URLIsRefusedAndNotShown(t *testing.T) {
	address := []string{"redis://shop:secret@redis.internal:6379"}
	_, err := redisstore.New(redisstore.Config{Client: rueidis.ClientOption{InitAddress: address}})
	require.Equal(t, "redisstore.Config.Client.InitAddress", mistakes(t, err)[0].Field)
	assert.NotContains(t, err.Error(), "secret")
}

func TestConfig_CallerMayChangeAddressAfterNew(t *testing.T) {
	t.Parallel()
	server, other := redisserver.Start(t), redisserver.Start(t)
	addr := []string{server.Addr()}
	var s sinktest.Sink
	defer open(t, server, func(cfg *redisstore.Config) { cfg.Client.InitAddress = addr }).Watch(&s)()
	eventually(t, s.Leased, "the lease")
	addr[0] = other.Addr()
	server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	listening := func(at *redisserver.Server) bool {
		return strings.Contains(at.Do(t, "CLIENT", "LIST"), "name=sessionctx-tracking ")
	}
	eventually(t, func() bool { return listening(server) || listening(other) }, "the next listener")
	assert.False(t, listening(other))
}

func TestNew_NamesServerThatDoesNotAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = redisstore.New(redisstore.Config{Client: rueidis.ClientOption{InitAddress: []string{addr}}})
	assert.ErrorContains(t, err, addr)
}
