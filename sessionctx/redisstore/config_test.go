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
)

func TestEveryMistakeOfAConfigIsNamed(t *testing.T) {
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
	require.Error(t, err)
	for _, field := range []string{
		"Client.InitAddress", "Client.AlwaysRESP2", "Client.ReplicaOnly", "Client.Sentinel", "Client.OnInvalidations", "Client.ClientTrackingOptions",
		"Client.SendToReplicas", "Client.Standalone", "Client.ConnLifetime", "Prefix", "Lease",
	} {
		assert.ErrorContains(t, err, "redisstore: Config."+field)
	}
}

func TestAURLIsNoAddressAndIsNotShown(t *testing.T) {
	_, err := redisstore.New(redisstore.Config{Client: rueidis.ClientOption{InitAddress: []string{"redis://shop:secret@redis.internal:6379"}}})
	require.ErrorContains(t, err, "redisstore: Config.Client.InitAddress")
	assert.NotContains(t, err.Error(), "secret")
}

func TestTheCallersAddressMayChangeAfterNew(t *testing.T) {
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

func TestAServerThatDoesNotAnswerIsAnErrorThatNamesIt(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = redisstore.New(redisstore.Config{Client: rueidis.ClientOption{InitAddress: []string{addr}}})
	assert.ErrorContains(t, err, addr)
}

func TestAClusterAndAReplicaAreRefused(t *testing.T) {
	primary := redisserver.Start(t)
	host, port, err := net.SplitHostPort(primary.Addr())
	require.NoError(t, err)
	for _, tc := range []struct {
		desc string
		args []string
		want string
	}{
		{"cluster", []string{"--cluster-enabled", "yes"}, "it is a cluster: only a single primary is supported"},
		{"replica", []string{"--replicaof", host + " " + port}, "it is a replica: records are read from the primary only"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t, tc.args...)
			_, err := redisstore.New(config(server))
			require.ErrorContains(t, err, tc.want)
			assert.ErrorContains(t, err, server.Addr())
		})
	}
}
