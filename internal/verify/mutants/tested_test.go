package mutants

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/overlay"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

const (
	redisPackage = "github.com/sessionctx/storefront/sessionctx/redisstore"
	script       = "sessionctx/redisstore/script.go"
	server       = "sessionctx/redisstore/server.go"
	key          = "sessionctx/redisstore/key.go"
	sinks        = "sessionctx/redisstore/sinks.go"
	value        = "sessionctx/redisstore/value.go"
	flush        = "sessionctx/redisstore/flush.go"
	failure      = "sessionctx/redisstore/failure.go"
)

const (
	sessions = "github.com/sessionctx/storefront/sessionctx"
	inside   = "github.com/sessionctx/storefront/internal/"
)

// tested are mutants that a test of the product catches. Of the resolver they are those that histories find only after
// thousands, if at all: what they break is looked at a second time, or shows only beside another process. Those that break
// what is promised about time are in packages processes and partition: only a broken network shows them.
var tested = []struct {
	desc, test string
	in         string // package; empty: redisPackage
	edits      []overlay.Edit
}{
	{
		desc: "the customer's stamp taken after the load", in: inside + "nearcache",
		test: "TestGet_KeepsWhatItFound",
		edits: swap(nearCache, "\t\t\tif shared && c.stamps.Current(e.session)",
			"\t\t\tif key.View != \"\" {\n\t\t\t\te.customer = c.CustomerStamp(key.Tenant, key.View)\n\t\t\t}\n\t\t\tif shared && c.stamps.Current(e.session)"),
	},
	{
		desc: "an answer of the directory that came after the record was read", in: sessions,
		test:  "TestConsistency_ProfileThatChangesDuringALoadComesAfterTheRecord",
		edits: swap(resolve, "!d.inForceSince(begun, before)", "d == nil"),
	},
	{
		desc: "a fresh read that bumps nothing", in: sessions,
		test:  "TestResolve_FreshIsNotUndoneByAnEarlierLoad",
		edits: swap(nearCache, "\tc.stamps.Bump(c.StripeOf(k))\n", ""),
	},
	{
		desc: "a view without its customer", in: sessions,
		test:  "TestEndAll_EndsASessionThatAnotherProcessHasLoggedIn",
		edits: swap(request, "View: req.asserted(), ", ""),
	},
	{
		desc: "all lost without a bump", in: sessions,
		test:  "TestResolve_EndedSessionStaysEndedWhenItsGenerationIsLost",
		edits: swap(nearCache, "{ c.stamps.BumpAll() }", "{}"),
	},
	{
		desc: "a load is joined by its key alone", in: sessions,
		test:  "TestResolve_LoadFromBeforeAChangeIsNotJoined",
		edits: swap(nearCache, "call{key, e.session, e.customer}", "call{key: key}"),
	},
	{
		desc: "who gives up fails those who wait", in: sessions,
		test:  "TestResolve_CallerThatGivesUpFailsNobodyElse",
		edits: swap(calls, "context.WithTimeout(context.WithoutCancel(ctx), timeout)", "context.WithTimeout(ctx, timeout)"),
	},
	{
		desc: "loads are not shared", in: sessions,
		test:  "TestResolve_HerdSharesAFewLoads",
		edits: swap(calls, "joined = c != nil &&", "joined = c != nil && false &&"),
	},
	{
		desc: "a loss between the two reads of a session is not looked at", in: sessions,
		test:  "TestResolve_EndedSessionStaysEndedWhenItsGenerationIsLost",
		edits: swap(resolve, "\tcurrent := r.near.Stamps().Current\n", "\tcurrent := r.near.Stamps().Current\n\tif own != nil {\n\t\treturn !d.superseded(), nil\n\t}\n"),
	},
	{
		desc: "an answer without a look at the customer", in: sessions,
		test:  "TestEndAll_LoadFromBeforeItIsNotJoined",
		edits: swap(resolve, "current(own.entry.Customer()) &&", ""),
	},
	{
		desc: "a login leaves an older generation in force", in: sessions,
		test:  "TestLogin_IsNotEndedByAGenerationThatWasLoadedBefore",
		edits: swap(generation, "g, err := r.freshGeneration(ctx, req.Tenant, customerID)", "g, err := r.knownGeneration(ctx, req.Tenant, customerID)"),
	},
	{
		desc: "a write takes a generation that was cached for the newest", in: sessions,
		test:  "TestUpdate_ReadsTheGenerationOfAnotherProcessBeforeItRefuses",
		edits: swap(generation, "confirmed.state != ended || preview", "confirmed.state != ended || r != nil"),
	},
	{
		desc: "what is cached of a session is taken after an EndAll here", in: sessions,
		test:  "TestEndAll_EndsASessionThatAnotherProcessHasLoggedIn",
		edits: swap(nearCache, "c.stamps.Current(e.session) && c.stamps.Current(e.customer) &&", "c.stamps.Current(e.session) &&"),
	},
	{
		desc: "a load of a session that is under way is joined after an EndAll here", in: sessions,
		test:  "TestEndAll_LoadFromBeforeItIsNotJoined",
		edits: swap(nearCache, "call{key, e.session, e.customer}", "call{key, e.session, e.session}"),
	},
	{
		desc: "that a session has ended does not hang on the generation that says so", in: sessions,
		test:  "TestResolve_LiveCookieIsAGuestOnlyWhileAnOldGenerationIsCached",
		edits: swap(generation, "\tif key.View == \"\" {\n\t\town.entry", "\tif key.View == \"\" && own.state == live {\n\t\town.entry"),
	},
	{
		desc: "a refusal stands on what is cached", in: sessions,
		test:  "TestUpdate_RefusesNothingByACachedRecord",
		edits: swap(save, "(err == nil || !cached) && !w.lost", "!w.lost"),
	},
	{
		desc: "a loss is not looked at where nothing is written", in: sessions,
		test:  "TestResolve_EndedSessionStaysEndedWhenItsGenerationIsLost",
		edits: swap(save, "(err == nil || !cached) && !w.lost(&cur)", "(err == nil || !cached)"),
	},
	{
		desc: "AtLeast joins a load that may find what is too old", in: sessions,
		test:  "TestResolve_AtLeastTakesACachedRecordThatIsNewEnough",
		edits: swap(nearCache, "\tif want.Accept != nil { // a load", "\tif want.Accept == nil { // a load"),
	},
	{
		desc: "a revision of another incarnation is a base", in: sessions,
		test:  "TestUpdate_StaleBaseConflictsOnlyWhereItTouchesAChange",
		edits: swap(conflict, "base.Incarnation != 0 && base.Incarnation != cur.Incarnation", "base.Version < 0"),
	},
	{
		desc: "the heir of a tombstone is in the clear", in: sessions,
		test:  "TestLogin_TombstoneSealsTheHeir",
		edits: swap(heir, "return aead.Seal(nonce, nonce, []byte(newID), heirOwner(tenant, customerID))", "return append(nonce, newID...)"),
	},
	{
		desc: "the heir of a tombstone is anybody's", in: sessions,
		test: "TestLogin_DeadID",
		edits: swap(heir, "return append(append(b, tenant...), customerID...)", "return append(b, tenant...)",
			heir, "own.state == live && own.customerID == customerID", "own.state == live"),
	},
	{
		desc: "a tombstone keeps the customer", in: sessions,
		test:  "TestErase_LeavesNoPersonalData",
		edits: swap(tombstone, "Secret: rec.Secret, Ended: true,", "Secret: rec.Secret, Ended: true, CustomerID: rec.CustomerID,"),
	},
	{
		desc: "a session that EndAll has ended keeps its data when a write meets it", in: sessions,
		test:  "TestEndAll_WriteThatMeetsAnEndedSessionLeavesATombstone",
		edits: swap(update, "\tr.buryEnded(&b, &met, &c)\n", "\t_ = met\n"),
	},
	{
		desc: "an erased customer begins a session", in: sessions,
		test:  "TestErase_AssertedIdentityBeginsNoSessionButByLogin",
		edits: swap(update, "if customer.Ended {", "if customer.Ended && c == nil {"),
	},
	{
		desc: "the profile of an erased customer stays in another process", in: sessions,
		test:  "TestErase_EveryProcessDropsTheProfile",
		edits: swap("sessionctx/resolver.go", "{ r.profiles.DropHash(r.profileHash(h)) }", "{ _ = r.profileHash(h) }"),
	},
	{
		desc: "a write with an unknown outcome is not counted any more", in: sessions,
		test:  "TestUnknownOutcome_WriteThatIsAppliedLateIsSeenAtOnce",
		edits: swap(save, "\tcase w.unknown:\n\t\tw.near.EndLater(quarantine * w.r.cfg.Timeout)", "\tcase w.unknown:\n\t\tw.near.End()"),
	},
	{
		desc: "an earlier answer of the directory replaces a later one", in: inside + "directory",
		test:  "TestAnswer_EarlierQuestionNeverReplacesALaterOne",
		edits: swap(directory, "e.dropped || q.number < e.number", "e.dropped"),
	},
	{
		desc: "whoever asks the directory again waits for it", in: inside + "directory",
		test:  "TestInvalidate_CallersWait100msAtMost",
		edits: swap("internal/directory/cache.go", "answerWait = 100 * time.Millisecond", "answerWait = time.Hour"),
	},
	{
		desc: "a store that hangs costs every caller the timeout", in: inside + "breaker",
		test:  "TestBreaker_OpensAfterTimeoutsOfThreeKeys",
		edits: swap("internal/breaker/breaker.go", "len(b.timedOut) >= openAfter", "len(b.timedOut) < 0"),
	},
	{
		desc: "the store tells of a change after others can see it", in: "github.com/sessionctx/storefront/sessionctx/memstore",
		test:  "TestWatch_NoLoadSeesAChangeBeforeEverySinkIsTold",
		edits: swap(memstore, "\tdefer sh.mu.Unlock()\n\tchange(sh)\n", "\tchange(sh)\n\tsh.mu.Unlock()\n"),
	},
	{
		desc: "versions compared as numbers of Lua", test: "TestSave_VersionsAboveDoublesOfLuaDiffer",
		edits: swap(
			script, "\nlocal stored = redis.call('GET', KEYS[1])\n", `
local function number(s)
  local n, m = 0, 1
  for i = 1, #s do
    local b = string.byte(s, i)
    n, m = n + (b % 128) * m, m * 128
    if b < 128 then break end
  end
  return tonumber(n)
end
local stored = redis.call('GET', KEYS[1])
`,
			script, "string.sub(stored, 27, 26 + #ARGV[2]) ~= ARGV[2]", "number(string.sub(stored, 27, 36)) ~= number(ARGV[2])",
		),
	},
	{
		desc: "the incarnation not compared", test: "TestStore",
		edits: swap(script, "or string.sub(stored, 11, 18) ~= ARGV[1] or", "or"),
	},
	{
		desc: "the version not compared", test: "TestStore",
		edits: swap(script, " or string.sub(stored, 27, 26 + #ARGV[2]) ~= ARGV[2] then", " then"),
	},
	{
		desc: "a write that is based on nothing replaces what is there", test: "TestStore",
		edits: swap(script, "if ARGV[1] == '' or string", "if ARGV[1] ~= '' and string"),
	},
	{
		desc: "an update writes what is gone again", test: "TestStore",
		edits: swap(script, "elseif ARGV[1] ~= '' then", "elseif ARGV[1] == 'never' then"),
	},
	{
		desc: "a conflict writes what it found once more", test: "TestSave_AppliedWriteIsOneMessageAndConflictIsNone",
		edits: swap(script, "    return {0, stored}\n", "    redis.call('SET', KEYS[1], stored, 'KEEPTTL')\n    return {0, stored}\n"),
	},
	{
		desc: "a touch writes the record that it was given", test: "TestStore",
		edits: swap(script, "if rec.Revision() != base {", "if rec.Incarnation != 0 {"),
	},
	{
		desc: "the server is not told when a record expires", test: "TestStore",
		edits: swap(script, "if ARGV[4] == '0' then", "if ARGV[4] ~= '' then"),
	},
	{
		desc: "the loss of all (FLUSHALL) is not heard", test: "TestFlush_IsReportedWhileDataConnectionIsSilent",
		edits: swap(sinks, "\tif names == nil {\n\t\tl.invalidateAll()\n", "\tif names == nil {\n"),
	},
	{
		desc: "a flush is told late, by another connection", test: "TestFlush_SessionThatHadEndedStaysHidden",
		edits: swap(flush, "{ f.sinks.invalidateAll() }", "{}"),
	},
	{
		desc: "a miss on the connection before tells of the next one", test: "TestReportMiss_AnswerOfEarlierConnectionSaysNothingAboutNext",
		edits: swap(flush, "if begun == dials {", "if begun >= dials {"),
	},
	{
		desc: "a flush between two connections is not told", test: "TestFlush_SessionThatHadEndedStaysHidden",
		edits: swap(flush, "if begun == s.reportedDials.Load() {", "if begun >= 0 {"),
	},
	{
		desc: "changes of others are not heard", test: "TestSharedStore",
		edits: swap(sinks, "\t\t\tcase ok:\n\t\t\t\tw.sink.Invalidate(h)\n", "\t\t\tcase ok:\n\t\t\t\t_ = h\n"),
	},
	{
		desc: "a replica is not refused", test: "TestListener_PrimaryThatBecomesReplicaAnswersNothing",
		edits: swap(server, `"master"`, `""`),
	},
	{
		desc: "the key without the kind", test: "TestStore",
		edits: swap(key, "\th := k.Hash()\n", "\th := store.Key{Tenant: k.Tenant, ID: k.ID}.Hash()\n", key, "':', letterOf(k.Kind), ':'", "':', letterSession, ':'"),
	},
	{
		desc: "the key without the tenant", test: "TestStore",
		edits: swap(key, "\th := k.Hash()\n", "\th := store.Key{ID: k.ID, Kind: k.Kind}.Hash()\n", key, "\tb = append(b, k.Tenant...)\n", ""),
	},
	{
		desc: "another tenant's record is taken", test: "TestLoad_RecordOfAnotherTenantIsError",
		edits: swap(value, "if rec.Tenant != tenant {", "if rec.Tenant == \"\" {"),
	},
	{
		desc: "the session id in the key", test: "TestKey_NoIdIsSeenOnServer",
		edits: swap(key, "\tb = append(b, ':', letterOf", "\tb = append(b, k.ID...)\n\tb = append(b, ':', letterOf"),
	},
	{
		desc: "a sink hears after its stop", test: "TestStore",
		edits: swap(sinks, "\t\tl.all = slices.DeleteFunc(l.all, func(x *watch) bool { return x == w })\n", "\t\t_ = slices.Contains(l.all, w)\n"),
	},
	{
		desc: "stop does not wait for a call under way", test: "TestStore",
		edits: swap(
			sinks, "\treturn func() {\n\t\tl.mu.Lock()\n\t\tdefer l.mu.Unlock()\n", "\treturn func() {\n",
			sinks, "for _, w := range l.all {\n\t\t\tswitch {", "for _, w := range slices.Clone(l.all) {\n\t\t\ttime.Sleep(time.Millisecond)\n\t\t\tswitch {",
		),
	},
	{
		desc: "a full server is an outage like any other", test: "TestSave_ServerAtMaxmemoryIsFull",
		edits: swap(failure, "store.ErrFull", "store.ErrUnavailable"),
	},
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// TestEveryMutantIsCaughtByATest runs the first of them, and with MUTANTS=all the others too.
func TestEveryMutantIsCaughtByATest(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the product once for each mutant")
	}
	redisserver.Start(t) // skips where there is none, as the mutants would
	const few = 8
	all := os.Getenv("MUTANTS") == "all"
	var rows [][]string
	for i, m := range tested {
		if i >= few && !all {
			overlay.Apply(t, m.edits...)
			continue
		}
		t.Run(strings.ReplaceAll(m.desc, " ", "-"), func(t *testing.T) {
			in := cmp.Or(m.in, redisPackage)
			out, passed := overlay.Run(t, overlay.Build(t, in, m.edits...), m.test)
			require.False(t, passed, "this mutant survives, so the tests are blind:\n%s", cut(out))
			var tests []string
			for _, f := range failed.FindAllStringSubmatch(out, -1) {
				tests = append(tests, f[1])
			}
			require.NotEmpty(t, tests, "this mutant fails without a failed test:\n%s", cut(out))
			deepest := slices.MaxFunc(tests, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
			rows = append(rows, []string{m.desc, path.Base(in) + ", `" + deepest + "`"})
			fmt.Printf("caught: %s: %s\n", m.desc, deepest)
		})
	}
	tables.Write(t, "mutants-redis", []string{"what was broken", "found by"}, rows...)
}
