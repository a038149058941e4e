package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var none store.Revision

func checkNothing(p *probe) {
	key := p.key("nothing")
	customer := key
	customer.Kind = store.KindCustomer
	// The Resolver asks with this key whether the Store answers.
	probe := store.Key{Tenant: "probe", Kind: store.KindCustomer, ID: "probe"}
	for _, key := range []store.Key{key, customer, probe} {
		p.same(fmt.Sprintf("Load of %s returned", show(key)), p.load(key), store.Record{})
	}
}

func checkRoundTrip(p *probe) {
	all, err := filled(p.key(""))
	if err != nil {
		p.stopf("%v", err)
	}
	values := func(values ...string) (attrs []store.Attribute) {
		for i, v := range values {
			attrs = append(attrs, store.Attribute{Name: fmt.Sprintf("n%03d", i), Value: json.RawMessage(v), Changed: int64(i)})
		}
		return attrs
	}
	cases := []struct {
		desc   string
		change func(*store.Record)
	}{
		{"every field", func(r *store.Record) { *r = all }},
		{"hardly any field", func(r *store.Record) {
			*r = store.Record{Tenant: r.Tenant, Incarnation: 1, Version: 1, CustomerID: "C1"}
		}},
		{"no expiry", func(r *store.Record) { r.ExpiresAt = time.Time{} }},
		{"extreme numbers", func(r *store.Record) {
			r.Incarnation, r.WriteID, r.Version = math.MaxUint64, math.MaxUint64, math.MaxInt64
			r.Generation, r.RemovedAttributes, r.Changed[0] = math.MaxInt64, math.MinInt64, math.MaxInt64-1
		}},
		{"odd times", func(r *store.Record) {
			r.CreatedAt, r.ModifiedAt = time.UnixMilli(-1).UTC(), time.UnixMilli(0).UTC()
			r.ExpiresAt = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
		}},
		{"odd texts", func(r *store.Record) {
			r.CustomerID, r.Company = "\x00/ü\U0001F6D2 \xff\xfe'\"\\", strings.Repeat("ä", 127)+"\xff\x00"
			r.Choices = defaults.Choices{Site: "a|\xff", Currency: "\n\xff", Country: "{}\xff", Language: "null\xff"}
		}},
		{"several carts", func(r *store.Record) {
			r.Carts = []store.Cart{{}, {Site: "\x00\xff", ID: "ü"}, {Site: "main", Country: "DE", Changed: math.MinInt64}}
			slices.SortFunc(r.Carts, func(a, b store.Cart) int { return strings.Compare(a.Site, b.Site) })
		}},
		{"no cart", func(r *store.Record) { r.Carts = nil }},
		{"an heir of any bytes", func(r *store.Record) { r.Heir = []byte("\x00\xff'\"\\\n" + strings.Repeat("h", 300)) }},
		{"many dimensions", func(r *store.Record) {
			r.Dimensions = nil
			for i := range 70 {
				r.Dimensions = append(r.Dimensions, store.Dimension{Name: fmt.Sprintf("n%03d", i), Value: "\xff", Changed: int64(i)})
			}
		}},
		{"fields of a newer program", func(r *store.Record) {
			r.Unknown = append(unknownField(70, 0), unknownField(math.MaxUint64, 0xff)...)
		}},
		{"attributes to the byte", func(r *store.Record) {
			r.Attributes = values(`{"b" : 1.0,"a":1e2, "b":2 }`, `"\u00e4<&>\/"`, "\"\u2028\"", `null`, `-0`, ` [ ] `, `12345678901234567890`)
		}},
		{"odd names of attributes", func(r *store.Record) {
			r.Attributes = values(`1`, `2`, `3`)
			for i, name := range []string{" a/b", "a\x00", "ä\U0001F6D2"} {
				r.Attributes[i].Name = name
			}
		}},
		{"a large record", func(r *store.Record) {
			r.Attributes = values(slices.Repeat([]string{`"` + strings.Repeat("x", 250) + `"`}, 64)...)
		}},
	}
	for _, tc := range cases {
		key := p.key("round trip")
		rec := first(key)
		tc.change(&rec)
		key.ID += tc.desc
		p.save(key, rec, none)
		p.same(tc.desc+": Load returned", p.load(key), rec)
	}
	customer := p.key("round trip")
	customer.Kind = store.KindCustomer
	rec := first(customer)
	rec.Generation = 3
	p.save(customer, rec, none)
	p.same("of a customer Load returned", p.load(customer), rec)
}

func checkCompare(p *probe) {
	key := p.key("compare")
	one := first(key)
	one.Incarnation = 1<<63 + 1 // its neighbours are the same number to whoever computes in doubles
	base := func(inc uint64, v int64) store.Revision {
		return store.Revision{Incarnation: inc, Version: v}
	}

	p.conflict("on a record where there is none", key, next(one), one.Revision(), store.Record{})
	p.save(key, one, none)
	p.same("after the first write there is", p.load(key), one)

	other := first(key)
	p.conflict("on nothing where there is a record", key, other, none, one)
	p.conflict("on another incarnation", key, next(one), base(one.Incarnation+1, one.Version), one)
	p.conflict("on no incarnation", key, next(one), base(0, one.Version), one)
	p.conflict("on a version to come", key, next(next(one)), base(one.Incarnation, 2), one)

	two := next(one)
	p.save(key, two, one.Revision())
	p.same("after the second write there is", p.load(key), two)
	p.conflict("on an old version", key, next(one), one.Revision(), two)

	big := two
	big.Version = 1<<62 + 1
	p.save(key, big, two.Revision())
	p.conflict("on a version that differs in the last bit", key, next(big), base(big.Incarnation, big.Version-1), big)

	p.save(key, other, big.Revision()) // another incarnation may follow, whoever knows this one
	p.same("after another incarnation was written there is", p.load(key), other)
}

func checkOneWinner(p *probe) {
	key := p.key("one winner")
	stored := store.Record{}
	for round := range 8 {
		var mu sync.Mutex
		var winners []store.Record
		p.together(goroutines, func(int) {
			rec := first(key)
			if stored.Version > 0 {
				rec = next(stored)
			}
			got, err := p.store().Save(p.ctx, key, rec, stored.Revision())
			switch {
			case err == nil:
				mu.Lock()
				winners = append(winners, rec)
				mu.Unlock()
			case !errors.Is(err, store.ErrConflict):
				p.failf("in round %d: want an error that is ErrConflict, got: %v", round, err)
			case got.Revision() == stored.Revision() || got.WriteID == rec.WriteID:
				p.failf("in round %d: with the conflict came revision %v, not the winner's", round, got.Revision())
			}
		})
		if len(winners) != 1 {
			p.stopf("in round %d: of %d writes on the base %v %d were applied", round, goroutines, stored.Revision(), len(winners))
		}
		p.same("after the race there is", p.load(key), winners[0])
		stored = winners[0]
	}
}

func checkNoLostUpdate(p *probe) {
	key := p.key("no lost update")
	rec := first(key)
	rec.Generation = 0
	p.save(key, rec, none)
	p.together(goroutines, func(int) {
		cur := p.load(key)
		for p.going() {
			rec := next(cur)
			rec.Generation++ // what all of them add to
			now, err := p.store().Save(p.ctx, key, rec, cur.Revision())
			if err == nil {
				return
			}
			if !errors.Is(err, store.ErrConflict) {
				p.stopf("Save: want an error that is ErrConflict, got: %v", err)
			}
			if now.Version <= cur.Version {
				p.stopf("with the conflict on %v came %v", cur.Revision(), now.Revision())
			}
			cur = now
		}
	})
	if got := p.load(key); got.Generation != goroutines || got.Version != goroutines+1 {
		p.failf("after %d applied additions of 1 there is %d in version %d", goroutines, got.Generation, got.Version)
	}
}

func checkTouch(p *probe) {
	key := p.key("touch")
	rec := first(key)
	p.conflict("touch where there is nothing", key, rec, rec.Revision(), store.Record{})
	p.save(key, rec, none)
	for _, at := range []time.Time{rec.ExpiresAt.Add(time.Hour), rec.ExpiresAt.Add(-30 * time.Minute), {}, rec.ExpiresAt} {
		// The touch knows the record from a cache, and not all of it.
		touch := store.Record{Tenant: key.Tenant, Incarnation: rec.Incarnation, Version: rec.Version, ExpiresAt: at}
		p.save(key, touch, rec.Revision())
		rec.ExpiresAt = at
		p.same("after the touch there is", p.load(key), rec)
	}
	full := next(rec)
	full.Version = rec.Version
	full.ExpiresAt = rec.ExpiresAt.Add(time.Minute)
	p.save(key, full, rec.Revision())
	rec.ExpiresAt = full.ExpiresAt
	p.same("after a touch with other fields there is", p.load(key), rec)

	newer := next(rec)
	p.save(key, newer, rec.Revision())
	p.conflict("touch of an old version", key, rec, rec.Revision(), newer)
}

func checkTombstone(p *probe) {
	key := p.key("tombstone")
	live := first(key)
	p.save(key, live, none)
	ended := store.Record{
		Tenant: key.Tenant, Incarnation: live.Incarnation, Version: 2, WriteID: 7, Ended: true,
		CreatedAt: live.CreatedAt, ModifiedAt: live.ModifiedAt, ExpiresAt: live.ExpiresAt,
	}
	p.save(key, ended, live.Revision())
	p.same("after the end there is", p.load(key), ended)
	p.conflict("late write", key, next(live), live.Revision(), ended)
	p.conflict("late touch", key, live, live.Revision(), ended)
	p.conflict("new record", key, first(key), none, ended)

	at := ended.ExpiresAt.Add(time.Hour)
	touch := ended
	touch.ExpiresAt = at
	p.save(key, touch, ended.Revision())
	p.same("after a touch there is", p.load(key), touch)

	unheard := p.key("tombstone of nothing")
	ended.Version = 1
	p.save(unheard, ended, none)
	p.same("after an end before any write there is", p.load(unheard), ended)
}

func checkFresh(p *probe) {
	key := p.key("fresh")
	rec := first(key)
	p.save(key, rec, none)
	write := func() {
		newer := next(rec)
		p.save(key, newer, rec.Revision())
		rec = newer
	}
	for range 3 {
		_ = p.load(key) // the store may cache it
		write()
		for range 3 {
			p.same("after Save had returned there is", p.load(key), rec)
		}
	}
	const readers, enough = 4, 60
	var seen atomic.Int64
	var done atomic.Int32
	p.together(1+readers, func(i int) {
		if i == 0 {
			for p.going() && done.Load() < readers {
				write()
				seen.Store(rec.Version)
			}
			return
		}
		defer done.Add(1)
		for n := 0; p.going() && (n < enough || seen.Load() < enough); n++ {
			v := seen.Load()
			if got := p.load(key); got.Version < v {
				p.stopf("after the Save of version %d had returned, Load returned version %d", v, got.Version)
			}
		}
	})
}

func checkWhole(p *probe) {
	key := p.key("whole")
	state := func(inc uint64, v int64) store.Record { // all of it follows from the version
		rec, err := filled(key)
		if err != nil {
			p.stopf("%v", err)
		}
		at := farOff(int(v))
		rec.Incarnation, rec.Version, rec.WriteID, rec.Ended = inc, v, uint64(v), false
		rec.CustomerID, rec.Company = fmt.Sprint("customer", v), fmt.Sprint("company", v)
		rec.Choices.Site, rec.RemovedAttributes, rec.Generation = fmt.Sprint("site", v), v, v
		rec.CreatedAt, rec.ModifiedAt, rec.ExpiresAt = at, at, at
		for i := range rec.Attributes {
			rec.Attributes[i].Value = fmt.Appendf(nil, `"%0*d"`, 100*(1+v%3), v)
		}
		return rec
	}
	const writers, readers, enough = 3, 3, 100
	p.save(key, state(1, 1), none)
	var writes, done atomic.Int32
	p.together(writers+readers, func(i int) {
		if i < writers {
			for p.going() && done.Load() < readers {
				cur := p.load(key)
				_, err := p.store().Save(p.ctx, key, state(1, cur.Version+1), cur.Revision())
				if err != nil && !errors.Is(err, store.ErrConflict) {
					p.stopf("Save: unexpected error: %v", err)
				}
				if err == nil {
					writes.Add(1)
				}
			}
			return
		}
		defer done.Add(1)
		for n := 0; p.going() && (n < enough || writes.Load() < enough); n++ {
			got := p.load(key)
			if d := differences(got, state(1, got.Version)); d != nil {
				p.stopf("Load of version %d returned %s", got.Version, strings.Join(d, "; "))
			}
		}
	})
}

func checkImmutable(p *probe) {
	key, neighbour := p.key("immutable"), p.key("neighbour")
	one, other := first(key), first(neighbour)
	other.Heir, other.Unknown = []byte("others"), unknownField(98, 6)
	other.Carts = []store.Cart{{Site: "zzzz", ID: "cart-2"}}
	one.Attributes = []store.Attribute{{Name: "a", Value: json.RawMessage(`"one"`)}, {Name: "b", Value: json.RawMessage(`"two"`)}}
	other.Attributes = []store.Attribute{{Name: "a", Value: json.RawMessage(`"xxx"`)}, {Name: "b", Value: json.RawMessage(`"yyy"`)}}
	handed := copied(one)
	p.save(key, one, none)
	p.same("after Save the record that it was handed is", one, handed)
	p.save(neighbour, other, none)

	loaded := p.load(key)
	before := copied(loaded)
	two := next(one)
	two.Attributes, two.Heir, two.Unknown = copied(other).Attributes, copied(other).Heir, copied(other).Unknown
	p.save(key, two, one.Revision())
	_, _ = p.load(key), p.load(neighbour)
	current, err := p.store().Save(p.ctx, key, two, one.Revision())
	if !errors.Is(err, store.ErrConflict) {
		p.failf("Save on an old version: want an error that is ErrConflict, got: %v", err)
	}
	atConflict := copied(current)
	p.save(key, next(two), two.Revision())
	_, _ = p.load(key), p.load(neighbour)
	p.same("after more calls the record that Load had returned is", loaded, before)
	p.same("after more calls the record that came with a conflict is", current, atConflict)
	p.same("after more calls the record that Save was handed is", one, handed)
}

// checkFull fills the store a little. That is too much for a store with a small bound.
func checkFull(p *probe) {
	type outcome struct {
		rec  store.Record
		full bool
	}
	const records, updates = 240, 2
	value := json.RawMessage(`"` + strings.Repeat("x", 4096) + `"`)
	p.together(goroutines, func(i int) {
		for n := i; n < records; n += goroutines {
			key := p.key(fmt.Sprintf("full %d", n))
			var stored store.Record
			for range 1 + updates {
				rec := first(key)
				if stored.Version > 0 {
					rec = next(stored)
				}
				rec.Attributes = slices.Clone(rec.Attributes)
				rec.Attributes[0].Value = value
				_, err := p.store().Save(p.ctx, key, rec, stored.Revision())
				out := outcome{rec: rec, full: errors.Is(err, store.ErrFull)}
				if err != nil && !out.full {
					p.stopf("Save of %s: unexpected error: %v", show(key), err)
				}
				if !out.full {
					stored = rec
				}
				p.same(fmt.Sprintf("after Save, with the error %v, there is", err), p.load(key), stored)
			}
		}
	})
}

func checkContext(p *probe) {
	key := p.key("context")
	one := first(key)
	p.save(key, one, none)
	cancelled, cancel := context.WithCancel(p.ctx)
	cancel()
	late, cancel := context.WithDeadline(p.ctx, time.Now().Add(-time.Second))
	defer cancel()
	cur := one
	for _, ctx := range []context.Context{cancelled, late} {
		if _, err := p.store().Load(ctx, key); !errors.Is(err, ctx.Err()) {
			p.failf("Load with an ended context: want an error that is %q, got: %v", ctx.Err(), err)
		}
		two := next(cur)
		_, err := p.store().Save(ctx, key, two, cur.Revision())
		if !errors.Is(err, ctx.Err()) {
			p.failf("Save with an ended context: want an error that is %q, got: %v", ctx.Err(), err)
		}
		if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrFull) {
			p.failf("Save with an ended context: want an error that says nothing about the record, got: %v", err)
		}
		if got := p.load(key); got.Version == two.Version { // it may have been applied all the same
			cur = two
		}
		p.same("after it there is", p.load(key), cur)
	}
}
