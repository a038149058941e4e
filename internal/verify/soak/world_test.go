package soak

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	tenant        = evidence.Tenant
	numResolvers  = 2 // of a world at any time
	numShoppers   = 8
	idle          = time.Second // anonymous; a customer has twice that
	tombstoneLife = 30 * time.Second
)

// world is shoppers on one store, or on one server.
type world struct {
	name      string
	exclusive bool // all Resolvers have one store, which tells them of everything at once
	open      func() (backend store.Store, closeStore func() error, err error)
	server    *redisserver.Server // nil: there is none

	places  [numResolvers]place
	serial  atomic.Int64
	flushes atomic.Int64 // one more when a FLUSHALL begins, and one more when it has ended
	shop    shop
	tally   tally

	mu         sync.Mutex
	violations []string
}

// tally counts what happened.
type tally struct {
	reads, degraded, fresh, writes, late, logins, logouts, endAlls, left, notEnded, failed, flushed, killed, opened atomic.Int64
}

// place is where a Resolver is, until another one takes its place.
type place struct {
	mu       sync.RWMutex
	resolver *sessionctx.Resolver
	close    func() error
	serial   int64
}

func (w *world) violation(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.violations) < 20 {
		w.violations = append(w.violations, w.name+": "+fmt.Sprintf(format, args...))
	}
}

// timeout is short where a server comes and goes, and long where a slow disk is no news.
func (w *world) timeout() time.Duration {
	if w.exclusive {
		return time.Minute
	}
	return 900 * time.Millisecond
}

// renew closes the Resolver of a place, if there is one, and puts a new one there, with a store of
// its own if the world is not exclusive.
func (w *world) renew(p *place) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.shut(); err != nil {
		return err
	}
	backend, closeStore, err := w.open()
	if err != nil {
		return err
	}
	r, err := sessionctx.New(sessionctx.Config{
		Store: backend, Directory: &w.shop, Logger: slog.New(loginLog{}), CacheBytes: 1 << 20, Timeout: w.timeout(),
		AnonymousIdle: idle, CustomerIdle: 2 * idle, TombstoneLife: tombstoneLife, DirectoryMaxAge: 100 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	p.resolver, p.serial = r, w.serial.Add(1)
	p.close = func() error {
		if err := r.Close(); err != nil {
			return err
		}
		return closeStore()
	}
	w.tally.opened.Add(1)
	return nil
}

func (p *place) shut() error {
	if p.close == nil {
		return nil
	}
	err := p.close()
	p.close = nil
	return err
}

// loginLog is a slog.Handler that notices a login whose old session could not be ended: the login
// succeeds all the same, and says so in the log alone. The context of the login has a *bool for it.
type loginLog struct{}

type oldLivesKey struct{}

func (loginLog) Enabled(context.Context, slog.Level) bool { return true }

func (loginLog) Handle(ctx context.Context, r slog.Record) error {
	if lives, ok := ctx.Value(oldLivesKey{}).(*bool); ok && strings.Contains(r.Message, "old session could not be ended") {
		*lives = true
	}
	return nil
}

func (l loginLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l loginLog) WithGroup(string) slog.Handler { return l }

// disturb does to the world what a day does, until ctx ends.
func (w *world) disturb(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 1; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if i%2 == 0 {
			w.shop.turn.Add(1)
			p := &w.places[rand.IntN(numResolvers)]
			p.mu.RLock()
			p.resolver.Invalidate(tenant, "")
			p.mu.RUnlock()
		}
		if i%7 == 0 {
			if err := w.renew(&w.places[rand.IntN(numResolvers)]); err != nil {
				w.violation("a Resolver does not come or go: %v", err)
				return
			}
		}
		if w.server == nil {
			continue
		}
		if i%5 == 0 {
			w.server.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			w.tally.killed.Add(1)
		}
		if i%13 == 0 {
			w.flushes.Add(1)
			w.server.Do(t, "FLUSHALL")
			w.flushes.Add(1)
			w.tally.flushed.Add(1)
		}
	}
}

// shop is a Directory that changes.
type shop struct{ turn atomic.Int64 }

var currencies = []string{"EUR", "USD", "GBP", "CHF"}

func (s *shop) Sites(context.Context, string) ([]defaults.Site, error) {
	return []defaults.Site{{
		Code: "main", Default: true, Currency: currencies[s.turn.Load()%4], Currencies: currencies, Country: "DE", Language: "de", Languages: []string{"en"},
	}}, nil
}

func (s *shop) Customer(_ context.Context, _, id string) (defaults.Customer, error) {
	return defaults.Customer{Currency: currencies[(int64(len(id))+s.turn.Load())%4]}, nil
}

// worlds returns all of them, with their Resolvers, which are gone when closeAll returns.
func worlds(t *testing.T) (all []*world, closeAll func()) {
	server := redisserver.Start(t)
	redis := &world{name: "redis", server: server, open: func() (store.Store, func() error, error) {
		var err error
		for range 100 { // a connection may be killed just when it is made
			var s *redisstore.Store
			s, err = redisstore.New(evidence.RedisConfig(server.Addr(), 0))
			if err == nil {
				return s, s.Close, nil
			}
		}
		return nil, nil, err
	}}
	file, err := boltstore.Open(filepath.Join(t.TempDir(), "sessions"))
	require.NoError(t, err)
	none := func() error { return nil }
	bolt := &world{name: "bolt", exclusive: true, open: func() (store.Store, func() error, error) { return file, none, nil }}
	memory := &memstore.Store{}
	mem := &world{name: "memory", exclusive: true, open: func() (store.Store, func() error, error) { return memory, none, nil }}
	all = []*world{redis, bolt, mem}
	for _, w := range all {
		for i := range w.places {
			require.NoError(t, w.renew(&w.places[i]))
		}
	}
	return all, func() {
		for _, w := range all {
			for i := range w.places {
				assert.NoError(t, w.places[i].shut())
			}
		}
		assert.NoError(t, file.Close())
	}
}
