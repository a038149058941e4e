package redisstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The time limits of the client are an hour here, so only the context can end a call.
func TestStore_CallsReturnWhenTheirContextEndsThoughServerHangs(t *testing.T) {
	for _, tc := range []struct {
		desc    string
		redials bool
	}{
		{"the connection hangs", false},
		{"the dial hangs", true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t)
			var mu sync.Mutex
			var conns []net.Conn
			s := open(t, server, func(cfg *redisstore.Config) {
				cfg.Lease = time.Minute
				cfg.Client.ConnWriteTimeout, cfg.Client.Dialer.Timeout, cfg.Client.Dialer.KeepAlive = time.Hour, time.Hour, time.Hour
				cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
					conn, err := d.DialContext(ctx, "tcp", addr)
					mu.Lock()
					defer mu.Unlock()
					conns = append(conns, conn)
					return conn, err
				}
			})
			key, rec := saved(t, s, "C1")
			server.Freeze(t)
			defer server.Thaw(t)
			if tc.redials {
				mu.Lock()
				require.NoError(t, conns[1].Close(), "the connection for data")
				mu.Unlock()
			}
			const each = 1500 // loads and saves: more than the client can queue
			wave := func(unsent int64) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var wg sync.WaitGroup
				var unavailable atomic.Int64
				for range each {
					wg.Go(func() {
						_, err := s.Load(ctx, key)
						assert.Error(t, err)
					})
					wg.Go(func() {
						key, rec := aRecord()
						_, err := s.Save(ctx, key, rec, store.Revision{})
						assert.Error(t, err)
						assert.ErrorIs(t, err, context.Canceled)
						if errors.Is(err, store.ErrUnavailable) {
							unavailable.Add(1)
						}
					})
				}
				wg.Go(func() {
					_, err := s.Erase(ctx, tenant, "C1", ended)
					assert.ErrorIs(t, err, context.Canceled)
				})
				eventually(t, func() bool { return s.Loading() == redisstore.MaxLoads && s.Saving() == redisstore.MaxSaves }, "the bounds")
				cancel()
				done := make(chan struct{})
				go func() {
					wg.Wait()
					close(done)
				}()
				eventually(t, func() bool {
					select {
					case <-done:
						return true
					default:
						return false
					}
				}, "the end of all calls")
				assert.Equal(t, unsent, unavailable.Load(), "saves that were not sent")
			}
			wave(each - redisstore.MaxSaves)
			wave(each) // the calls before keep their places
			server.Thaw(t)
			eventually(t, func() bool { return s.Loading() == 0 && s.Saving() == 0 }, "the answers")
			assert.Equal(t, rec, loaded(t, s, key))
		})
	}
}
