package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// lockedTimeout is how long a tombstone function waits for a write of the same session: a store
// that calls the function with a lock held lets no write through until it returns.
const lockedTimeout = 200 * time.Millisecond

// eraser returns the handle as an Eraser, nil if it is none.
func eraser(s store.Store) store.Eraser {
	e, _ := s.(store.Eraser)
	return e
}

// tombstoneOf is the pure function that these rules give to Erase. What it returns follows from rec
// alone.
func tombstoneOf(rec store.Record) store.Record {
	return store.Record{
		Tenant: rec.Tenant, Incarnation: rec.Incarnation, First: rec.First, Version: rec.Version + 1,
		WriteID: ^rec.WriteID, Secret: rec.Secret, Ended: true, RemovedCarts: rec.Version,
		CreatedAt: rec.CreatedAt, ModifiedAt: rec.ModifiedAt, ExpiresAt: rec.ExpiresAt,
	}
}

// customer returns a customer id that is this probe's own.
func (p *probe) customer(name string) string { return name + p.suffix }

// stored is a record and where it is.
type stored struct {
	desc string
	key  store.Key
	rec  store.Record
}

// sessions saves n sessions of the customer.
func (p *probe) sessions(name, customerID string, n int) []stored {
	all := make([]stored, n)
	p.together(n, func(i int) {
		key := p.key(fmt.Sprintf("%s %d", name, i))
		rec := first(key)
		rec.CustomerID, rec.Secret = customerID, i%2 == 0
		if i%3 == 0 {
			rec.ExpiresAt = time.Time{}
		}
		p.save(key, rec, none)
		all[i] = stored{fmt.Sprintf("session %d of the customer", i), key, rec}
	})
	if p.over.Load() {
		panic(stopped{})
	}
	return all
}

// erased calls Erase, which must replace want records.
func (p *probe) erased(e store.Eraser, customerID string, want int) {
	n, err := e.Erase(p.ctx, "acme", customerID, tombstoneOf)
	if err != nil {
		p.stopf("Erase: unexpected error: %v", err)
	}
	if n != want {
		p.failf("Erase returned %d, want %d", n, want)
	}
}

func checkErase(p *probe) {
	e := eraser(p.a)
	if e == nil {
		return
	}
	c := p.customer("C1")
	live := p.sessions("erase", c, 30)

	var others []stored
	keep := func(desc string, key store.Key, change func(*store.Record)) {
		rec := first(key)
		rec.CustomerID = c
		change(&rec)
		p.save(key, rec, none)
		others = append(others, stored{desc, key, rec})
	}
	of := func(id string) func(*store.Record) { return func(r *store.Record) { r.CustomerID = id } }
	nothing := func(*store.Record) {}
	keep("another customer's session", p.key("other"), of("C2"))
	keep("the session of a customer whose id begins like this one", p.key("longer"), of(c+"0"))
	keep("the session of a customer whose id ends like this one", p.key("suffix"), of("0"+c))
	keep("the session of a customer whose id is the first part of this one", p.key("shorter"), of(c[:len(c)-1]))
	keep("the session of a customer whose id is in lower case", p.key("lower"), of("c"+c[1:]))
	keep("a session of another tenant", store.Key{Tenant: "acmf", ID: p.key("tenant").ID}, nothing)
	keep("a session of the same id of another tenant", store.Key{Tenant: "acmf", ID: live[0].key.ID}, nothing)
	keep("a guest's session", p.key("guest"), of(""))
	keep("another's session that names the customer in an attribute and as company", p.key("text"), func(r *store.Record) {
		r.CustomerID, r.Company, r.Attributes[0].Value = "C2", c, fmt.Appendf(nil, "%q", c)
	})
	keep("a session whose id is the customer's", store.Key{Tenant: "acme", ID: c}, of("C2"))
	keep("a tombstone that still names the customer", p.key("tombstone"), func(r *store.Record) { r.Ended = true })
	keep("the record of the customer", store.Key{Tenant: "acme", Kind: store.KindCustomer, ID: c}, nothing)
	gone := p.key("expired")
	rec := first(gone)
	rec.CustomerID, rec.ExpiresAt = c, now().Add(-time.Hour)
	p.save(gone, rec, none)

	for _, desc := range []string{"after Erase", "after a second Erase"} {
		if desc == "after Erase" {
			p.erased(e, c, len(live))
		} else {
			p.erased(e, c, 0)
		}
		for _, x := range live {
			p.same(fmt.Sprintf("%s: of %s there is", desc, x.desc), p.load(x.key), tombstoneOf(x.rec))
		}
		for _, x := range others {
			p.same(fmt.Sprintf("%s: of %s there is", desc, x.desc), p.load(x.key), x.rec)
		}
		p.same(desc+": of an expired session there is", p.load(gone), store.Record{})
	}
}

func checkEraseReported(p *probe) {
	e := eraser(p.a)
	if e == nil {
		return
	}
	for _, handles := range [][]store.Store{{p.a}, {p.a, p.b}} {
		var sinks []*sink
		for i, h := range handles {
			s := p.watch(fmt.Sprintf("handle %d of %d", i+1, len(handles)), h)
			if s == nil {
				return
			}
			defer s.end()
			s.awaitLease()
			sinks = append(sinks, s)
		}
		c := p.customer(fmt.Sprint("reported", len(handles)))
		live := p.sessions("erase reported "+c, c, 5)
		before := make(map[*sink][]int)
		for _, s := range sinks {
			for _, x := range live {
				before[s] = append(before[s], s.heard(x.key.Hash()))
			}
		}
		p.erased(e, c, len(live))
		for _, s := range sinks {
			for i, x := range live {
				s.expect("the erasure of "+x.desc, x.key, before[s][i])
			}
			s.end()
		}
	}
}

// checkEraseRace writes each session between what Erase reads of it and what it writes: from the
// tombstone function, by another goroutine.
func checkEraseRace(p *probe) {
	e := eraser(p.a)
	if e == nil {
		return
	}
	c := p.customer("race")
	live := p.sessions("erase race", c, 12)
	type race struct {
		once   sync.Once
		newest store.Record // written under the probe's eyes
	}
	races := make(map[uint64]*race) // by incarnation
	for i, x := range live {
		races[x.rec.Incarnation] = &race{newest: live[i].rec}
	}
	var writes sync.WaitGroup
	var mu sync.Mutex // guards newest
	tombstone := func(rec store.Record) store.Record {
		r := races[rec.Incarnation]
		if r == nil {
			p.failf("the tombstone of an unknown record was asked for: %v", rec.Revision())
			return tombstoneOf(rec)
		}
		r.once.Do(func() {
			done := make(chan struct{})
			writes.Go(func() {
				defer close(done)
				for i, x := range live {
					if x.rec.Incarnation != rec.Incarnation {
						continue
					}
					write := next(x.rec)
					if i%2 == 0 { // it becomes somebody else's
						write.CustomerID = "C2"
					}
					_, err := p.b.Save(p.ctx, x.key, write, x.rec.Revision())
					switch {
					case err == nil:
						mu.Lock()
						r.newest = write
						mu.Unlock()
					case !errors.Is(err, store.ErrConflict):
						p.failf("Save of %s: unexpected error: %v", show(x.key), err)
					}
				}
			})
			select {
			case <-done:
			case <-time.After(lockedTimeout):
			}
		})
		return tombstoneOf(rec)
	}
	n, err := e.Erase(p.ctx, "acme", c, tombstone)
	writes.Wait()
	if err != nil {
		p.stopf("Erase: unexpected error: %v", err)
	}
	tombstones := 0
	for _, x := range live {
		newest := races[x.rec.Incarnation].newest
		want := newest
		if newest.CustomerID == c {
			want = tombstoneOf(newest)
			tombstones++
		}
		p.same(fmt.Sprintf("of %s, which was written while Erase ran, there is", x.desc), p.load(x.key), want)
	}
	if n != tombstones {
		p.failf("Erase returned %d, want %d: the number of tombstones", n, tombstones)
	}
}

func checkEraseContext(p *probe) {
	e := eraser(p.a)
	if e == nil {
		return
	}
	c := p.customer("context")
	live := p.sessions("erase context", c, 40)
	replaced := func() (n int) {
		for _, x := range live {
			switch rec := p.load(x.key); {
			case rec.Ended:
				p.same("of "+x.desc+" there is", rec, tombstoneOf(x.rec))
				n++
			default:
				p.same("of "+x.desc+" there is", rec, x.rec)
			}
		}
		return n
	}
	ended, cancel := context.WithCancel(p.ctx)
	cancel()
	n, err := e.Erase(ended, "acme", c, tombstoneOf)
	if !errors.Is(err, context.Canceled) {
		p.failf("Erase with an ended context: want an error that is %q, got: %v", context.Canceled, err)
	}
	if got := replaced(); n != got || got != 0 {
		p.failf("Erase with an ended context returned %d and replaced %d", n, got)
	}

	running, cancel := context.WithCancel(p.ctx)
	defer cancel()
	n, err = e.Erase(running, "acme", c, func(rec store.Record) store.Record {
		cancel()
		return tombstoneOf(rec)
	})
	if !errors.Is(err, context.Canceled) {
		p.failf("Erase whose context ends: want an error that is %q, got: %v", context.Canceled, err)
	}
	got := replaced()
	if got == len(live) {
		p.failf("Erase replaced all %d records although its context had ended", got)
	}
	if n > got {
		p.failf("Erase whose context ends returned %d, but replaced %d", n, got)
	}
	// A write that was under way when the context ended may have been applied since.
	if n, err = e.Erase(p.ctx, "acme", c, tombstoneOf); err != nil {
		p.stopf("Erase: unexpected error: %v", err)
	}
	if n > len(live)-got {
		p.failf("Erase returned %d, want at most %d", n, len(live)-got)
	}
	if got = replaced(); got != len(live) {
		p.failf("Erase replaced %d of %d records", got, len(live))
	}
}

func checkEraseNobody(p *probe) {
	e := eraser(p.a)
	if e == nil {
		return
	}
	key := p.key("erase nobody")
	guest := first(key)
	guest.CustomerID = ""
	p.save(key, guest, none)
	n, err := e.Erase(p.ctx, "acme", "", func(rec store.Record) store.Record {
		p.failf("the tombstone of a guest's session was asked for")
		return rec
	})
	if err == nil || n != 0 {
		p.failf("Erase of the empty customer id returned %d and %v, want an error", n, err)
	}
	p.same("after it there is of a guest's session", p.load(key), guest)
}
