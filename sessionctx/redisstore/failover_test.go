package redisstore_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

// A failover behind a name or a proxy: new connections lead to the new primary, and the old one,
// which is a replica now, keeps the connections that it has.
func TestListener_CallsFollowItToTheNewPrimary(t *testing.T) {
	t.Parallel()
	atOnce := []string{"--repl-diskless-sync-delay", "0"}
	before, after := redisserver.Start(t, atOnce...), redisserver.Start(t, atOnce...)
	var primary atomic.Pointer[redisserver.Server]
	primary.Store(before)
	s := open(t, before, func(cfg *redisstore.Config) {
		cfg.Client.DialCtxFn = func(ctx context.Context, _ string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", primary.Load().Addr())
		}
	})
	key, rec := saved(t, s, "C1")
	follow := func(replica, of *redisserver.Server) {
		replica.Do(t, append([]string{"REPLICAOF"}, strings.Split(of.Addr(), ":")...)...)
		eventually(t, func() bool {
			return strings.Contains(replica.Do(t, "INFO", "replication"), "master_link_status:up")
		}, "the replica")
	}
	follow(after, before)

	primary.Store(after)
	after.Do(t, "REPLICAOF", "NO", "ONE")
	follow(before, after)
	eventually(t, func() bool { return s.Stats().Reconnects > 0 && s.Stats().Unusable == nil }, "the new primary")
	next := rec
	next.Version++
	eventually(t, func() bool { // until the Store has noticed the end of its connection
		_, err := s.Save(t.Context(), key, next, rec.Revision())
		return err == nil
	}, "a write")
	assert.Equal(t, next, loaded(t, s, key))
}
