package mutants

import "github.com/sessionctx/storefront/internal/verify/overlay"

const (
	nearCache = "sessionctx/nearcache.go"
	resolver  = "sessionctx/resolver.go"
	commit    = "sessionctx/commit.go"
	ristretto = "sessionctx/ristretto.go"
	identity  = "sessionctx/identity.go"
	update    = "sessionctx/update.go"
	login     = "sessionctx/login.go"
	life      = "sessionctx/life.go"
	words     = "sessionctx/words.go"
	patch     = "sessionctx/patch.go"
	entry     = "sessionctx/entry.go"
	flights   = "sessionctx/flight.go"
	directory = "sessionctx/directorycache.go"
	memstore  = "sessionctx/memstore/store.go"
)

// swap returns edits of (file, old text, new text), one after the other.
func swap(texts ...string) (edits []overlay.Edit) {
	for i := 0; i < len(texts); i += 3 {
		edits = append(edits, overlay.Edit{File: texts[i], Old: texts[i+1], New: texts[i+2]})
	}
	return edits
}

// wordless takes the words out of all that concerns records, and makes more edits: what is left is a plain cache.
func wordless(texts ...string) []overlay.Edit {
	return append(swap(texts...), swap(
		nearCache, "if n.words.load(e.stripe)+n.words.load(e.sites)", "if n.words.load(e.sites)",
		entry, "e.word+p.sitesWord", "p.sitesWord",
		nearCache, "now < e.deadline && n.words.load(e.stripe) == e.word && n.epoch.Load()", "now < e.deadline && n.epoch.Load()",
		nearCache, "return quiet(l.word) && n.window.Load() != 0 }", "return n.window.Load() != 0 }",
		nearCache, "e.kind != KindSession && n.shareable(l) && n.words.load(l.stripe) == l.word && n.epoch.Load() == l.epoch {", "e.kind != KindSession && n.shareable(l) {",
		nearCache, "usable := func(e *entry) bool { return fresh == 0 && n.usable(e, n.now()) && n.covers(e, l.customer) }", "usable := func(*entry) bool { return false }",
		resolver, "return words.load(e.stripe) == e.word && words.load(p.sites)", "return words.load(p.sites)",
		resolver, "if settled && quiet(e.word) && quiet(p.sitesWord)", "if settled && quiet(p.sitesWord)",
	)...)
}

// blind takes an entry for what was asked, whatever its key.
var blind = swap(
	nearCache, "if !e.is(KindSession, req.Tenant, req.SessionID) || !e.fits(req) {", "if !e.fits(req) {",
	nearCache, "if !ok || !e.is(key.Kind, key.Tenant, key.ID) || !n.usable(e, n.now()) {", "if !ok || !n.usable(e, n.now()) {",
	resolver, "mask: ^uint64(0)", "mask: 3",
)

// required are the ways in which others cache, and the safeguards of this product, one at a time.
var required = []mutant{
	{
		desc: "words ignored, Del on write",
		edits: wordless(
			ristretto, "// Close empties the bag and frees it.", "func (b *bag[V]) Del(hash uint64) {\n"+
				"\tif h := b.held.Load(); h != nil {\n\t\th.cache.Del(hash)\n\t\truntime.KeepAlive(h)\n\t}\n}\n\n// Close empties the bag and frees it.",
			commit, "func (w *writer) end() {\n\tn := &w.r.near\n", "func (w *writer) end() {\n\tn := &w.r.near\n\tw.entry = nil\n\tdefer n.bags[w.key.Kind].Del(w.hash)\n",
		),
	},
	{
		desc: "versions compared instead of words",
		edits: wordless(
			ristretto, "\t\tIgnoreInternalCost: true,\n", "\t\tIgnoreInternalCost: true,\n"+
				"\t\tShouldUpdate: func(cur, prev V) bool {\n"+
				"\t\t\tc, ok := any(cur).(*entry)\n\t\t\treturn !ok || c.version >= any(prev).(*entry).version\n\t\t},\n",
			commit, "func (w *writer) end() {\n\tn := &w.r.near\n", "func (w *writer) end() {\n\tn := &w.r.near\n"+
				"\tif w.entry != nil {\n\t\tdefer n.fill(w.hash, w.entry)\n\t\tw.entry = nil\n\t}\n",
		),
	},
	{
		desc: "filled without a look at the word, under the word after the load",
		edits: swap(nearCache, "e.kind != KindSession && n.shareable(l) && n.words.load(l.stripe) == l.word && n.epoch.Load() == l.epoch {",
			"e.kind != KindSession {\n\t\te.word = n.words.load(l.stripe)"),
	},
	{
		desc:  "the key in the entry not compared, few hashes",
		edits: blind,
	},
	{
		desc:  "memo without the customer's word",
		edits: swap(nearCache, "+n.words.load(e.customer) != e.wordSum", " != e.wordSum", entry, "e.word+p.sitesWord+p.customerWord", "e.word+p.sitesWord"),
	},
	{
		desc: "an update creates where an end has removed",
		edits: swap(update, "case c.st.state != absent, req.Proof == Management && !p.Upsert:",
			"case c.st.state == foreign, req.Proof == Management && !p.Upsert:"),
	},
}

// conditions are hard on the product, and right.
var conditions = []mutant{
	{
		desc: "a cache for three sessions that drops half of what it is given",
		edits: swap(
			ristretto, "MaxCost:            maxBytes,", "MaxCost:            3 * typicalCost / 2,",
			nearCache, "if !n.bags[e.kind].Set(hash, e, e.cost()) {", "if rand.IntN(2) == 0 || !n.bags[e.kind].Set(hash, e, e.cost()) {",
		),
	},
	{
		desc: "four hashes for sessions, two for profiles",
		edits: swap(
			resolver, "mask: ^uint64(0)", "mask: 3",
			directory, "return maphash.Comparable(d.seed, key)", "return maphash.Comparable(d.seed, key) & 1",
		),
	},
	{
		desc:  "sixteen words for all keys",
		edits: swap(words, "uint16(x >> 50)", "uint16(x >> 60)", words, "% numWords)", "% 16)"),
	},
}
