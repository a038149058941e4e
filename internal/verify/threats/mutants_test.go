package threats

import "github.com/sessionctx/storefront/internal/verify/overlay"

// swap returns edits of (file, old text, new text), one after the other.
func swap(texts ...string) (edits []overlay.Edit) {
	for i := 0; i < len(texts); i += 3 {
		edits = append(edits, overlay.Edit{File: texts[i], Old: texts[i+1], New: texts[i+2]})
	}
	return edits
}

var unsharedLoads = swap("internal/singleflight/singleflight.go", "joined = c != nil && c.key == key", "joined = c == nil && c != nil && c.key == key")

var mutants = []mutant{
	// sessionctx
	{
		threat: "SharedMemory", pkg: "sessionctx", desc: "a write keeps the bytes that it was given",
		edits: swap("sessionctx/recordedit.go", "json.RawMessage(bytes.Clone(v))", "json.RawMessage(bytes.TrimSpace(v))"),
	},
	{
		threat: "SharedMemory", pkg: "sessionctx", desc: "a session hands out the bytes that the cache holds",
		edits: swap("sessionctx/session.go", "return bytes.Clone(s.attributes[i].Value), true", "return s.attributes[i].Value, true"),
	},
	{
		threat: "PinnedMemory", pkg: "sessionctx", desc: "caches keep the tenant as a part of the request",
		edits: swap("sessionctx/request.go", "unique.Make(id.Tenant).Value(), strings.Clone(id.CustomerID)", `id.Tenant+unique.Make("").Value(), strings.Clone(id.CustomerID)`),
	},
	{
		threat: "KeyAmbiguity", pkg: "sessionctx", desc: "the hash of a key without the length of the tenant",
		edits: swap("sessionctx/store/key.go", "uint64(len(k.Tenant))", "0"),
	},
	{
		threat: "KeyAmbiguity", pkg: "sessionctx", desc: "cached sessions are told apart by their ids alone", short: true,
		edits: swap(
			"internal/nearcache/entry.go", " && h.tenant == k.Tenant && h.kind", " && h.kind",
			"internal/nearcache/cache.go", " ^ bits.RotateLeft64(maphash.String(c.seed, k.Tenant), 17)", "", // else they hardly ever meet
		),
	},
	{
		threat: "CorruptStore", pkg: "sessionctx", desc: "a record is taken whatever tenant it names",
		edits: swap("internal/nearcache/cache.go", "if rec.Exists() && rec.Tenant != key.Tenant {", "if rec.Exists() && rec.Tenant == \"\" {"),
	},
	{
		threat: "CorruptStore", pkg: "sessionctx", desc: "a record is anybody's",
		edits: swap("sessionctx/ownership.go", "case id.Proof == Asserted && rec.CustomerID != asserted:", "case id.Proof == Asserted && rec.CustomerID != asserted && false:"),
	},
	{
		threat: "InvalidationStorm", pkg: "sessionctx", desc: "news of other processes are not heard",
		edits: swap("internal/nearcache/cache.go", "\tc.stamps.Bump(c.stripe(&h))\n\tc.Inv", "\tc.Inv"),
	},
	{
		threat: "MassFlush", pkg: "sessionctx", desc: "loads are not shared",
		edits: unsharedLoads,
	},
	{
		threat: "MadeUpNames", pkg: "sessionctx", desc: "a failed question is remembered for each tenant",
		edits: swap("internal/directory/entry.go", "tooMany := len(s.unknown) - maxUnknown/numShards", "tooMany := 0"),
	},
	{
		threat: "MadeUpNames", pkg: "sessionctx", desc: "each failed question is logged",
		edits: swap("sessionctx/dependencies.go", "now < due || !next.CompareAndSwap", "now < 0 || !next.CompareAndSwap"),
	},
	{
		threat: "PanickingHooks", pkg: "sessionctx", desc: "a panic in OnChange goes on",
		edits: swap("sessionctx/update.go", "if p := recover(); p != nil {", "if p := any(nil); p != nil {"),
	},
	// internal/verify
	{
		threat: "Stampede", pkg: "internal/verify", desc: "loads are not shared",
		edits: unsharedLoads,
	},
	// middleware
	{
		threat: "SessionFixation", pkg: "middleware", desc: "a login leaves the old id alive", short: true,
		edits: swap("sessionctx/login.go", "if !c.own.hasData() || was", "if heir != nil || !c.own.hasData() || was"),
	},
	{
		threat: "SessionFixation", pkg: "middleware", desc: "a write begins a session under the id that the browser brought",
		edits: swap("sessionctx/update.go", "\t\treq.SessionID = newSecretID()\n", "\t\tif req.SessionID == \"\" {\n\t\t\treq.SessionID = newSecretID()\n\t\t}\n"),
	},
	{
		threat: "SessionFixation", pkg: "middleware", desc: "of two cookies the last one counts",
		edits: swap("middleware/cookie.go", "if value != first {", "if value != first && found.id == \"\" {"),
	},
	{
		threat: "IDGuessing", pkg: "middleware", desc: "the id of a token's session is as good as a secret",
		edits: swap("sessionctx/ownership.go", "case !rec.Exists(), id.Proof == BySecret && !rec.Secret:", "case !rec.Exists():"),
	},
	{
		threat: "IDGuessing", pkg: "middleware", desc: "a token may name a secret",
		edits: swap("sessionctx/ownership.go", "case id.Proof == Asserted && rec.Secret:", "case id.Proof == Asserted && rec.Secret && false:"),
	},
	{
		threat: "IDGuessing", pkg: "middleware", desc: "half of an id is not random",
		edits: swap("sessionctx/recordedit.go", "rand.Read(b[:])", "rand.Read(b[:16])"),
	},
	{
		threat: "BotSessions", pkg: "middleware", desc: "carts give way to bots",
		edits: swap("sessionctx/memstore/room.go", "case len(it.rec.Carts) > 0:", "case len(it.rec.Carts) > 0 && false:"),
	},
	{
		threat: "BotSessions", pkg: "middleware", desc: "customers give way to bots",
		edits: swap("sessionctx/memstore/room.go", "case it.rec.CustomerID != \"\":", "case it.rec.CustomerID != \"\" && false:"),
	},
	{
		threat: "PoisonedHost", pkg: "middleware", desc: "X-Forwarded-Host is believed",
		edits: swap("middleware/sites.go", "\thp, ok := p.hosts[r.Host]", "\tif h := r.Header.Get(\"X-Forwarded-Host\"); h != \"\" {\n\t\tr.Host = h\n\t}\n\thp, ok := p.hosts[r.Host]"),
	},
	{
		threat: "PoisonedHost", pkg: "middleware", desc: "a path that begins alike is below a site's",
		edits: swap("middleware/sites.go", `ok && (rest == "" || rest[0] == '/')`, `ok && (rest == "" || rest != "")`),
	},
	{
		threat: "CachedPage", pkg: "middleware", desc: "a page says nothing to caches",
		edits: swap("middleware/caching.go", `h["Cache-Control"] = c.private`, `_ = c.private`),
	},
	{
		threat: "CachedPage", pkg: "middleware", desc: "a page with a session is shareable",
		edits: swap("middleware/caching.go", `case s.ID != "":`, `case s.ID != "" && s.CustomerID != "":`),
	},
	{
		threat: "CachedPage", pkg: "middleware", desc: "a response that sets a cookie is shareable",
		edits: swap("middleware/caching.go", `case len(h["Set-Cookie"]) > 0:`, `case len(h["Set-Cookie"]) > 9:`,
			"middleware/caching.go", `case hasMember(h["Cache-Control"], "no-store"):`, `case hasMember(h["Cache-Control"], "nothing"):`),
	},
	{
		threat: "HintSpoofing", pkg: "middleware", desc: "the country is believed whoever says it",
		edits: swap("middleware/hints.go", "len(v) == 1 && h.trusts(r)", "len(v) == 1"),
	},
	{
		threat: "HintSpoofing", pkg: "middleware", desc: "of two countries the first one counts",
		edits: swap("middleware/hints.go", "len(v) == 1 && h.trusts(r)", "len(v) > 0 && h.trusts(r)"),
	},
	{
		threat: "PanickingPolicies", pkg: "middleware", desc: "a panic in a policy is swallowed, and the request answered",
		edits: swap("middleware/middleware.go", "\tm := h.m\n", "\tm := h.m\n\tdefer func() { _ = recover() }()\n"),
	},
	// middleware/bearer
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "a key verifies any algorithm",
		edits: swap("middleware/bearer/key.go", "if !ok || k.Algorithm != t.Method.Alg() {", "if !ok {"),
	},
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "any audience",
		edits: swap("middleware/bearer/verifier.go", "&& !is.claims.isFor(is.audience, token) {", "&& !is.claims.isFor(is.audience, token) && false {"),
	},
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "any issuer",
		edits: swap("middleware/bearer/verifier.go", "if slices.Contains(is.names, name) {", "if slices.Contains(is.names, name) || true {"),
	},
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "a token without an end",
		edits: swap(
			"middleware/bearer/config.go", "\t\tjwt.WithExpirationRequired(),\n", "",
			"middleware/bearer/verifier.go", "if err != nil || expires == nil {", "if err != nil {",
			"middleware/bearer/verifier.go", "\tc.Expires = expires.Time\n", "\tif c.Expires = time.Now().Add(time.Hour); expires != nil {\n\t\tc.Expires = expires.Time\n\t}\n",
		),
	},
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "critical extensions are ignored",
		edits: swap("middleware/bearer/key.go", "return !critical && (", "return (!critical || true) && ("),
	},
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "any typ",
		edits: swap("middleware/bearer/verifier.go", "case !hasType(t, is.typ):", "case !hasType(t, is.typ) && false:"),
	},
	{
		threat: "JWTConfusion", pkg: "middleware/bearer", desc: "a session may be named by the customer's id",
		edits: swap("middleware/bearer/claims.go", "case session != \"\" && session == customer:", "case session != \"\" && session == customer && false:"),
	},
	// middleware/rest
	{
		threat: "UseAfterLogout", pkg: "middleware/rest", desc: "a tombstone is nothing",
		edits: swap("sessionctx/ownership.go", "\tcase rec.Ended:\n\t\treturn ownership{state: ended}\n", ""),
	},
	{
		threat: "UseAfterLogout", pkg: "middleware/rest", desc: "the customer's generation is not looked at",
		edits: swap("sessionctx/ownership.go", "&& rec.Generation != generation {", "&& rec.Generation != generation && false {"),
	},
	{
		threat: "TenantConfusion", pkg: "middleware/rest", desc: "neither middleware nor interface compare the tenants",
		edits: swap(
			"middleware/middleware.go", "case req.Tenant != \"\" && req.Tenant != id.Tenant:", "case req.Tenant != \"\" && id.Tenant == \"\":",
			"middleware/rest/handler.go", "case req.Tenant != x.to.tenant,", "case req.Tenant == \"\",",
		),
	},
	{
		threat: "BearerAgainstCookie", pkg: "middleware/rest", desc: "a bad token leaves the decision to the cookie",
		edits: swap("middleware/middleware.go", "id, err := m.identityOf(a, r)\n\t\tif err != nil {", "id, err := m.identityOf(a, r)\n\t\tif err != nil && req.Tenant == \"\" {"),
	},
	{
		threat: "MassAssignment", pkg: "middleware/rest", desc: "a shopper may name a cart",
		edits: swap("middleware/rest/write.go", "parseState(body, x.maxDepth, false)", "parseState(body, x.maxDepth, true)"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "any number of attributes",
		edits: swap("sessionctx/limits.go", "> l.Attributes:", "> l.Attributes*l.Record:"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "records of any size",
		edits: swap("sessionctx/limits.go", "if len(b) > l.Record {", "if len(b) > l.Record*l.Record {"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "any depth",
		edits: swap("middleware/rest/strictjson.go", "if len(open) == maxDepth {", "if len(open) == 10_000*maxDepth {"),
	},
	{
		threat: "AttributeBomb", pkg: "middleware/rest", desc: "names that nobody can print",
		edits: swap("sessionctx/limits.go", "\t\tcase !printable(name):\n", "\t\tcase name == \"\":\n"),
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
		threat: "ReplayAfterReCreation", pkg: "middleware/rest", desc: "If-Match compares versions alone, and they begin at 1",
		edits: swap(
			"middleware/rest/condition.go", "strings.HasPrefix(t.opaque, prefix)", "strings.Contains(t.opaque, prefix[len(`\"0123456789abcdef`):])",
			"sessionctx/recordedit.go", "first := 1 + rand.Int64N(1<<30-1)", "first := int64(1)",
		),
	},
	{
		threat: "VersionOverflow", pkg: "middleware/rest", desc: "versions begin anew",
		edits: swap("sessionctx/recordedit.go", "if rec.Version == math.MaxInt64 {", "if rec.Version == math.MinInt64 {"),
	},
	{
		threat: "ManagementForAnotherCustomer", pkg: "middleware/rest", desc: "any customer's saas-token",
		edits: swap("middleware/rest/write.go", "s.CustomerID != \"\" && s.CustomerID != customerID:", "s.CustomerID != \"\" && customerID == \"\":"),
	},
	{
		threat: "ManagementWithoutTheScope", pkg: "middleware/rest", desc: "any scope",
		edits: swap("middleware/rest/handler.go", "!slices.Contains(strings.Split(scopes, \" \"), manageScope):", "!slices.Contains(strings.Split(scopes, \" \"), scopes[strings.LastIndexByte(scopes, ' ')+1:]):"),
	},
	{
		threat: "ManagementWithoutTheScope", pkg: "middleware/rest", desc: "the scope in another tenant",
		edits: swap("middleware/rest/handler.go", ", tenant != \"\" && tenant != x.to.tenant:", ":"),
	},
	{
		threat: "CrossSiteWrite", pkg: "middleware/rest", desc: "writes by cookie from any origin",
		edits: swap("middleware/rest/handler.go", "if byItself && x.cross.Check(x.r) != nil {", "if byItself && x.r == nil {"),
	},
	{
		threat: "StoreDown", pkg: "middleware/rest", desc: "defaults are shown as if they were the record",
		edits: swap("sessionctx/degraded.go", "\tn.flags |= degradedValue\n", ""),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "errors of the directory are logged as they are",
		edits: swap("sessionctx/guard.go", "return c, redact.Error(err, customerID)", "return c, err"),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "errors of the store are logged as they are", short: true,
		edits: swap("sessionctx/guard.go", "return rec, redact.Error(err, key.ID)", "return rec, err"),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "what OnChange panics with is logged as it is",
		edits: swap("sessionctx/update.go", "slog.String(\"panic\", redact.Panic(p, secrets...))", "slog.Any(\"panic\", p), slog.Int(\"length\", len(redact.Panic(p, secrets...)))"),
	},
	{
		threat: "LogLeak", pkg: "middleware/rest", desc: "errors of Identify are logged as they are",
		edits: swap("middleware/rest/problem.go", "redact.Error(err, x.secrets()...)", "errors.Join(err, redact.Error(nil))"),
	},
	{
		threat: "HeaderAndLogInjection", pkg: "middleware/rest", desc: "names that nobody can print",
		edits: swap("sessionctx/limits.go", "\t\tcase !printable(name):\n", "\t\tcase name == \"\":\n"),
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
