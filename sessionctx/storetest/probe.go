package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	ruleTimeout = 30 * time.Second // for one rule; a store that hangs fails
	goroutines  = 24               // in the rules about races
)

// probe is one rule being checked on one store, or on two handles of it.
type probe struct {
	ctx    context.Context
	cancel context.CancelFunc
	a, b   store.Store
	turn   atomic.Uint64
	suffix string // makes the ids of this probe its own

	mu   sync.Mutex
	errs []error
	over atomic.Bool // somebody stopped
}

func newProbe(a, b store.Store) *probe {
	p := &probe{a: a, b: b, suffix: "-" + rand.Text()}
	p.ctx, p.cancel = context.WithTimeout(context.Background(), ruleTimeout)
	return p
}

// stopped is what a check panics with when it makes no sense to go on.
type stopped struct{}

// run calls check until its end, or until it calls stopf.
func (p *probe) run(check func()) {
	defer func() {
		if v := recover(); v != nil && v != (stopped{}) {
			panic(v)
		}
	}()
	check()
}

// failf records a violation.
func (p *probe) failf(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const enough = 10
	if len(p.errs) < enough {
		p.errs = append(p.errs, violation(format, args...))
	}
}

// stopf records a violation and stops the check; goroutines of it that look at going stop with it.
func (p *probe) stopf(format string, args ...any) {
	p.failf(format, args...)
	p.over.Store(true)
	panic(stopped{})
}

// going reports whether it makes sense to go on.
func (p *probe) going() bool { return p.ctx.Err() == nil && !p.over.Load() }

// together runs n calls of f at the same time and waits for them.
func (p *probe) together(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			p.run(func() { f(i) })
		})
	}
	done.Wait()
}

// store returns the handle whose turn it is.
func (p *probe) store() store.Store {
	if p.turn.Add(1)%2 == 1 {
		return p.a
	}
	return p.b
}

// key returns a session's key with an id that begins with name and is this probe's own.
func (p *probe) key(name string) store.Key {
	return store.Key{Tenant: "acme", Kind: store.KindSession, ID: name + p.suffix}
}

// load loads what must be loadable.
func (p *probe) load(key store.Key) store.Record {
	rec, err := p.store().Load(p.ctx, key)
	if err != nil {
		p.stopf("Load of %s: unexpected error: %v", show(key), err)
	}
	return rec
}

// save saves what must be applied.
func (p *probe) save(key store.Key, rec store.Record, base store.Revision) {
	got, err := p.store().Save(p.ctx, key, rec, base)
	switch {
	case errors.Is(err, store.ErrConflict):
		p.stopf("Save of %s on %v: conflict with %v, want it applied: %v", show(key), base, got.Revision(), err)
	case err != nil:
		p.stopf("Save of %s on %v: unexpected error: %v", show(key), base, err)
	}
	if rec.Revision() == base { // of a touch the rest is what was stored
		rec, got = store.Record{Incarnation: rec.Incarnation, Version: rec.Version, ExpiresAt: rec.ExpiresAt},
			store.Record{Incarnation: got.Incarnation, Version: got.Version, ExpiresAt: got.ExpiresAt}
	}
	p.same(fmt.Sprintf("Save of %s returned", show(key)), got, rec)
}

// conflict saves what must conflict with current.
func (p *probe) conflict(desc string, key store.Key, rec store.Record, base store.Revision, current store.Record) {
	got, err := p.store().Save(p.ctx, key, rec, base)
	switch {
	case err == nil:
		p.failf("%s: Save of %s on %v was applied, want a conflict", desc, show(key), base)
	case !errors.Is(err, store.ErrConflict):
		p.failf("%s: Save of %s on %v: want an error that is ErrConflict, got: %v", desc, show(key), base, err)
	default:
		p.same(desc+": with the conflict came", got, current)
	}
	p.same(desc+": after the conflict there is", p.load(key), current)
}

// same compares records field by field.
func (p *probe) same(what string, got, want store.Record) {
	for _, d := range differences(got, want) {
		p.failf("%s %s", what, d)
	}
}

// show quotes a key, shortened.
func show(key store.Key) string {
	id := key.ID
	if len(id) > 48 {
		id = id[:48] + "..."
	}
	return fmt.Sprintf("%q/%d/%q", key.Tenant, key.Kind, id)
}
