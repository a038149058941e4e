package mutants

const (
	core    = "sessionctx"
	redis   = "sessionctx/redisstore"
	web     = "middleware"
	api     = "middleware/rest"
	tokens  = "middleware/bearer"
	next    = "middleware/downstream"
	verify  = "internal/verify"
	durable = "internal/verify/durable"

	nearCache = "internal/nearcache/cache.go"
	stamps    = "internal/stamp/stamp.go"
	ownership = "sessionctx/ownership.go"
	limits    = "sessionctx/limits.go"
	handler   = "middleware/rest/handler.go"
	strict    = "middleware/rest/strictjson.go"
	sinks     = "sessionctx/redisstore/sinks.go"
	listen    = "sessionctx/redisstore/listen.go"
	variants  = "middleware/variant.go"
	guards    = "middleware/guard.go"
	keys      = "sessionctx/variant.go"
)

// histories is a run of 20,000 histories, of which only those with one resolver are made. It ends
// at the first violation.
var histories = Check{
	In: "internal/verify/linear", Test: "TestLinear_HistoriesInMemory", Says: "violation: history",
	Setup: []string{"HISTORIES=20000", "SEED=1", "RESOLVERS=1"},
}

// processes is the run of three processes, with a lease of 250 ms.
func processes(phases, length string) []Check {
	return []Check{{
		In: "internal/verify/processes", Test: "TestProcesses_NeverStalerThanTheLease", Says: "staler than the lease",
		Setup: []string{"PHASES=" + phases, "PHASE=" + length},
	}}
}

func soak(says string) Check {
	return Check{In: "internal/verify/soak", Test: "TestSoak_EverythingAtOnce", Says: says, Setup: []string{"SOAK=2s"}}
}

func powerCut() Check {
	return Check{In: durable, Test: "TestBolt_KeepsEveryAnsweredWriteThroughAPowerCut", Says: "violation:", Setup: []string{"POWERCUTS=600"}}
}

// pages looks for pages of a real cache that are another visitor's.
var pages = Check{In: "internal/verify/pagecache", Test: "TestPageCache_NobodySeesAForeignPage", Says: "foreign page", Setup: []string{"REQUESTS=2000"}}

// Promises are those of the documentation.
var Promises = []Promise{
	{"a Resolver sees every write that has returned, and no mixture of what was never in force together", []Mutant{
		{Desc: "a plain look-aside cache: no stamps, and a Del after each write", By: []Check{histories},
			Edits: edit(
				stamps+"#Read", "t.stripes[s].Load() + t.all.Load()", "0",
				stamps+"#Current", "t.stripes[s.stripe].Load()+t.all.Load() == s.value", "s.value == 0",
				"internal/boundedcache/cache.go", "", "func (c *Cache[V]) Del(hash uint64) {\n\tc.recent[c.place(hash)].Store(nil)\n\tc.cache.Del(hash)\n}",
				nearCache+"#End", "w.c.Keep(w.c.Hash(&w.key), w.entry)", "w.c.of(w.key.Kind).Del(w.c.Hash(&w.key))\n\tw.c.front.remove(w.c.Hash(&w.key))",
			)},
		{Desc: "an entry hangs on the stamp after the load", By: []Check{histories},
			Edits: edit(nearCache+"#load", "if shared && c.stamps", "e.session = c.stamps.Read(e.session.Stripe())\n\t\t\tif shared && c.stamps")},
		{Desc: "writers are not counted: no second look while one is under way", By: []Check{histories},
			Edits: edit(
				stamps+"#Begin", "Add(change + 1)", "Add(change)", stamps+"#End", "Add(change - 1)", "Add(change)",
				stamps+"#EndAlone", "+ change - 1", "+ change", stamps+"#EndAlone", "w.begun&writers == 1 && ", "",
			)},
		{Desc: "the customer's stamp is taken after the load", By: by("internal/nearcache", "TestGet_KeepsWhatItFound"),
			Edits: edit(nearCache+"#load", "if shared && c.stamps", "if key.View != \"\" {\n\t\t\te.customer = c.CustomerStamp(key.Tenant, key.View)\n\t\t}\n\t\tif shared && c.stamps")},
		{Desc: "an entry of a customer's session does not hang on the customer", By: append(by(core, "TestEndAll_EndsASessionThatAnotherProcessHasLoggedIn"), histories),
			Edits: edit(nearCache+"#valid", "customerNow == e.customer", "(customerNow == e.customer || true)")},
		{Desc: "the stripes by which the front finds the stamps are believed", By: by("internal/nearcache", "TestLookup_ValidatesWhatTheFrontShows"),
			Edits: edit(nearCache+"#valid", "sessionNow == e.session", "(sessionNow == e.session || session != e.session.Stripe())")},
		{Desc: "a view without its customer", By: by(core, "TestEndAll_EndsASessionThatAnotherProcessHasLoggedIn"),
			Edits: edit("sessionctx/request.go", "View: req.asserted(), ", "", "sessionctx/request.go", "req.asserted(), store.KindSession", "\"\", store.KindSession")},
		{Desc: "an answer of the directory that came after the record was read", By: by(core, "TestConsistency_ProfileThatChangesDuringALoadComesAfterTheRecord"),
			Edits: edit("sessionctx/resolve.go", "!d.inForceSince(begun, before)", "d == nil")},
		{Desc: "a fresh read supersedes nothing", By: by(core, "TestResolve_FreshIsNotUndoneByAnEarlierLoad"),
			Edits: edit(nearCache+"#load", "c.advance(e)", "")},
		{Desc: "a write under way takes back what a fresh read has found", By: by("internal/nearcache", "TestGet_FreshReadIsNotTakenBackByAWriteThatIsKeptLater"),
			Edits: edit(stamps+"#Advance", "t.Bump(s.stripe)", "")},
		{Desc: "readers outdate each other for ever", By: by(core, "TestResolve_NobodyStarvesBesideFreshReads", "TestResolve_AtLeastReadersDoNotHinderEachOther"),
			Edits: edit("sessionctx/resolve.go#rereads", "|| try > 2", "")},
		{Desc: "after the last try the answer is a mixture", By: by(core, "TestConsistency_NoAnswerIsAMixtureHoweverOftenAllChanges"),
			Edits: edit("sessionctx/resolve.go#lastTry", "try == resolveTries", "try < 0", "sessionctx/resolve.go#resolve", "case !a.consistent:", "case !a.consistent && try < resolveTries:")},
		{Desc: "all lost without a bump", By: by(core, "TestResolve_EndedSessionStaysEndedWhenItsGenerationIsLost"),
			Edits: edit(nearCache, "c.stamps.BumpAll()", "")},
		{Desc: "an earlier answer of the directory replaces a later one", By: by("internal/directory", "TestAnswer_EarlierQuestionNeverReplacesALaterOne"),
			Edits: edit("internal/directory/question.go", "e.dropped || q.number < e.number", "e.dropped")},
		{Desc: "the next service reads what it has cached", By: by(next, "TestWrap_NextServiceSeesTheCallersWrites"),
			Edits: edit("sessionctx/snapshot.go#Request", "AtLeast:  from.Revision(),", "")},
	}},
	{"no shopper sees another one's session", []Mutant{
		{Desc: "keys are not compared, and there are four hashes", By: []Check{histories, soak("a foreign answer")},
			Edits: edit(nearCache+"#valid", " && e.key.is(k)", "", nearCache+"#New", "mask: ^uint64(0)", "mask: 3")},
		{Desc: "cached sessions are told apart by their ids alone", By: by(core, "TestThreat_KeyAmbiguity"),
			Edits: edit(
				"internal/nearcache/entry.go#is", " && h.tenant == k.Tenant && h.kind", " && h.kind",
				nearCache+"#Hash", " ^ mix(k.Tenant)", "",
			)},
		{Desc: "a record is taken whatever tenant it names", By: by(core, "TestThreat_CorruptStore"),
			Edits: edit(nearCache+"#fill", "rec.Tenant != key.Tenant", "rec.Tenant == \"\"")},
		{Desc: "a write goes on from a record of whatever tenant", By: by(core, "TestThreat_ConflictShowsTheRecordOfAnotherTenant"),
			Edits: edit("sessionctx/guard.go", "got.Tenant != key.Tenant", "got.Tenant == \"\"")},
		{Desc: "a session hands out the bytes that the cache holds", By: by(core, "TestThreat_SharedMemory"),
			Edits: edit("sessionctx/session.go#Attribute", "bytes.Clone(s.attributes[i].Value)", "s.attributes[i].Value")},
		{Desc: "neither middleware nor interface compare the tenants", By: by(api, "TestThreat_TenantConfusion"),
			Edits: edit(
				"middleware/middleware.go", "req.Tenant != id.Tenant", "id.Tenant == \"\"",
				handler, "req.Tenant != x.to.tenant,", "req.Tenant == \"\",",
			)},
	}},
	{"no update is lost, and none is done twice", []Mutant{
		{Desc: "a conflict forgets the cart", By: []Check{histories},
			Edits: edit("sessionctx/conflict.go", "cur.Carts[i].Changed > base", "cur.Carts[i].Changed > base && base < 0")},
		{Desc: "a double click on login makes two sessions", By: []Check{histories},
			Edits: edit("sessionctx/heir.go", "!heir.Ended || len", "heir.Exists() || len")},
		{Desc: "redis: the version is not compared", By: by(redis, "TestStore"),
			Edits: edit("sessionctx/redisstore/script.go", "string(b[8:8+n])", "string(b[8:8+0*n])")},
		{Desc: "redis: the refusal of new credentials counts as the answer to a write", By: by(redis, "TestSave_OutcomeIsUnknownWhenNewCredentialsAreRefusedMeanwhile"),
			Edits: edit("sessionctx/redisstore/failure.go", `fmt.Errorf("no answer: %w", err)`, "err")},
		{Desc: "a write with an unknown outcome is not counted any more", By: by(core, "TestUnknownOutcome_WriteThatIsAppliedLateIsSeenAtOnce"),
			Edits: edit("sessionctx/save.go", "case w.unknown:\n\t\tw.near.EndLater(quarantine * w.r.cfg.Timeout)", "case w.unknown:\n\t\tw.near.End()")},
		{Desc: "bolt: a commit after its Save has returned is not reported", By: by("sessionctx/boltstore", "TestWatch_TheOnlySinkIsToldOfASaveThatReturnedBeforeItsCommit"),
			Edits: edit("sessionctx/boltstore/watch.go", " && !x.left.Load()", "")},
		{Desc: "an entity tag compares versions alone, and they begin at 1", By: by(api, "TestThreat_ReplayAfterReCreation"),
			Edits: edit(
				"middleware/rest/condition.go", "strings.HasPrefix(t.opaque, prefix)", "strings.Contains(t.opaque, prefix[len(`\"0123456789abcdef`):])",
				"sessionctx/recordedit.go", "first := 1 + rand.Int64N(1<<30-1)", "first := int64(1)",
			)},
		{Desc: "versions begin again after the last one", By: by(api, "TestThreat_VersionOverflow"),
			Edits: edit("sessionctx/recordedit.go", "rec.Version == math.MaxInt64", "rec.Version == math.MinInt64")},
	}},
	{"what has ended stays ended", []Mutant{
		{Desc: "a tombstone is nothing", By: append(by(api, "TestThreat_UseAfterLogout"), histories, soak("revived")),
			Edits: edit(ownership+"#ownershipByRecord", "case rec.Ended:", "case rec.Ended && id == nil:")},
		{Desc: "an update creates where an end has removed", By: []Check{histories},
			Edits: edit("sessionctx/update.go", "case c.own.state != absent, req", "case c.own.state == foreign, req")},
		{Desc: "the customer's generation is not looked at", By: append(by(api, "TestThreat_UseAfterLogout"), histories),
			Edits: edit(ownership+"#ownershipOf", "rec.Generation != present", "present < 0")},
		{Desc: "an erased customer's tombstone keeps the customer", By: by(core, "TestErase_LeavesNoPersonalData"),
			Edits: edit("sessionctx/tombstone.go", "Ended: true,", "Ended: true, CustomerID: rec.CustomerID,")},
	}},
	{"ids, logins and tokens prove what they say, and nothing else", []Mutant{
		{Desc: "a login leaves the old id alive", By: by(web, "TestThreat_SessionFixation"),
			Edits: edit("sessionctx/login.go", "c.own.state != live && !c.own.byEndAll || was", "c.own.state != foreign || was")},
		{Desc: "the heir of a tombstone is anybody's", By: by(core, "TestLogin_DeadID"),
			Edits: edit(
				"sessionctx/heir.go#heirOwner", "append(append(b, id.Tenant...), id.CustomerID...)", "append(b, id.Tenant...)",
				"sessionctx/heir.go#heirOf", " && own.customerID == req.CustomerID", "",
			)},
		{Desc: "the id of a token's session is as good as a secret", By: by(web, "TestThreat_IDGuessing"),
			Edits: edit(ownership+"#ownershipByRecord", ", id.Proof == BySecret && !rec.Secret", "")},
		{Desc: "a key verifies any algorithm", By: append(by(tokens, "TestThreat_JWTConfusion"), by(next, "TestThreat_ForgedSessionContext")...),
			Edits: edit("middleware/bearer/key.go", "!ok || k.Algorithm != t.Method.Alg()", "!ok")},
		{Desc: "a page says nothing to caches", By: by(web, "TestThreat_CachedPage"),
			Edits: edit("middleware/caching.go", `h["Cache-Control"] = c.private`, `_ = c.private`)},
		{Desc: "a page with a session is shareable", By: by(web, "TestThreat_CachedPage"),
			Edits: edit("middleware/caching.go", `guests && s.ID != "":`, `guests && s.ID != "" && s.CustomerID != "":`)},
		{Desc: "a page behind a password is shareable", By: by(web, "TestShareable_RefusesWhatIsNotEverybodys"),
			Edits: edit("middleware/caching.go", "m.identify == nil && m.customer == nil:", "h == nil:")},
		{Desc: "nobody keeps a page private on which Wrap sets the cookie", By: by(web, "TestWrap_NoSharedCacheKeepsASessionCookieThatWrapSets"),
			Edits: edit("middleware/middleware.go", "setsCookie && !m.variant.on", "setsCookie && m.variant.on")},
		{Desc: "any audience will do", By: append(by(tokens, "TestThreat_JWTConfusion"), by(next, "TestThreat_ForgedSessionContext")...),
			Edits: edit("middleware/bearer/verifier.go", "!is.claims.isFor(is.audience, token)", "is == nil")},
		{Desc: "any token of the key carries a session", By: by(next, "TestThreat_ForgedSessionContext"),
			Edits: edit("middleware/downstream/verifier.go", "Type: tokenType", "Type: \"\"")},
		{Desc: "a session is sent for as long as its token says", By: by(next, "TestThreat_ForgedSessionContext"),
			Edits: edit("middleware/downstream/verifier.go", "> lifetime.Seconds()", "< 0")},
		{Desc: "a token between services has no end to speak of", By: by(next, "TestThreat_ReplayedSessionContext"),
			Edits: edit("middleware/downstream/verifier.go", "cmp.Or(v.leeway, -1)", "5*maxLeeway")},
		{Desc: "the session goes to every host", By: by(next, "TestThreat_LeakedSessionContext"),
			Edits: edit("middleware/downstream/transport.go", "if listed && ok {", "if ok || listed && ok {")},
		{Desc: "what a client says of its session goes on to the next service", By: by(next, "TestThreat_SessionContextOfAClient"),
			Edits: edit("middleware/downstream/transport.go", "strings.EqualFold(name, Header)", "name == \"\"")},
		{Desc: "a session may be named by the customer's id", By: by(tokens, "TestThreat_JWTConfusion"),
			Edits: edit("middleware/bearer/claims.go", "session == customer", "session == customer && false")},
		{Desc: "a bad token leaves the decision to the cookie", By: by(api, "TestThreat_BearerAgainstCookie"),
			Edits: edit("middleware/middleware.go", "id, err := m.identityOf(a, r)\n\t\tif err != nil {", "id, err := m.identityOf(a, r)\n\t\tif err != nil && req.Tenant == \"\" {")},
		{Desc: "a saas token is good in every tenant", By: by("examples/storefront/tokens", "TestThreat_TokenOfAnotherPurpose"),
			Edits: edit("examples/storefront/tokens/issuer.go", "c.Identity.Tenant != tenant", "c.Identity.Tenant == \"\"")},
		{Desc: "everybody may see the inspector", By: by("sessionctx/inspect", "TestThreat_OpenInspector"),
			Edits: edit("sessionctx/inspect/inspector.go", "!i.cfg.Authorize(r)", "false")},
		{Desc: "the inspector shows whatever a profile has", By: by("sessionctx/inspect", "TestThreat_InspectedPerson"),
			Edits: edit("sessionctx/inspect/why.go", "!looksLike(f, value)", "value == \"\"")},
		{Desc: "operators are asked for under any name", By: by("examples/storefront/server", "TestThreat_NameThatLeadsHere"),
			Edits: edit("examples/storefront/server/admin.go", "&& Loopback(host)", "&& host != \"\"")},
		{Desc: "management by any customer's saas token", By: by(api, "TestThreat_ManagementForAnotherCustomer"),
			Edits: edit("middleware/rest/write.go", "s.CustomerID != \"\" && s.CustomerID != customerID:", "s.CustomerID != \"\" && customerID == \"\":")},
		{Desc: "the scope of another tenant will do", By: by(api, "TestThreat_ManagementWithoutTheScope"),
			Edits: edit(handler, ", tenant != \"\" && tenant != x.to.tenant:", ":")},
		{Desc: "writes by cookie from any origin", By: by(api, "TestThreat_CrossSiteWrite"),
			Edits: edit(handler, "x.cross.Check(x.r) != nil", "x.r == nil")},
		{Desc: "the country is believed whoever says it", By: by(web, "TestThreat_HintSpoofing"),
			Edits: edit("middleware/hints.go", " && h.trusts(r)", "")},
		{Desc: "a form says where the browser goes", By: by(web, "TestThreat_OpenRedirect"),
			Edits: edit("middleware/switch.go", "localpath.Parse(back); !ok {", "localpath.Parse(back); !ok {\n\t\tsent.back, _ = url.Parse(back)\n\t}\n\tif sent.back == nil {")},
		{Desc: "a picker's form may come from anywhere", By: by(web, "TestThreat_ForgedForm"),
			Edits: edit("middleware/switch.go", "crossOrigin.Check(r) != nil", "crossOrigin.Check(r) != nil && r == nil")},
		{Desc: "X-Forwarded-Host is believed", By: by(web, "TestThreat_PoisonedHost"),
			Edits: edit("middleware/sites.go", "\thp, ok := p.hosts[r.Host]", "\tif h := r.Header.Get(\"X-Forwarded-Host\"); h != \"\" {\n\t\tr.Host = h\n\t}\n\thp, ok := p.hosts[r.Host]")},
	}},
	{"what clients send is neither believed nor without bounds, and nothing leaks", []Mutant{
		{Desc: "a shopper may name a cart", By: by(api, "TestThreat_MassAssignment"),
			Edits: edit("middleware/rest/write.go", "parseState(body, x.maxDepth, false)", "parseState(body, x.maxDepth, true)")},
		{Desc: "any number of attributes", By: by(api, "TestThreat_AttributeBomb"),
			Edits: edit(limits, "> cfg.MaxAttributes:", "> cfg.MaxAttributes*cfg.MaxRecord:")},
		{Desc: "names that nobody can print", By: by(api, "TestThreat_AttributeBomb", "TestThreat_HeaderAndLogInjection"),
			Edits: edit(limits, "!printable(name)", "name == \"\"")},
		{Desc: "a name may be there twice", By: by(api, "TestThreat_JSONTricks"),
			Edits: edit(strict, "in.names[name] {", "in.names[name] && in.names[\"\"] {")},
		{Desc: "errors of the store are logged as they are", By: by(api, "TestThreat_LogLeak"),
			Edits: edit("sessionctx/guard.go", "redact.Error(err, key.ID)", "err")},
		{Desc: "redis: the session id in the key", By: by(redis, "TestKey_NoIdIsSeenOnServer"),
			Edits: edit("sessionctx/redisstore/key.go#name", "b = append(b, ':', letterOf", "b = append(append(b, k.ID...), ':', letterOf")},
		{Desc: "caches keep the tenant as a part of the request", By: by(core, "TestThreat_PinnedMemory"),
			Edits: edit("sessionctx/request.go", "unique.Make(id.Tenant).Value(), strings.Clone(id.CustomerID)", `id.Tenant+unique.Make("").Value(), strings.Clone(id.CustomerID)`)},
		{Desc: "a request site of any length is kept", By: by(core, "TestThreat_PinnedMemory"),
			Edits: edit("sessionctx/request.go", "req.Site[:min(len(req.Site), maxRequestSite)]", "req.Site")},
		{Desc: "a failed question is kept for each tenant", By: by(core, "TestThreat_MadeUpNames"),
			Edits: edit("internal/directory/entry.go", "len(s.unknown) - maxUnknown/numShards", "0")},
		{Desc: "carts give way to bots", By: by(web, "TestThreat_BotSessions"),
			Edits: edit("sessionctx/memstore/room.go", "case len(it.rec.Carts) > 0:", "case len(it.rec.Carts) > 0 && false:")},
	}},
	{"a page cache gives each visitor a page of the visitor's own variant, and nobody's cookie", []Mutant{
		{Desc: "a variant does not have the country", By: by(core, "TestVariant_EveryFieldIsDecided", "TestVariant_DiffersWithAnyValue"),
			Edits: edit(keys, "b = appendVariant(b, s.Country, false)", "")},
		{Desc: "a variant does not say what the URL has decided", By: []Check{pages},
			Edits: edit(keys+"#appendVariant", "if byURL {", "if byURL && value == \"\" {")},
		{Desc: "a variant leaves the site's currency out", By: by(core, "TestVariant_MeansTheSameAfterAChangeOfTheSites"),
			Edits: edit(keys, "b = appendVariant(b, s.Currency, false)", "if s.sources[defaults.FieldCurrency] != defaults.SourceSiteCurrency {\n\t\tb = appendVariant(b, s.Currency, false)\n\t}")},
		{Desc: "the parts of a variant are not escaped", By: by(core, "TestVariant_DiffersWithAnyValue"),
			Edits: edit(keys+"#appendVariant", "url.QueryEscape(value)", "value")},
		{Desc: "a variant in an outage", By: append(by(core, "TestVariant_IsEmptyInAnOutage"), by(web, "TestVariant_StaysInAnOutage")...),
			Edits: edit(keys, "s.Degraded || s.ProfileMissing || ", "")},
		{Desc: "a page is kept under whatever variant the request names", By: by(web, "TestThreat_ForgedVariant", "TestShareable_RefusesAPageOfAnotherVariantThanTheRequestNames"),
			Edits: edit(guards+"#confirmed", "slices.Equal(lines, h[variantHeader])", "len(h[variantHeader]) == 1")},
		{Desc: "a page of the first visitor is kept", By: by(pages.In, "TestPageCache_FirstVisitorGetsTheShopsOwnAnswer"),
			Edits: edit(
				guards+"#confirmed", "len(lines) == 1 && lines[0] != \"\" && slices.Equal(lines, h[variantHeader])", "len(lines) == 0 || slices.Equal(lines, h[variantHeader])",
				"middleware/middleware.go#tellVariant", "m.variant.keep(h, r, s.Variant())", "if len(r.Header[variantHeader]) > 0 {\n\t\tm.variant.keep(h, r, s.Variant())\n\t}",
			)},
		{Desc: "a write does not tell the browser its new variant", By: []Check{pages},
			Edits: edit(variants+"#written", "v.keep(h, r, key)", "")},
		{Desc: "the variant of a stale read is as good as a fresh one", By: by(web, "TestVariant_OfAStaleReadDoesNotReplaceANewerOne"),
			Edits: edit("middleware/middleware.go#tellVariant", "req.Fresh = true", "")},
		{Desc: "a failed write leaves the variant", By: by(web, "TestVariant_IsForgottenAfterAWriteThatFails"),
			Edits: edit(variants+"#written", "err != nil || key == \"\"", "err != nil && key != \"\"")},
		{Desc: "requests without the cookies change the variant", By: by(web, "TestVariant_IsSetWhereTheBrowserHasAnotherOne"),
			Edits: edit(variants+"#isBrowsers", "!hasAPICredentials(r) && !withheld(r)", "!hasAPICredentials(r)")},
		{Desc: "the variant outlives the session", By: by(web, "TestVariant_CookieEndsBeforeTheSession"),
			Edits: edit(variants, "idle/2)/time.Second", "maxVariantAge)/time.Second")},
		{Desc: "nobody looks at the headers in the moment of writing", By: by(web, "TestGuard_NoStorableResponseSetsACookieOrIsOfAnotherVariant", "TestGuard_StandsAfterAPanic"),
			Edits: edit(guards+"#check", "case !isStorable(h):", "case h != nil:")},
		{Desc: "caches may keep a response with a cookie", By: by(web, "TestGuard_NoStorableResponseSetsACookieOrIsOfAnotherVariant"),
			Edits: edit(guards+"#check", "len(h[\"Set-Cookie\"]) == 0 && confirmed", "confirmed")},
		{Desc: "headers of CDNs are not looked at", By: by(web, "TestGuard_NoStorableResponseSetsACookieOrIsOfAnotherVariant"),
			Edits: edit(guards+"#overrides", "name == \"X-Accel-Expires\" ||", "len(name) == 0 ||")},
		{Desc: "a shared page forgets its variant", By: by(web, "TestGuard_NoStorableResponseSetsACookieOrIsOfAnotherVariant"),
			Edits: edit(guards+"#check", "h[\"Vary\"] = addNames(h[\"Vary\"], variantHeader)", "")},
	}},
	{"few requests, a slow store or a panic do not take the shop down", []Mutant{
		{Desc: "a read of what others write goes on for a hundred slow readings", By: by(core, "TestConsistency_NobodyReadsAgainForLongerThanTimeout"),
			Edits: edit("sessionctx/resolve.go#lastTry", " || r.near.Now()-begun >= int64(r.cfg.Timeout)", "")},
		{Desc: "a precondition is passed over for a PATCH of several values", By: by(api, "TestIfMatch_HoldsForTheNamedRevisionAlone"),
			Edits: edit("middleware/rest/write.go", "sent: x.conditional(st.patch())", "sent: st.patch()")},
		{Desc: "loads are not shared", By: by(core, "TestThreat_MassFlush", "TestThreat_Stampede"),
			Edits: edit("internal/singleflight/singleflight.go", "joined = c != nil &&", "joined = c != nil && false &&")},
		{Desc: "news of other processes are not heard", By: by(core, "TestThreat_InvalidationStorm"),
			Edits: edit(nearCache+"#Invalidate", "c.stamps.Bump(c.stripe(&h))", "")},
		{Desc: "a panic in OnChange goes on", By: by(core, "TestThreat_PanickingHooks"),
			Edits: edit("sessionctx/onchange.go", "p := recover(); p != nil", "p := any(nil); p != nil")},
		{Desc: "a panic in a policy is swallowed, and the request answered", By: by(web, "TestThreat_PanickingPolicies"),
			Edits: edit("middleware/middleware.go", "\tm := h.m\n", "\tm := h.m\n\tdefer func() { _ = recover() }()\n")},
		{Desc: "defaults are shown as if they were the record", By: by(api, "TestThreat_StoreDown"),
			Edits: edit("sessionctx/degraded.go", "n.flags |= degradedValue", "n.flags |= 0")},
		{Desc: "a store that hangs costs every caller the timeout", By: by("internal/breaker", "TestBreaker_OpensAfterTimeoutsOfThreeKeys"),
			Edits: edit("internal/breaker/breaker.go", "len(b.timedOut) >= openAfter", "len(b.timedOut) < 0")},
	}},
	{"after a write by another process a read is stale by less than the lease, whatever breaks", []Mutant{
		{Desc: "a lease without an end", By: processes("black hole on tracking downstream", "2s"),
			Edits: edit(sinks+"#extendLease", "w.sink.ExtendLease(until)", "w.sink.Exclusive()")},
		{Desc: "what was told between two connections is not lost", By: processes("nobody listens on tracking", "4s"),
			Edits: edit(listen, "s.sinks.invalidateAll() // nobody", "// nobody")},
		{Desc: "a lease from the time of the answer", By: processes("then a black hole on tracking", "8s"), Long: true,
			Edits: edit(listen, "s.sinks.extendLease(sent.Add(s.cfg.Lease))", "s.sinks.extendLease(sent.Add(time.Since(sent) + s.cfg.Lease))")},
		{Desc: "the loss of all (FLUSHALL) is not heard", By: by(redis, "TestFlush_IsReportedWhileDataConnectionIsSilent"), Long: true,
			Edits: edit(sinks+"#invalidate", "\t\tl.invalidateAll()\n", "")},
		{Desc: "a replica is not refused", By: by(redis, "TestListener_PrimaryThatBecomesReplicaAnswersNothing"),
			Edits: edit("sessionctx/redisstore/server.go", `"master"`, `""`)},
	}},
	{"with 10,000 writes a second of the fleet 60 % of the hits are left", []Mutant{
		{Desc: "a thousandth of the stamps", By: by(verify, "TestFleet_KeepsItsHits"),
			Edits: edit(stamps+"#NewTable", "n = min(max(n, minStripes), MaxStripes)", "n = minStripes")},
	}},
	{"no answered write is lost by a kill -9 or a power cut", []Mutant{
		{Desc: "bolt: answered when it was handed over", By: []Check{{In: durable, Test: "TestBolt_KeepsEveryAnsweredWriteThroughKill9", Says: "violation:", Setup: []string{"ROUNDS=100"}}, powerCut()},
			Edits: edit("sessionctx/boltstore/store.go", "\tselect {\n\tcase <-w.done:\n", "\tif w.rec.Incarnation != 0 {\n\t\treturn w.rec, nil\n\t}\n\tselect {\n\tcase <-w.done:\n")},
		{Desc: "bolt: no fsync between the pages and the meta page", By: []Check{powerCut()},
			Edits: edit("bbolt/tx.go#write", "!tx.db.NoSync || common.IgnoreNoSync", "tx == nil")},
		{Desc: "bolt: goes on after a failed fsync", By: []Check{{In: durable, Test: "TestBolt_SaysWhatAFailedFsyncHasLeft", Says: "who reads it now"}},
			Edits: edit("sessionctx/boltstore/commit.go", "return s.fail(fmt.Errorf(", "return error(fmt.Errorf(", "sessionctx/boltstore/commit.go", "it again: %w\", err), false)", "it again: %w\", err))")},
	}},
}

// Conditions are changes under which the product must still be right: they change what the cache
// keeps and finds.
var Conditions = []Mutant{
	{Desc: "a cache for three sessions that drops half of what it is given",
		Edits: edit(
			"internal/boundedcache/cache.go#New", "MaxCost:            max(", "MaxCost:            3*typical+0*max(",
			"internal/boundedcache/cache.go#Set", "c.closed ||", "c.closed || hash%2 == 0 ||",
		)},
	{Desc: "two hashes for sessions and profiles",
		Edits: edit(nearCache+"#New", "mask: ^uint64(0)", "mask: 1")},
	{Desc: "sixteen stamps for all keys",
		Edits: edit(stamps+"#NewTable", "n = min(max(n, minStripes), MaxStripes)", "n = 16")},
	{Desc: "one bucket in front of the cache, and every entry that is read goes there",
		Edits: edit(nearCache+"#New", "buckets := max(", "buckets := 1 + 0*max(", nearCache+"#Lookup", "rand.Uint64()%getsToFront == 0", "rand.Uint64() != 0")},
	{Desc: "every entry that is read goes in front of the cache, and ristretto hears of no other read",
		Edits: edit(nearCache+"#Lookup", "rand.Uint64()%getsToFront == 0", "rand.Uint64() != 0", "internal/nearcache/hits.go#Answered", "< math.MaxUint64/readsPerGet", "== 7")},
}
