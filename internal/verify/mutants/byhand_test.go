package mutants

// byHand are more mutants; MUTANTS=all runs them too.
var byHand = []mutant{
	{
		desc:  "memo without the word of the sites",
		edits: swap(nearCache, "+n.words.load(e.sites)+", "+", entry, "e.word+p.sitesWord+", "e.word+"),
	},
	{
		desc:  "memo for any customer",
		edits: swap(entry, "|| e.proof == Asserted && e.about() != req.CustomerID {", "{"),
	},
	{
		desc:  "memo for any proof",
		edits: swap(entry, "|| e.proof != req.Proof ||", "||"),
	},
	{
		desc: "no writers counted",
		edits: swap(
			words, "ws.w[stripe].Add(wordChange + 1)", "ws.w[stripe].Add(wordChange)",
			words, "ws.w[stripe].Add(wordChange - 1)", "ws.w[stripe].Add(wordChange)",
			words, "next := w + wordChange - 1", "next := w + wordChange",
			words, "if w&wordWriters == 1 && ws", "if ws",
		),
	},
	{
		desc: "the word comes back to what it was",
		edits: swap(
			words, "ws.w[stripe].Add(wordChange + 1)", "ws.w[stripe].Add(1)",
			words, "ws.w[stripe].Add(wordChange - 1)", "ws.w[stripe].Add(^uint64(0))",
			words, "next := w + wordChange - 1", "next := w - 1",
		),
	},
	{
		desc:  "a writer keeps what it wrote though it was not alone",
		edits: swap(words, "\tws.end(stripe)\n\treturn 0, false\n}\n\n// quiet", "\tws.end(stripe)\n\treturn ws.load(stripe), true\n}\n\n// quiet"),
	},
	{
		desc:  "compare and set without compare",
		edits: swap(memstore, "case current.Revision() != base:", "case current.Revision() != base && false:"),
	},
	{
		desc:  "conflict judged by value",
		edits: swap(patch, "if c.set && cur.Changed[f] > base {", "if c.set && cur.Changed[f] > base && c.value != *choice(&cur.Choices, defaults.Field(f)) {"),
	},
	{
		desc:  "conflict forgets the cart",
		edits: swap(patch, "if p.CartID.set && cur.Changed[changedCart] > base {", "if p.CartID.set && cur.Changed[changedCart] > base && false {"),
	},
	{
		desc:  "conflict forgets removals",
		edits: swap(patch, "|| !ok && cur.Removed > base {", "{"),
	},
	{
		desc:  "every stale version conflicts",
		edits: swap(patch, "if base > cur.Version || base < 0 {", "if base != 0 {"),
	},
	{
		desc:  "no tombstone on login",
		edits: swap(login, "\t\tif c.st.state == live {\n\t\t\ttombstone", "\t\tif c.st.state == live && cur.Version < 0 {\n\t\t\ttombstone"),
	},
	{
		desc:  "login goes on with what it read first",
		edits: swap(login, "if cur, done, err = was.save(", "if _, done, err = was.save("),
	},
	{
		desc:  "the tombstone of a login keeps another customer's cart",
		edits: swap(login, "cur.CustomerID == \"\" || cur.CustomerID == customerID)", "true)"),
	},
	{
		desc:  "login carries another customer's cart",
		edits: swap(login, "own := old.CustomerID == \"\" || old.CustomerID == customerID && old.Generation == generation", "own := generation >= 0"),
	},
	{
		desc:  "generation ignored",
		edits: swap(identity, "if g.more().generation() != rec.Generation {", "if g.more().generation() < 0 {"),
	},
	{
		desc:  "generation read twice by a login",
		edits: swap(login, "if g == nil || cur.CustomerID != customerID {", "if g = nil; g == nil {"),
	},
	{
		desc:  "the end of all sessions does not move the word",
		edits: swap(commit, "w.stripe = r.near.words.stripe(key.Hash())", "w.stripe = r.near.words.stripe(key.Hash()) ^ uint16(key.Kind)"),
	},
	{
		desc:  "an ended session shows its customer",
		edits: swap(identity, "return standing{state: ended, generation: g}, nil", "return standing{state: ended, generation: g, customerID: rec.CustomerID}, nil"),
	},
	{
		desc:  "a tombstone is nothing",
		edits: swap(identity, "\tcase rec.Ended:\n\t\treturn standing{state: ended}, nil\n", ""),
	},
	{
		desc:  "a record is anybody's",
		edits: swap(identity, "case id.Proof == Asserted && rec.CustomerID != asserted:", "case id.Proof == Asserted && rec.CustomerID != asserted && false:"),
	},
	{
		desc:  "a token may name a secret",
		edits: swap(identity, "case id.Proof == Asserted && rec.Secret:", "case id.Proof == Asserted && rec.Secret && false:"),
	},
	{
		desc:  "one try for a snapshot",
		edits: swap(resolver, "const resolveTries = 16", "const resolveTries = 1"),
	},
	{
		desc: "a directory's answer under the word after the question",
		edits: swap(directory, "\td.keep(next, hash)\n",
			"\tif next.word = d.asked.load(next.stripe); next.sitesStripe != 0 {\n\t\tnext.sitesWord = d.asked.load(next.sitesStripe)\n\t}\n\td.keep(next, hash)\n"),
	},
	{
		desc:  "a question to the directory joined by key alone",
		edits: swap(directory, "flightKey{key: key, word: next.word, epoch: next.sitesWord}", "flightKey{key: key}"),
	},
	{
		desc: "the store does not tell the other resolver", resolvers: "2",
		edits: swap("sessionctx/memstore/watch.go", "len(s.watches) > 1", "len(s.watches) > 2"),
	},
}
