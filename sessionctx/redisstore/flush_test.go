package redisstore_test

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/sinktest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// between is a Store that does something once after a session was read, and before its customer is.
type between struct {
	*redisstore.Store
	do atomic.Pointer[func()]
}

func (s *between) Load(ctx context.Context, key store.Key) (store.Record, error) {
	rec, err := s.Store.Load(ctx, key)
	if do := s.do.Load(); do != nil && key.Kind == store.KindSession && s.do.CompareAndSwap(do, nil) {
		(*do)()
	}
	return rec, err
}

// endedSession returns a request by cookie for a session of customer C1 that an EndAll of another
// process has ended.
func endedSession(t *testing.T, server *redisserver.Server) sessionctx.Request {
	there := resolver(t, open(t, server))
	req := request("")
	req.Proof = sessionctx.BySecret
	s, err := there.Login(t.Context(), req, "C1")
	require.NoError(t, err)
	require.NoError(t, there.EndAll(t.Context(), tenant, "C1"))
	req.SessionID = s.ID
	return req
}

// ready waits for the lease, and for the profile of the customer. The first resolution that needs
// the profile starts again when it has come.
func ready(t *testing.T, r *sessionctx.Resolver) {
	eventually(t, leased(r), "the lease")
	_, err := r.Resolve(t.Context(), customer(""))
	require.NoError(t, err)
}

// deaf is a connection that receives nothing while it is held.
type deaf struct {
	net.Conn
	held *sync.RWMutex
}

func (c deaf) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.held.RLock()
	defer c.held.RUnlock()
	return n, err
}

// hold makes the nth connection deaf while it is held. The first one is for invalidations, the
// second one for data.
func hold(nth int64, held *sync.RWMutex) func(*redisstore.Config) {
	var dials atomic.Int64
	return func(cfg *redisstore.Config) {
		cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "tcp", addr)
			if dials.Add(1) == nth && err == nil {
				conn = deaf{conn, held}
			}
			return conn, err
		}
	}
}

// A session and the generation of its customer are two reads. With a flush between them the session
// would look as if it had never ended. The invalidation connection is too late here.
func TestFlush_SessionThatHadEndedStaysHidden(t *testing.T) {
	for _, tc := range []struct {
		desc       string
		fresh      bool
		reconnects bool // and the flush is before the new connection
	}{
		{"plain", false, false}, {"fresh", true, false}, {"plain, new connection", false, true}, {"fresh, new connection", true, true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t)
			req := endedSession(t, server)
			req.Fresh = tc.fresh
			var held, shut sync.RWMutex
			backend := &between{Store: open(t, server, hold(1, &held), func(cfg *redisstore.Config) {
				cfg.Lease = time.Minute
				cfg.Client.ClientName = "here"
				dial := cfg.Client.DialCtxFn
				cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, tls *tls.Config) (net.Conn, error) {
					shut.RLock()
					defer shut.RUnlock()
					return dial(ctx, addr, d, tls)
				}
			})}
			r := resolver(t, backend)
			ready(t, r)
			epoch := r.Stats().InvalidatedAll
			flush := func() {
				held.Lock()
				if tc.reconnects {
					shut.Lock()
					defer shut.Unlock()
					kill(t, server, "here")
				}
				server.Do(t, "FLUSHALL")
			}
			backend.do.Store(&flush)
			s, err := r.Resolve(t.Context(), req)
			assert.Greater(t, r.Stats().InvalidatedAll, epoch, "reported by the connection for data alone")
			held.Unlock()
			require.NoError(t, err)
			assert.Empty(t, s.CustomerID)
			assert.Empty(t, s.ID)
		})
	}
}

// A flush must invalidate cached records also if nobody reads a record that is missing.
func TestFlush_IsReportedWhileDataConnectionIsSilent(t *testing.T) {
	server := redisserver.Start(t)
	var held sync.RWMutex
	var s sinktest.Sink
	defer open(t, server, hold(2, &held)).Watch(&s)()
	eventually(t, s.Leased, "the lease")
	held.Lock()
	defer held.Unlock()
	server.Do(t, "FLUSHALL")
	eventually(t, func() bool { return s.Losses() == 1 }, "the report")
}
