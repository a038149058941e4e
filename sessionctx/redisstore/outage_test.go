package redisstore_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestResolver_ServerThatIsDownIsSurvived(t *testing.T) {
	server := redisserver.Start(t, "--appendonly", "yes")
	backend := open(t, server)
	soft := resolver(t, backend)
	strict := resolver(t, backend, func(cfg *sessionctx.Config) { cfg.FailDegraded = true })
	_, err := soft.Update(t.Context(), customer("s1"), currency("GBP"))
	require.NoError(t, err)
	eventually(t, leased(soft), "the lease")

	server.Kill()
	eventually(t, func() bool { return !leased(soft)() && !leased(strict)() }, "the end of the lease")
	s, err := soft.Resolve(t.Context(), customer("s1"))
	require.NoError(t, err)
	assert.True(t, s.Degraded)
	assert.Equal(t, "CHF", s.Currency, "the profile is known, the choice is not")
	_, err = strict.Resolve(t.Context(), customer("s1"))
	assert.ErrorIs(t, err, store.ErrUnavailable)
	for _, r := range []*sessionctx.Resolver{soft, strict} {
		_, err = r.Update(t.Context(), customer("s1"), currency("EUR"))
		assert.ErrorIs(t, err, store.ErrUnavailable)
		req := customer("s1")
		req.Fresh = true
		_, err = r.Resolve(t.Context(), req)
		assert.ErrorIs(t, err, store.ErrUnavailable)
	}

	load := func(times int) {
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				for j := range times {
					_, _ = soft.Resolve(t.Context(), customer(fmt.Sprint("s", i*j)))
					_, _ = soft.Update(t.Context(), customer("s1"), currency("EUR"))
				}
			})
		}
		wg.Wait()
	}
	load(20)
	settle := func() (goroutines int, heap uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	before, heap := settle()
	load(200)
	eventually(t, func() bool {
		n, bytes := settle()
		return n <= before+10 && bytes < heap+4<<20
	}, "no more goroutines than before, and at most 4 MiB more of the heap")

	server.Restart(t)
	// On a busy machine calls time out during the outage, and then a probe must be answered.
	answers := func(r *sessionctx.Resolver) bool { return leased(r)() && !r.Stats().StoreHangs }
	eventually(t, func() bool { return answers(soft) && answers(strict) }, "the lease")
	s, err = soft.Resolve(t.Context(), customer("s1"))
	require.NoError(t, err)
	assert.Equal(t, "GBP", s.Currency)
	assert.False(t, s.Degraded)
	_, err = strict.Update(t.Context(), customer("s1"), currency("EUR"))
	assert.NoError(t, err)
}

func TestLoad_NoMoreLoadsThanTheBoundAreInFlight(t *testing.T) {
	server := redisserver.Start(t)
	backend := open(t, server, func(cfg *redisstore.Config) { cfg.Client.ConnWriteTimeout = time.Minute })
	r := resolver(t, backend, func(cfg *sessionctx.Config) { cfg.Timeout = time.Minute })
	eventually(t, leased(r), "the lease")
	server.Freeze(t)
	const sessions = 3 * redisstore.MaxLoads
	var wg sync.WaitGroup
	for i := range sessions {
		wg.Go(func() {
			_, err := r.Resolve(t.Context(), request(fmt.Sprint("s", i)))
			assert.NoError(t, err)
		})
	}
	eventually(t, func() bool { return r.Stats().Loads == sessions && backend.Loading() == redisstore.MaxLoads }, "all loads to have begun")
	server.Thaw(t)
	wg.Wait()
	assert.Zero(t, backend.Loading())
}

// The connection breaks after the script was sent and before its answer comes.
func TestUpdate_LostAnswerIsFoundByWriteID(t *testing.T) {
	server := redisserver.Start(t)
	p := cutter(t, server.Addr())
	backend := open(t, server, func(cfg *redisstore.Config) { cfg.Client.InitAddress[0] = p.Addr().String() })
	r := resolver(t, backend)
	first, err := r.Update(t.Context(), request("s1"), currency("CHF"))
	require.NoError(t, err)
	p.cutAtAnswer("GBP")
	s, err := r.Update(t.Context(), request("s1"), currency("GBP"))
	require.NoError(t, err, "the write was applied, and the record shows it")
	assert.Equal(t, first.Version+1, s.Version)
	assert.Equal(t, 1, p.cuts())
}

func TestClose_OutcomeOfSaveInFlightIsUnknown(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	sent := make(chan struct{})
	backend, err := redisstore.New(config(server, func(cfg *redisstore.Config) {
		cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "tcp", addr)
			return &signalling{Conn: conn, word: "EVALSHA", sent: sent}, err
		}
	}))
	require.NoError(t, err)
	key, rec := aRecord()
	server.Freeze(t)
	done := make(chan error)
	go func() {
		_, err := backend.Save(t.Context(), key, rec, store.Revision{})
		done <- err
	}()
	<-sent
	require.NoError(t, backend.Close())
	assert.NotErrorIs(t, <-done, store.ErrUnavailable)
	server.Thaw(t)
	_, err = backend.Save(t.Context(), key, rec, store.Revision{})
	assert.ErrorIs(t, err, store.ErrUnavailable, "a later one")
}

// signalling is a connection that closes sent when a word has been sent.
type signalling struct {
	net.Conn
	word string
	sent chan struct{}
}

func (c *signalling) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.Contains(b, []byte(c.word)) {
		close(c.sent)
	}
	return n, err
}

func TestLoad_SilentConnectionIsGivenUpWithoutKeepAlive(t *testing.T) {
	t.Parallel()
	server := redisserver.Start(t)
	backend := open(t, server, func(cfg *redisstore.Config) { cfg.Client.Dialer.KeepAlive, cfg.Client.ConnWriteTimeout = -1, -1 })
	server.Freeze(t)
	defer server.Thaw(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	key, _ := aRecord()
	_, err := backend.Load(ctx, key)
	require.Error(t, err)
	assert.NoError(t, ctx.Err(), "it waited for the context of its caller")
}
