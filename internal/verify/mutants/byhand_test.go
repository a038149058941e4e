package mutants

// byHand are more mutants; MUTANTS=all runs them too.
var byHand = []mutant{
	{
		desc:  "a resolution without the sites that it was made of",
		edits: swap(resolution, "now < n.sites.Until() && ", ""),
	},
	{
		desc:  "a resolution without the profile that it was made of",
		edits: swap(dependence, "{ r.near.Bump(k.record()) }", "{}", resolver, "\t\tr.near.Bump(key.record()) // also", "\t\t_ = key // also"),
	},
	{
		desc:  "a resolution for any customer",
		edits: swap(request, "View: req.asserted(), ", ""),
	},
	{
		desc:  "a resolution for any proof",
		edits: swap(resolution, "n.proof == req.Proof &&", "true &&"),
	},
	{
		desc: "no writers counted",
		edits: swap(
			stamps, "Add(change + 1)", "Add(change)",
			stamps, "Add(change - 1)", "Add(change)",
			stamps, "next := w.begun + change - 1", "next := w.begun + change",
			stamps, "w.begun&writers == 1 && ", "",
		),
	},
	{
		desc: "the stamp comes back to what it was",
		edits: swap(
			stamps, "Add(change + 1)", "Add(1)",
			stamps, "Add(change - 1)", "Add(^uint64(0))",
			stamps, "next := w.begun + change - 1", "next := w.begun - 1",
		),
	},
	{
		desc:  "a writer keeps what it wrote though it was not alone",
		edits: swap(stamps, "\tt.End(w)\n\treturn Stamp{}, false", "\tt.End(w)\n\treturn t.Read(w.stripe), true"),
	},
	{
		desc:  "what was loaded while a writer was under way is kept",
		edits: swap(stamps, "return s.value&writers == 0", "return true"),
	},
	{
		desc:  "compare and set without compare",
		edits: swap(memstore, "case current.Revision() != base:", "case current.Revision() != base && false:"),
	},
	{
		desc:  "conflict judged by value",
		edits: swap(conflict, "if c.set && cur.Changed[f] > base {", "if c.set && cur.Changed[f] > base && c.value != *choice(&cur.Choices, defaults.Field(f)) {", conflict, "\"slices\"\n", "\"slices\"\n\n\t\"github.com/sessionctx/storefront/defaults\"\n"),
	},
	{
		desc:  "conflict forgets the cart",
		edits: swap(conflict, "cur.Carts[i].Changed > base", "cur.Carts[i].Changed > base && base < 0"),
	},
	{
		desc:  "conflict forgets removals",
		edits: swap(conflict, "|| !ok && cur.RemovedAttributes > base", ""),
	},
	{
		desc:  "every stale revision conflicts",
		edits: swap(conflict, "case !known:\n\t\treturn true\n", "case !known || base != cur.Version:\n\t\treturn true\n"),
	},
	{
		desc:  "a revision from before the first one is a base",
		edits: swap(conflict, "base.Version >= cur.First && ", ""),
	},
	{
		desc:  "AtLeast takes any record",
		edits: swap(request, "return have.Version >= least.Version &&", "return true ||"),
	},
	{
		desc:  "no tombstone on login",
		edits: swap(login, "!c.own.hasData() || was", "r != nil || was"),
	},
	{
		desc:  "a login goes on with what it read first",
		edits: swap(login, "\t\t\t*cur = stored\n", "\t\t\t_ = stored\n"),
	},
	{
		desc:  "a login takes another customer's cart along",
		edits: swap(login, "c.own.state != live || !own {", "c.own.state != live {"),
	},
	{
		desc:  "a login takes along what EndAll has ended",
		edits: swap(login, "if c.own.state == live {", "if c.own.hasData() {", login, "c.own.state != live || !own {", "!c.own.hasData() || !own {"),
	},
	{
		desc:  "a dead cookie is healed at once",
		edits: swap(tombstone, "endedAt.Add(healAfter)", "endedAt"),
	},
	{
		desc:  "a dead cookie is never healed",
		edits: swap(tombstone, "endedAt.Add(healAfter)", "endedAt.Add(time.Hour)"),
	},
	{
		desc:  "generation ignored",
		edits: swap(ownership, "rec.Generation != generation", "generation < 0"),
	},
	{
		desc:  "generation read twice by a login",
		edits: swap(generation, "own.generationOf != \"\" && own.generationOf != customerID", "own.generationOf != \"\""),
	},
	{
		desc:  "the end of all sessions does not move the stamp",
		edits: swap(nearCache, "c.stamps.Begin(c.StripeOf(k.Store()))", "c.stamps.Begin(c.StripeOf(k.Store()) ^ stamp.Stripe(k.Kind))"),
	},
	{
		desc:  "an ended session shows its customer",
		edits: swap(ownership, "state: ended, customerID: o.viewer", "state: ended, customerID: rec.CustomerID"),
	},
	{
		desc:  "a tombstone is nothing",
		edits: swap(ownership, "\tcase rec.Ended:\n\t\treturn ownership{state: ended}\n", ""),
	},
	{
		desc:  "a record is anybody's",
		edits: swap(ownership, "case id.Proof == Asserted && rec.CustomerID != asserted:", "case id.Proof == Asserted && rec.CustomerID != asserted && false:"),
	},
	{
		desc:  "a token may name a secret",
		edits: swap(ownership, "case id.Proof == Asserted && rec.Secret:", "case id.Proof == Asserted && rec.Secret && false:"),
	},
	{
		desc:  "one try for a resolution",
		edits: swap(resolve, "const resolveTries = 16", "const resolveTries = 1"),
	},
	{
		desc:  "an answer of the directory counts by when it came",
		edits: swap(directory, "\t\tq.answer = c.install", "\t\tq.number = c.numbers.Add(1)\n\t\tq.answer = c.install"),
	},
	{
		desc:  "a question to the directory is joined whenever it began",
		edits: swap(directory, "e.questions[n-1].number > after", "true"),
	},
	{
		desc:  "an Invalidate leaves the answer in force",
		edits: swap("internal/directory/invalidate.go", "\t\ta.until.Store(0)\n", ""),
	},
	{
		desc: "the store does not tell the other resolver", resolvers: "2",
		edits: swap("sessionctx/memstore/watch.go", "len(s.watches) > 1", "len(s.watches) > 2"),
	},
}
