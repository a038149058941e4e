package mutants

import "github.com/sessionctx/storefront/internal/verify/overlay"

const (
	nearCache    = "internal/nearcache/cache.go"
	entry        = "internal/nearcache/entry.go"
	stamps       = "internal/stamp/stamp.go"
	calls        = "internal/singleflight/singleflight.go"
	boundedCache = "internal/boundedcache/cache.go"
	directory    = "internal/directory/question.go"

	resolve    = "sessionctx/resolve.go"
	resolution = "sessionctx/resolution.go"
	request    = "sessionctx/request.go"
	ownership  = "sessionctx/ownership.go"
	generation = "sessionctx/generation.go"
	update     = "sessionctx/update.go"
	login      = "sessionctx/login.go"
	heir       = "sessionctx/heir.go"
	save       = "sessionctx/save.go"
	conflict   = "sessionctx/conflict.go"
	tombstone  = "sessionctx/tombstone.go"
	memstore   = "sessionctx/memstore/store.go"
)

// swap returns edits of (file, old text, new text), one after the other.
func swap(texts ...string) (edits []overlay.Edit) {
	for i := 0; i < len(texts); i += 3 {
		edits = append(edits, overlay.Edit{File: texts[i], Old: texts[i+1], New: texts[i+2]})
	}
	return edits
}

// stampless makes every stamp current and quiet, and makes more edits: what is left is a plain cache.
func stampless(texts ...string) []overlay.Edit {
	return append(swap(texts...), swap(
		stamps, "return Stamp{s, t.stripes[s].Load() + t.all.Load()}", "return Stamp{stripe: s}",
		stamps, "return t.stripes[s.stripe].Load()+t.all.Load() == s.value", "return s.value == 0",
	)...)
}

// blind takes an entry for what was asked, whatever its key.
var blind = swap(
	nearCache, " && e.is(k)", "",
	nearCache, "mask: ^uint64(0)", "mask: 3",
)

// required are the ways in which others cache, and the safeguards of this product, one at a time.
var required = []mutant{
	{
		desc: "stamps ignored, Del on write",
		edits: stampless(
			boundedCache, "// Close empties the cache", "func (c *Cache[V]) Del(hash uint64) {\n\tc.recent[c.place(hash)].Store(nil)\n\tc.cache.Del(hash)\n}\n\n// Close empties the cache",
			nearCache, "\tw.entry.session = s\n\tw.c.Keep(w.c.Hash(&w.entry.key), w.entry)", "\t_ = s\n\tw.c.of(w.entry.key.Kind).Del(w.c.Hash(&w.entry.key))",
		),
	},
	{
		desc: "versions compared instead of stamps",
		edits: stampless(
			entry, "// Key returns the key.", "func (e *Entry[R]) Version() int64 {\n\trec := e.Record()\n\treturn rec.Version\n}\n\n// Key returns the key.",
			boundedCache, "IgnoreInternalCost: true,", "IgnoreInternalCost: true,\n\t\tShouldUpdate: func(cur, prev V) bool {\n"+
				"\t\t\tc, ok := any(cur).(interface{ Version() int64 })\n\t\t\treturn !ok || c.Version() >= any(prev).(interface{ Version() int64 }).Version()\n\t\t},",
			nearCache, "\tw.entry.session = s\n", "\tw.entry.session = w.c.stamps.Read(s.Stripe())\n",
		),
	},
	{
		desc:  "an entry hangs on the stamp after the load",
		edits: swap(nearCache, "\t\t\tif shared && c.stamps", "\t\t\te.session = c.stamps.Read(e.session.Stripe())\n\t\t\tif shared && c.stamps"),
	},
	{
		desc:  "the key in the entry not compared, few hashes",
		edits: blind,
	},
	{
		desc:  "an entry of a customer's session does not hang on the customer",
		edits: swap(nearCache, "c.stamps.Current(e.session) && c.stamps.Current(e.customer) && e.is", "c.stamps.Current(e.session) && e.is"),
	},
	{
		desc:  "an update creates where an end has removed",
		edits: swap(update, "case c.own.state != absent, req", "case c.own.state == foreign, req"),
	},
	{
		desc: "a login goes on with the versions of what it read first",
		edits: swap(login, "\t\tvar applied bool\n\t\tif saved,",
			"\t\tif saved.Exists() {\n\t\t\tc.next.Version = saved.Version + 1\n\t\t}\n\t\tvar applied bool\n\t\tif saved,"),
	},
	{
		desc:  "a double click on login makes two sessions",
		edits: swap(heir, "if !heir.Ended ||", "if heir.Exists() ||"),
	},
}

// conditions are hard on the product, and right.
var conditions = []mutant{
	{
		desc: "a cache for three sessions that drops half of what it is given",
		edits: swap(
			boundedCache, "MaxCost:            max(", "MaxCost:            3*typical+0*max(",
			boundedCache, "if c.closed || !c.cache.Set", "if c.closed || hash%2 == 0 || !c.cache.Set",
		),
	},
	{
		desc:  "four hashes for sessions and profiles",
		edits: swap(nearCache, "mask: ^uint64(0)", "mask: 3"),
	},
	{
		desc:  "sixteen stamps for all keys",
		edits: swap(stamps, "minStripes = 1 << 10", "minStripes = 1 << 4", stamps, "n = min(max(n, minStripes), MaxStripes)", "n = minStripes"),
	},
}
