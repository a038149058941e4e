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
	listen       = "sessionctx/redisstore/listen.go"
	sinks        = "sessionctx/redisstore/sinks.go"
	value        = "sessionctx/redisstore/value.go"
	flush        = "sessionctx/redisstore/flush.go"
	failure      = "sessionctx/redisstore/failure.go"
)

// tested are mutants that a test of the product convicts: of the Redis store, and of the resolver those that histories find only after
// thousands, if at all, because what they break is looked at a second time, or stands open for a moment only. Those that break what is promised about time
// are in packages processes and partition: only a broken network shows them.
var tested = []struct {
	desc, test string
	in         string // package; empty: redisPackage
	edits      []overlay.Edit
}{
	{
		desc: "flight by key alone", in: "github.com/sessionctx/storefront/sessionctx", test: "TestAReadAfterAChangeWaitsForNoLoadThatBeganBeforeIt",
		edits: swap(nearCache, "flightKey{key: l.key, word: l.word, epoch: uint64(l.epoch)}", "flightKey{key: l.key}"),
	},
	{
		desc: "who gives up fails those who wait", in: "github.com/sessionctx/storefront/sessionctx", test: "TestWhoeverGivesUpFailsNobodyElse",
		edits: swap(nearCache, "f.err = n.load(n.ends.of(ctx, hash, l.start, n.timeout), l, hash)", "f.err = n.load(ctx, l, hash)"),
	},
	{
		desc: "settled without a second look while writers are in flight", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestARecordAndAProfileThatWereNeverInForceTogetherAreNeverShownTogether",
		edits: swap(resolver, "if e == nil || e.idLen == 0 || quiet(e.word) {", "if e == nil || e.version >= 0 {"),
	},
	{
		desc: "a profile later than the record, which others can write", in: "github.com/sessionctx/storefront/sessionctx",
		test: "TestWhatOthersWriteIsNeverShownWithAProfileThatCameLater", edits: swap(resolver, "if p.answer > answers && !r.near.exclusive() {", "if false {"),
	},
	{
		desc: "a snapshot without a look at the record", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestARecordFromBeforeAWriteIsNotShownWithAProfileThatCameLater",
		edits: swap(resolver, "return words.load(e.stripe) == e.word && ", "return "),
	},
	{
		desc: "a snapshot without a look at the customer", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestASessionThatWasEndedIsNotShownWithAProfileThatCameLater",
		edits: swap(resolver, "words.load(p.customer) == p.customerWord && r.near", "r.near"),
	},
	{
		desc: "the generation hangs on the word after it was read", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestASessionThatWasEndedWhileItWasReadIsNotKept",
		edits: swap(resolver, "p.customer, p.customerWord = st.generation.stripe, st.generation.word", "p.customer, p.customerWord = st.generation.stripe, r.near.words.load(st.generation.stripe)"),
	},
	{
		desc: "a login leaves an older generation in force", in: "github.com/sessionctx/storefront/sessionctx",
		test: "TestALoginIsNotTakenForEndedByAGenerationThatWasLoadedBefore", edits: swap(login, "\t\t\tr.vouch(c.st)\n", ""),
	},
	{
		desc: "a fresh read leads no flight", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestWhatAFreshReadHasFoundIsNotTakenBackByAFlightOfBefore",
		edits: swap(nearCache, "if !n.shareable(l) {", "if fresh != 0 || !n.shareable(l) {"),
	},
	{
		desc: "what is cached of a session is taken after an EndAll here", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestWhatAnEndAllHereHasEndedIsNotShownForWantOfNewsFromElsewhere",
		edits: swap(nearCache, "fresh.allows(e) && n.covers(e, customer)", "fresh.allows(e)"),
	},
	{
		desc: "a load of a session that is under way is joined after an EndAll here", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestALoadFromBeforeAnEndAllHereIsNotJoinedAfterIt",
		edits: swap(nearCache, "k.since = uint64(l.customer+1)<<32 | uint64(l.seen)", "k.since = 0"),
	},
	{
		desc: "a load of a session that has landed is joined after an EndAll here", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestWhatAnEndAllHereHasEndedIsNotShownForWantOfNewsFromElsewhere",
		edits: swap(nearCache, "n.usable(e, n.now()) && n.covers(e, l.customer)", "n.usable(e, n.now())"),
	},
	{
		desc: "that a session has ended does not hang on the generation that says so", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestALiveCookieIsNobodysForNoLongerThanTheOldGenerationIsBelieved",
		edits: swap(resolver, "	if st.generation != nil { // be it", "	if st.generation != nil && st.customerID != \"\" { // be it"),
	},
	{
		desc: "a guest joins no load of a customer", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestAHerdIsFewLoadsThoughWhatIsUnderWayMayNotBeJoined",
		edits: swap(flights, "(k.since == 0 || f.of.since == k.since)", "f.of.since == k.since"),
	},
	{
		desc: "the customer's word is read after the session", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestALoadFromBeforeAnEndAllHereIsNotJoinedAfterIt",
		edits: swap(resolver, "	if st.generation != nil { // be it", "	p.customerWord = r.near.words.load(p.customer)\n	if st.generation != nil { // be it"),
	},
	{
		desc: "what changes nothing stands on what was cached", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestWhatAnEndAllHereHasEndedIsNotShownForWantOfNewsFromElsewhere",
		edits: swap(commit, "cached = cached && r.near.covers(e, customer)", "_ = customer"),
	},
	{
		desc: "a loss between the two reads of a session is not looked at", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestASessionThatHadEndedIsNotShownWithoutTheGenerationThatIsLost",
		edits: swap(resolver, " && r.near.epoch.Load() == e.epoch, nil", ", nil"),
	},
	{
		desc: "a loss is not looked at where nothing is written", in: "github.com/sessionctx/storefront/sessionctx",
		test:  "TestASessionThatHadEndedIsNotShownWithoutTheGenerationThatIsLost",
		edits: swap(commit, "(err == nil || !cached) && !w.lost(&cur, epoch)", "(err == nil || !cached)"),
	},
	{
		desc: "a loss is not looked at by a login", in: "github.com/sessionctx/storefront/sessionctx",
		test: "TestALoginTakesNothingAlongThatAnEndAllHadEndedAndIsLost", edits: swap(login, "if was != nil && was.lost(&cur, epoch) {", "if was == nil && was.lost(&cur, epoch) {"),
	},
	{
		desc: "memos forgotten before the directory's answers", in: "github.com/sessionctx/storefront/sessionctx",
		test: "TestNobodySeesAMemoForgottenBeforeTheAnswerItWasMadeOf",
		edits: swap(directory, "\td.asked.changed(d.asked.stripe(Key{tenant, kindProfile, customerID}.Hash()))\n\td.memos.changed(customerStripe(d.memos, tenant, customerID))\n",
			"\td.memos.changed(customerStripe(d.memos, tenant, customerID))\n\td.asked.changed(d.asked.stripe(Key{tenant, kindProfile, customerID}.Hash()))\n"),
	},
	{
		desc: "the store tells of a change after others can see it", in: "github.com/sessionctx/storefront/sessionctx/memstore",
		test:  "TestNobodySeesAChangeBeforeEverySinkWasTold",
		edits: swap(memstore, "\tdefer sh.mu.Unlock()\n\tchange(sh)\n", "\tchange(sh)\n\tsh.mu.Unlock()\n"),
	},
	{
		desc: "versions compared as numbers of Lua", test: "TestVersionsBeyondTheDoublesOfLuaAreToldApart",
		edits: swap(
			script, "\nlocal now = redis.call('GET', KEYS[1])\n", `
local function number(s)
  local n, m = 0, 1
  for i = 1, #s do
    local b = string.byte(s, i)
    n, m = n + (b % 128) * m, m * 128
    if b < 128 then break end
  end
  return tonumber(n)
end
local now = redis.call('GET', KEYS[1])
`,
			script, "string.sub(now, 27, 26 + #ARGV[2]) ~= ARGV[2]", "number(string.sub(now, 27, 36)) ~= number(ARGV[2])",
		),
	},
	{
		desc: "the incarnation not compared", test: "TestStore",
		edits: swap(script, "or string.sub(now, 11, 18) ~= ARGV[1] or", "or"),
	},
	{
		desc: "the version not compared", test: "TestStore",
		edits: swap(script, " or string.sub(now, 27, 26 + #ARGV[2]) ~= ARGV[2] then", " then"),
	},
	{
		desc: "what is there is written over by what was based on nothing", test: "TestStore",
		edits: swap(script, "if ARGV[1] == '' or string", "if ARGV[1] ~= '' and string"),
	},
	{
		desc: "what is gone is written anew by an update", test: "TestStore",
		edits: swap(script, "elseif ARGV[1] ~= '' then", "elseif ARGV[1] == 'never' then"),
	},
	{
		desc: "a conflict writes what it found once more", test: "TestAnAppliedWriteIsOneMessageAndAConflictIsNone",
		edits: swap(script, "    return {0, now}\n", "    redis.call('SET', KEYS[1], now, 'KEEPTTL')\n    return {0, now}\n"),
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
		desc: "all that is lost (FLUSHALL) is not heard", test: "TestAFlushIsToldThoughTheConnectionForDataIsSilent",
		edits: swap(sinks, "\tif keys == nil {\n\t\tl.lost()\n\t\treturn\n\t}\n", "\tif keys == nil {\n\t\treturn\n\t}\n"),
	},
	{
		desc: "a flush is told late, by another connection", test: "TestASessionThatHadEndedIsNotShownThoughTheServerIsFlushedWhileItIsRead",
		edits: swap(flush, "{ f.sinks.lost() }", "{}"),
	},
	{
		desc: "a miss on the connection before tells of the next one", test: "TestAMissOnTheConnectionBeforeTellsNothingOfTheNextOne",
		edits: swap(flush, "if now == dials {", "if now >= dials {"),
	},
	{
		desc: "a flush between two connections is not told", test: "TestASessionThatHadEndedIsNotShownThoughTheServerIsFlushedWhileItIsRead",
		edits: swap(flush, "if now == s.told.Load() {", "if now >= 0 {"),
	},
	{
		desc: "changes of others are not heard", test: "TestSharedStore",
		edits: swap(sinks, "\t\t\t\tw.sink.Invalidate(h)\n", "\t\t\t\t_ = w\n\t\t\t\t_ = h\n"),
	},
	{
		desc: "a replica is not refused", test: "TestAPrimaryThatBecomesAReplicaAnswersNothing",
		edits: swap(listen, `case answer["role"] != "master":`, `case answer["role"] == "nobody":`),
	},
	{
		desc: "the key without the kind", test: "TestStore",
		edits: swap(value, "h := k.Hash()\n", "h := sessionctx.Key{Tenant: k.Tenant, ID: k.ID}.Hash()\n"),
	},
	{
		desc: "the key without the tenant", test: "TestStore",
		edits: swap(value, "h := k.Hash()\n", "h := sessionctx.Key{ID: k.ID, Kind: k.Kind}.Hash()\n", value, "\tb = append(b, k.Tenant...)\n", ""),
	},
	{
		desc: "another tenant's record is taken", test: "TestARecordUnderAnotherTenantsKeyIsAnError",
		edits: swap(value, "if rec.Tenant != tenant {", "if rec.Tenant == \"\" {"),
	},
	{
		desc: "the session id in the key", test: "TestNoIdIsSeenOnTheServer",
		edits: swap(value, "\tb = append(b, ':')\n", "\tb = append(b, ':')\n\tb = append(b, k.ID...)\n"),
	},
	{
		desc: "a sink hears after its stop", test: "TestStore",
		edits: swap(sinks, "\t\tl.all = slices.DeleteFunc(l.all, func(x *watch) bool { return x == w })\n", "\t\t_ = slices.Contains(l.all, w)\n"),
	},
	{
		desc: "stop does not wait for a call under way", test: "TestStore",
		edits: swap(
			sinks, "\treturn func() {\n\t\tl.mu.Lock()\n\t\tdefer l.mu.Unlock()\n\t\tl.all = slices", "\treturn func() {\n\t\tl.all = slices",
			sinks, "for _, w := range l.all {\n\t\t\tswitch {", "for _, w := range slices.Clone(l.all) {\n\t\t\ttime.Sleep(time.Millisecond)\n\t\t\tswitch {",
		),
	},
	{
		desc: "a full server is an outage like any other", test: "TestAtItsMaxmemoryTheServerIsFullAndNothingIsWritten",
		edits: swap(failure, "sessionctx.ErrFull", "sessionctx.ErrUnavailable"),
	},
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// TestEveryMutantIsConvictedByATest runs the first of them, and with MUTANTS=all the others too.
func TestEveryMutantIsConvictedByATest(t *testing.T) {
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
			fmt.Printf("convicted: %s: %s\n", m.desc, deepest)
		})
	}
	tables.Write(t, "mutants-redis", []string{"what was broken", "found by"}, rows...)
}
