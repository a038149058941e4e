package storetest

import (
	"fmt"
	"strings"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func checkKeys(p *probe) {
	id := p.suffix[1:]
	p.apart([]store.Key{
		{Tenant: "acme", Kind: store.KindSession, ID: id},
		{Tenant: "acme", Kind: store.KindCustomer, ID: id},
		{Tenant: "acmf", Kind: store.KindSession, ID: id},
		{Tenant: "acmf", Kind: store.KindCustomer, ID: id},
		{Tenant: "acme", Kind: store.KindSession, ID: id + "x"},
		{Tenant: "acme", Kind: store.KindSession, ID: id[1:]},
		// The same letters, cut elsewhere.
		{Tenant: "acmeshop", Kind: store.KindSession, ID: id},
		{Tenant: "acme", Kind: store.KindSession, ID: "shop" + id},
		// What another store might write between the parts.
		{Tenant: "acme1", Kind: store.KindSession, ID: id},
		{Tenant: "acme", Kind: store.KindCustomer, ID: "0" + id},
		{Tenant: "acme", Kind: store.KindSession, ID: ":" + id},
		{Tenant: "acme", Kind: store.KindSession, ID: "/" + id},
		{Tenant: "acme", Kind: store.KindSession, ID: id + ":acme"},
	})
}

func checkOddIDs(p *probe) {
	long := strings.Repeat("l", 256-len(p.suffix)) + p.suffix
	ids := []string{long, long[:255], long[1:], "x" + long[1:]}
	for _, odd := range []string{
		"A", "a", "a ", " a", "a\x00", "\x00a", "a\n", "a\t", "a/b", "a/../b", "..", "a\\b", "a:b", "a|b", "a*", "a?", "[ab]", "{a}", "%00", "%2f",
		"'; --", `"`, "$(a)", "null", "0", "-1", "ä", "a\u0308", "Ä", "\u00e4\u200b", "\U0001F6D2", "\xff", "\xff\xfe", "\xc3", "\x80",
	} {
		ids = append(ids, odd+p.suffix, p.suffix+odd)
	}
	keys := make([]store.Key, len(ids))
	for i, id := range ids {
		keys[i] = store.Key{Tenant: "acme", Kind: store.KindSession, ID: id}
	}
	p.apart(keys)
}

// apart writes under all keys, then looks and writes again.
func (p *probe) apart(keys []store.Key) {
	recs := make([]store.Record, len(keys))
	for i, key := range keys {
		recs[i] = first(key)
		recs[i].Carts = []store.Cart{{ID: fmt.Sprint("cart of ", i)}}
		got, err := p.store().Save(p.ctx, key, recs[i], none)
		if err != nil {
			p.stopf("Save of %s, where nothing is, returned %v and: %v", show(key), got.Revision(), err)
		}
	}
	for i, key := range keys {
		p.same(fmt.Sprintf("under %s there is", show(key)), p.load(key), recs[i])
	}
	for i, key := range keys {
		if i%2 == 0 {
			newer := next(recs[i])
			p.save(key, newer, recs[i].Revision())
			recs[i] = newer
		}
	}
	for i, key := range keys {
		p.same(fmt.Sprintf("under %s, after others were written again, there is", show(key)), p.load(key), recs[i])
	}
}
