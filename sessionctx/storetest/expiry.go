package storetest

import (
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	// shortLife is how long the records of this rule live at least: longer than all of them take to be
	// saved.
	shortLife = 300 * time.Millisecond
	// savesInShortLife is how many of the slowest saves fit into that life. The rule has 17 before
	// its records expire.
	savesInShortLife = 80
	// grace allows a server that reads its clock once a millisecond, and that keeps a record
	// through the millisecond of its expiry.
	grace = 20 * time.Millisecond
)

func checkExpiry(p *probe) {
	life := shortLife
	for _, name := range []string{"one", "two", "three", "four"} { // how fast is the store on this machine?
		key := p.key("timed " + name)
		begun := time.Now()
		p.save(key, first(key), none)
		life = max(life, savesInShortLife*time.Since(begun))
	}
	end := now().Add(life.Round(time.Millisecond)) // Save takes whole milliseconds
	later := end.Add(time.Hour)
	write := func(name string, expires ...time.Time) (store.Key, store.Record) {
		key := p.key(name)
		rec := first(key)
		rec.ExpiresAt = expires[0]
		p.save(key, rec, none)
		for _, at := range expires[1:] {
			newer := next(rec)
			newer.ExpiresAt = at
			p.save(key, newer, rec.Revision())
			rec = newer
		}
		return key, rec
	}
	touch := func(key store.Key, rec store.Record, at time.Time) store.Record {
		base := rec.Revision()
		rec.ExpiresAt = at
		p.save(key, rec, base)
		return rec
	}
	var gone, kept []stored
	short, shortRec := write("short", end)
	gone = append(gone, stored{"a record", short, shortRec})
	revived, revivedRec := write("revived", end)
	gone = append(gone, stored{"another record", revived, revivedRec})
	tomb := p.key("tombstone")
	tombRec := store.Record{Tenant: tomb.Tenant, Incarnation: 5, Version: 1, Ended: true, CustomerID: "C1", ExpiresAt: end}
	p.save(tomb, tombRec, none)
	gone = append(gone, stored{"a tombstone", tomb, tombRec})
	customer := store.Key{Tenant: "acme", Kind: store.KindCustomer, ID: short.ID}
	customerRec := first(customer)
	customerRec.ExpiresAt = end
	p.save(customer, customerRec, none)
	gone = append(gone, stored{"a customer's record", customer, customerRec})
	key, rec := write("shortened", later, end)
	gone = append(gone, stored{"a record written again with an earlier expiry", key, rec})
	key, rec = write("touched down", later)
	gone = append(gone, stored{"a record touched to an earlier expiry", key, touch(key, rec, end)})

	key, rec = write("lengthened", end, later)
	kept = append(kept, stored{"a record written again with a later expiry", key, rec})
	key, rec = write("touched up", end)
	kept = append(kept, stored{"a record touched to a later expiry", key, touch(key, rec, later)})
	key, rec = write("forever", end, time.Time{})
	kept = append(kept, stored{"a record written again without an expiry", key, rec})
	key, rec = write("touched forever", end)
	kept = append(kept, stored{"a record touched to no expiry", key, touch(key, rec, time.Time{})})

	p.sleepUntil(end.Add(-life / 2))
	for _, x := range gone {
		rec := p.load(x.key)
		if time.Now().Before(end) { // else the machine is too slow to tell
			p.same("before its time of "+x.desc+" there is", rec, x.rec)
		}
	}
	past, pastRec := write("past", now().Add(-time.Hour))
	gone = append(gone, stored{"a record that had expired when it was saved", past, pastRec})

	p.sleepUntil(end.Add(grace))
	for _, x := range gone {
		p.same("after its time of "+x.desc+" there is", p.load(x.key), store.Record{})
	}
	for _, x := range kept {
		p.same("of "+x.desc+" there is", p.load(x.key), x.rec)
	}
	p.conflict("write on a record that is gone", short, next(shortRec), shortRec.Revision(), store.Record{})
	p.conflict("touch of a record that is gone", tomb, touched(tombRec, later), tombRec.Revision(), store.Record{})
	again := first(revived)
	p.save(revived, again, none)
	p.same("of a record written again there is", p.load(revived), again)
}

// sleepUntil waits in real time: a server has no other.
func (p *probe) sleepUntil(t time.Time) {
	select {
	case <-time.After(time.Until(t)):
	case <-p.ctx.Done():
		p.stopf("%v", p.ctx.Err())
	}
}

func touched(rec store.Record, at time.Time) store.Record {
	rec.ExpiresAt = at
	return rec
}
