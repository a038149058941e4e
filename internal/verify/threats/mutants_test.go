package threats

import "github.com/sessionctx/storefront/internal/verify/overlay"

// swap returns edits of (file, old text, new text), one after the other.
func swap(texts ...string) (edits []overlay.Edit) {
	for i := 0; i < len(texts); i += 3 {
		edits = append(edits, overlay.Edit{File: texts[i], Old: texts[i+1], New: texts[i+2]})
	}
	return edits
}

var unsharedLoads = swap(
	"sessionctx/flight.go", "f != nil && f.of.finds(k) && usable(f.value) {", "false && usable(f.value) {",
	"sessionctx/flight.go", "f != nil && f.of.finds(k) && (k.since == 0 || f.of.since == k.since) && now-f.started < window {", "false && now-f.started < window {",
)

var mutants = []mutant{
	// sessionctx
	{
		threat: "SharedMemory", pkg: "sessionctx", desc: "a write keeps the bytes that it was given",
		edits: swap("sessionctx/patch.go", "Value: bytes.Clone(v), Changed: version", "Value: v, Changed: version"),
	},
	{
		threat: "SharedMemory", pkg: "sessionctx", desc: "a session hands out the bytes that the cache holds",
		edits: swap("sessionctx/session.go", "return bytes.Clone(s.attributes[i].Value), true", "return s.attributes[i].Value, true"),
	},
	{
		threat: "PinnedMemory", pkg: "sessionctx", desc: "caches keep the tenant as a part of the request",
		edits: swap("sessionctx/identity.go", "unique.Make(id.Tenant).Value(), strings.Clone(id.CustomerID)", `id.Tenant+unique.Make("").Value(), strings.Clone(id.CustomerID)`),
	},
	{
		threat: "PinnedMemory", pkg: "sessionctx", desc: "caches keep names of attributes as a part of the request",
		edits: swap("sessionctx/patch.go", "Name: strings.Clone(name), Value", "Name: name, Value"),
	},
	{
		threat: "KeyAmbiguity", pkg: "sessionctx", desc: "the hash of a key without the length of the tenant",
		edits: swap("sessionctx/record.go", "uint64(len(k.Tenant))", "0"),
	},
	{
		threat: "KeyAmbiguity", pkg: "sessionctx", desc: "cached sessions are told apart by their ids alone", short: true,
		edits: swap("sessionctx/entry.go", "return e.id() == id && e.tenant.Value() == tenant && e.kind == kind", "return e.id() == id && e.kind == kind"),
	},
	{
		threat: "CorruptStore", pkg: "sessionctx", desc: "a record is taken whatever tenant it names",
		edits: swap("sessionctx/nearcache.go", "case rec.exists() && rec.Tenant != key.Tenant:", "case rec.exists() && rec.Tenant == \"\":"),
	},
	{
		threat: "CorruptStore", pkg: "sessionctx", desc: "a record is anybody's",
		edits: swap("sessionctx/identity.go", "case id.Proof == Asserted && rec.CustomerID != asserted:", "case id.Proof == Asserted && rec.CustomerID != asserted && false:"),
	},
	{
		threat: "InvalidationStorm", pkg: "sessionctx", desc: "news of other processes are not heard",
		edits: swap("sessionctx/nearcache.go", "\tn.words.changed(n.words.stripe(h))\n\tn.stats", "\tn.stats"),
	},
	{
		threat: "MassFlush", pkg: "sessionctx", desc: "loads are not shared",
		edits: unsharedLoads,
	},
	{
		threat: "MadeUpNames", pkg: "sessionctx", desc: "a failed question is remembered for each tenant",
		edits: swap("sessionctx/directorycache.go", "\tif a.table == nil && len(d.tenants)", "\tif a.unknown && len(d.tenants)", "sessionctx/directorycache.go", "\t\t\tif o.table == nil {", "\t\t\tif o.unknown {"),
	},
	{
		threat: "MadeUpNames", pkg: "sessionctx", desc: "each failed question is logged",
		edits: swap("sessionctx/directorycache.go", "now >= due.Load() {", "now >= 0 {"),
	},
	{
		threat: "PanickingHooks", pkg: "sessionctx", desc: "a panic in OnChange goes on",
		edits: swap("sessionctx/update.go", "if p := recover(); p != nil {\n\t\t\twhat", "if p := any(nil); p != nil {\n\t\t\twhat"),
	},
	{
		threat: "PanickingHooks", pkg: "sessionctx", desc: "a panic in Directory is no failure of it",
		edits: swap("sessionctx/host.go", "if p := recover(); p != nil {\n\t\t\terr = fmt.Errorf(\"sessionctx: panic in Directory.Sites", "if p := any(nil); p != nil {\n\t\t\terr = fmt.Errorf(\"sessionctx: panic in Directory.Sites"),
	},
	// internal/verify
	{
		threat: "Stampede", pkg: "internal/verify", desc: "loads are not shared",
		edits: unsharedLoads,
	},
	// middleware
	{
		threat: "SessionFixation", pkg: "middleware", desc: "a login leaves the old id alive", short: true,
		edits: swap("sessionctx/login.go", "\t\tif c.st.state == live {\n\t\t\ttombstone", "\t\tif c.st.state == live && cur.Version < 0 {\n\t\t\ttombstone"),
	},
	{
		threat: "SessionFixation", pkg: "middleware", desc: "a write begins a session under the id that the browser brought",
		edits: swap("sessionctx/update.go", "\t\treq.SessionID = newSecretID()\n\t\tc.mint", "\t\tif req.SessionID == \"\" {\n\t\t\treq.SessionID = newSecretID()\n\t\t}\n\t\tc.mint"),
	},
	{
		threat: "SessionFixation", pkg: "middleware", desc: "of two cookies the last one counts",
		edits: swap("middleware/cookie.go", "if seen {", "if seen && found == \"\" {"),
	},
	{
		threat: "IDGuessing", pkg: "middleware", desc: "the id of a token's session is as good as a secret",
		edits: swap("sessionctx/identity.go", "case !rec.exists(), id.Proof == BySecret && !rec.Secret:", "case !rec.exists():"),
	},
	{
		threat: "IDGuessing", pkg: "middleware", desc: "a token may name a secret",
		edits: swap("sessionctx/identity.go", "case id.Proof == Asserted && rec.Secret:", "case id.Proof == Asserted && rec.Secret && false:"),
	},
	{
		threat: "IDGuessing", pkg: "middleware", desc: "half of an id is not random",
		edits: swap("sessionctx/life.go", "rand.Read(b[:])", "rand.Read(b[:16])"),
	},
	{
		threat: "BotSessions", pkg: "middleware", desc: "carts give way to bots",
		edits: swap("sessionctx/memstore/yield.go", " && it.rec.CartID == \"\"", ""),
	},
	{
		threat: "BotSessions", pkg: "middleware", desc: "customers give way to bots",
		edits: swap("sessionctx/memstore/yield.go", " && it.rec.CustomerID == \"\"", ""),
	},
	{
		threat: "PoisonedHost", pkg: "middleware", desc: "X-Forwarded-Host is believed",
		edits: swap("middleware/sites.go", "\ths, ok := m[r.Host]", "\tif h := r.Header.Get(\"X-Forwarded-Host\"); h != \"\" {\n\t\tr.Host = h\n\t}\n\ths, ok := m[r.Host]"),
	},
	{
		threat: "PoisonedHost", pkg: "middleware", desc: "a path that begins alike is below a site's",
		edits: swap("middleware/sites.go", `ok && (rest == "" || rest[0] == '/')`, `ok && (rest == "" || rest != "")`),
	},
	{
		threat: "HintSpoofing", pkg: "middleware", desc: "the country is believed whoever says it",
		edits: swap("middleware/hints.go", "len(v) == 1 && h.trusts(r.RemoteAddr)", "len(v) == 1"),
	},
	{
		threat: "HintSpoofing", pkg: "middleware", desc: "of two countries the first one counts",
		edits: swap("middleware/hints.go", "len(v) == 1 && h.trusts(r.RemoteAddr)", "len(v) > 0 && h.trusts(r.RemoteAddr)"),
	},
	{
		threat: "PanickingPolicies", pkg: "middleware", desc: "a panic in a policy is swallowed, and the request answered",
		edits: swap("middleware/middleware.go", "\tm := h.m\n", "\tm := h.m\n\tdefer func() { _ = recover() }()\n"),
	},
	{
		threat: "JWTConfusion", pkg: "middleware", desc: "a key verifies any algorithm",
		edits: swap("middleware/bearerconfig.go", "if !ok || k.Algorithm != t.Method.Alg() {", "if !ok {"),
	},
	{
		threat: "JWTConfusion", pkg: "middleware", desc: "any audience",
		edits: swap("middleware/bearerconfig.go", "\t\t\tjwt.WithAudience(cfg.Audience),\n", ""),
	},
	{
		threat: "JWTConfusion", pkg: "middleware", desc: "any issuer",
		edits: swap("middleware/bearerconfig.go", "\t\t\tjwt.WithIssuer(cfg.Issuer),\n", ""),
	},
	{
		threat: "JWTConfusion", pkg: "middleware", desc: "a token without an end",
		edits: swap(
			"middleware/bearerconfig.go", "\t\t\tjwt.WithExpirationRequired(),\n", "",
			"middleware/bearer.go", "\tif err != nil || exp == nil {\n\t\treturn Claims{}, false\n\t}\n\tc.Expires = exp.Time", "\tif err != nil {\n\t\treturn Claims{}, false\n\t}\n\tif c.Expires = time.Now().Add(time.Hour); exp != nil {\n\t\tc.Expires = exp.Time\n\t}",
		),
	},
	{
		threat: "JWTConfusion", pkg: "middleware", desc: "critical extensions are ignored",
		edits: swap("middleware/bearerconfig.go", "\treturn crit\n", "\treturn crit && false\n"),
	},
	// middleware/rest
	{
		threat: "UseAfterLogout", pkg: "middleware/rest", desc: "a tombstone is nothing",
		edits: swap("sessionctx/identity.go", "\tcase rec.Ended:\n\t\treturn standing{state: ended}, nil\n", ""),
	},
	{
		threat: "UseAfterLogout", pkg: "middleware/rest", desc: "the customer's generation is not looked at",
		edits: swap("sessionctx/identity.go", "if g.more().generation() != rec.Generation {", "if g.more().generation() < 0 {"),
	},
	{
		threat: "TenantConfusion", pkg: "middleware/rest", desc: "neither middleware nor interface compare the tenants",
		edits: swap(
			"middleware/middleware.go", "case req.Tenant != \"\" && req.Tenant != id.Tenant:", "case req.Tenant != \"\" && id.Tenant == \"\":",
			"middleware/rest/handler.go", "case req.Tenant != x.to.tenant, !own", "case req.Tenant == \"\", !own",
		),
	},
	{
		threat: "BearerAgainstCookie", pkg: "middleware/rest", desc: "a bad token leaves the decision to the cookie",
		edits: swap("middleware/middleware.go", "id, err := m.identify(r)\n\t\tif err != nil {", "id, err := m.identify(r)\n\t\tif err != nil && req.Tenant == \"\" {"),
	},
	{
		threat: "MassAssignment", pkg: "middleware/rest", desc: "a shopper may name a cart",
		edits: swap("middleware/rest/write.go", "parseState(body, x.maxDepth, false)", "parseState(body, x.maxDepth, true)"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "any number of attributes",
		edits: swap("sessionctx/patch.go", "n > l.Attributes {", "n > l.Attributes*l.Record {"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "records of any size",
		edits: swap("sessionctx/patch.go", "if len(b) > l.Record {", "if len(b) > l.Record*l.Record {"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "any depth",
		edits: swap("middleware/rest/strictjson.go", "if len(open) == maxDepth {", "if len(open) == 10_000*maxDepth {"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "names that nobody can print",
		edits: swap("sessionctx/patch.go", "\t\tcase !printable(name):\n", "\t\tcase name == \"\":\n"),
	},
	{
		threat: "JSONTricks", pkg: "middleware/rest", desc: "a name may be there twice",
		edits: swap("middleware/rest/strictjson.go", "if in.names[name] {", "if in.names[name] && in.names[\"\"] {"),
	},
	{
		threat: "JSONTricks", pkg: "middleware/rest", desc: "half a character is a replacement character",
		edits: swap("middleware/rest/strictjson.go", "!utf8.Valid(body) || loneSurrogate(body)", "!utf8.Valid(body)"),
	},
	{
		threat: "ReplayAfterReCreation", pkg: "middleware/rest", desc: "If-Match compares versions alone",
		edits: swap("middleware/rest/condition.go", "strings.HasPrefix(t.opaque, prefix)", "strings.Contains(t.opaque, prefix[len(`\"0123456789abcdef`):])"),
	},
	{
		threat: "VersionOverflow", pkg: "middleware/rest", desc: "versions begin anew",
		edits: swap("sessionctx/update.go", "if next.Version == math.MaxInt64 {", "if next.Version == math.MinInt64 {"),
	},
	{
		threat: "ManagementForAnotherCustomer", pkg: "middleware/rest", desc: "any customer's saas-token",
		edits: swap("middleware/rest/write.go", "s.CustomerID != \"\" && s.CustomerID != customerID:", "s.CustomerID != \"\" && customerID == \"\":"),
	},
	{
		threat: "ManagementWithoutTheScope", pkg: "middleware/rest", desc: "any scope",
		edits: swap("middleware/rest/handler.go", "case !claims.HasScope(manageScope):", "case claims.Scopes == \"\":"),
	},
	{
		threat: "ManagementWithoutTheScope", pkg: "middleware/rest", desc: "the scope in another tenant",
		edits: swap("middleware/rest/handler.go", ", !own && claims.Identity.Tenant != \"\" && claims.Identity.Tenant != x.to.tenant:", ":"),
	},
	{
		threat: "CrossSiteWrite", pkg: "middleware/rest", desc: "writes by cookie from any origin",
		edits: swap("middleware/rest/handler.go", "if byItself && x.cross.Check(x.r) != nil {", "if byItself && x.r == nil {"),
	},
	{
		threat: "StoreDown", pkg: "middleware/rest", desc: "defaults are shown as if they were the record",
		edits: swap("sessionctx/resolver.go", "\te.flags |= entryDegraded\n", ""),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "errors of the directory are logged as they are",
		edits: swap("sessionctx/host.go", "return c, redact.Error(err, customerID)", "return c, err"),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "errors of the store are logged as they are", short: true,
		edits: swap("sessionctx/host.go", "return rec, redact.Error(err, key.ID)", "return rec, err"),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "what OnChange panics with is logged as it is",
		edits: swap("sessionctx/update.go", "slog.String(\"panic\", what)", "slog.Any(\"panic\", p), slog.Int(\"length\", len(what))"),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "errors of Identify are logged as they are",
		edits: swap("middleware/rest/problem.go", "redact.Error(err, x.secrets()...)", "errors.Join(err, redact.Error(nil))"),
	},
	{
		threat: "HeaderAndLogInjection", pkg: "middleware/rest", desc: "names that nobody can print",
		edits: swap("sessionctx/patch.go", "\t\tcase !printable(name):\n", "\t\tcase name == \"\":\n"),
	},
	{
		threat: "HeaderAndLogInjection", pkg: "middleware/rest", desc: "answers may be taken for HTML",
		edits: swap("middleware/rest/handler.go", "\theader.Set(\"X-Content-Type-Options\", \"nosniff\")\n", ""),
	},
	// examples
	{
		threat: "TokenOfAnotherPurpose", pkg: "examples/storefront/tokens", desc: "refresh tokens have the audience of access tokens",
		edits: swap("examples/storefront/tokens/token.go", "refreshAudience = \"storefront/refresh\"", "refreshAudience = accessAudience"),
	},
	{
		threat: "TokenOfAnotherPurpose", pkg: "examples/storefront/tokens", desc: "a saas token is good in every tenant",
		edits: swap("examples/storefront/tokens/issuer.go", "case c.Identity.Tenant != tenant:", "case c.Identity.Tenant == \"\":"),
	},
}
