// Package storetest checks that an implementation of store.Store keeps the rules of that interface,
// and those of store.Watcher and store.Eraser if it has their methods. A test of the implementation
// calls Run, and RunShared too if several handles, in one process or in many, may work on the same
// records.
//
// The suite works under new random ids and deletes nothing, so that it may run on a server that
// other tests use. It takes real time, about a second: records have to expire, and a server uses
// its own clock.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Run checks the stores that open returns: one for each rule, as a subtest. A failure states the
// rule in a sentence, and then what was seen. open may register cleanups with t.Cleanup. The stores
// may hold records already, and may share them.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	for _, r := range slices.Concat(storeRules, watchRules, eraseRules) {
		t.Run(r.name, func(t *testing.T) {
			s := open(t)
			report(t, r, r.violations(s, s))
		})
	}
}

// RunShared checks two handles on the same records, such as those of two processes: all rules of
// Run, with the calls going to both handles in turn, and that each handle that is a store.Watcher
// learns what is written through the other. The two may be one and the same store.
func RunShared(t *testing.T, open func(t *testing.T) (a, b store.Store)) {
	t.Helper()
	for _, r := range slices.Concat(storeRules, watchRules, eraseRules, sharedRules) {
		t.Run(r.name, func(t *testing.T) {
			a, b := open(t)
			report(t, r, r.violations(a, b))
		})
	}
}

func report(t *testing.T, r rule, violations []error) {
	t.Helper()
	if len(violations) > 0 {
		t.Errorf("%s\n%v", r.sentence, errors.Join(violations...))
	}
}

// rule is one rule of the contract, and how to see that it is kept.
type rule struct {
	name     string
	sentence string
	check    func(p *probe)
}

// violations returns what contradicts the rule.
func (r rule) violations(a, b store.Store) []error {
	p := newProbe(a, b)
	defer p.cancel()
	p.run(func() { r.check(p) })
	p.mu.Lock() // a sink may still be called, by a store that is late
	defer p.mu.Unlock()
	return slices.Clone(p.errs)
}

var storeRules = []rule{
	{"nothing", "Load must return the zero Record, without an error, where nothing is stored.", checkNothing},
	{"round trip", "A record must be returned as it was saved, every field and every byte of it; times to the millisecond.", checkRoundTrip},
	{"compare", "Save must store the record if what is stored has the revision base, and otherwise change nothing and return ErrConflict with what is stored.", checkCompare},
	{"one winner", "Save must compare and set atomically: of many writes on one base exactly one is applied.", checkOneWinner},
	{"no lost update", "Save must compare and set atomically: no applied write may get lost, and a conflict must return a record to go on with.", checkNoLostUpdate},
	{"touch", "Save with rec.Revision() equal to base must change the expiry and nothing else.", checkTouch},
	{"tombstone", "A tombstone is a record like any other: it must be loaded, and what does not know its revision must not replace it.", checkTombstone},
	{"expiry", "A record must be gone at its ExpiresAt, and not before: from then on Load and Save treat it as not stored.", checkExpiry},
	{"fresh", "A Load that begins after a Save has returned must see it.", checkFresh},
	{"whole", "A record must be stored whole or not at all: no Load may see parts of two writes.", checkWhole},
	{"keys", "Keys that differ in any part must name different records.", checkKeys},
	{"odd ids", "Ids are any bytes, up to 256: each must name its own record.", checkOddIDs},
	{"immutable", "Records must stay as they are: the store may not change what it was handed, nor what it has returned.", checkImmutable},
	{"full", "What Save says must be so: without an error the record is stored, with ErrFull nothing was written.", checkFull},
	{"context", "Load and Save must honour the context's end, and return its error.", checkContext},
}

var watchRules = []rule{
	{"lease", "Watch must grant a lease: Exclusive before it returns, or ExtendLease soon, and again before the lease ends; no lease may end earlier than one granted before.", checkLease},
	{"exclusive", "Exclusive must be called before Watch returns, at most once for each sink, and ExtendLease never after it.", checkExclusive},
	{"vanished", "A record that vanishes before its expiry must be reported, by Invalidate or InvalidateAll, before a Load misses it, to an exclusive sink too.", checkVanished},
	{"stop", "After stop has returned the sink must not be called again.", checkStop},
}

var eraseRules = []rule{
	{"erase", "Erase must replace each live session of this customer and tenant by its tombstone, change nothing else, and return how many it replaced; a second call must find nothing.", checkErase},
	{"erase reported", "Each record that Erase replaces must be reported by Invalidate or InvalidateAll before the sink's lease ends; before Erase returns, if the sink is exclusive.", checkEraseReported},
	{"erase race", "No write may get lost while Erase runs: a session that is written must end as the tombstone of its newest state, unless it is somebody else's by then.", checkEraseRace},
	{"erase context", "Erase must stop when its context ends, and return the error of the context.", checkEraseContext},
	{"erase nobody", "Erase must refuse an empty customer id, which would stand for all guests.", checkEraseNobody},
}

var sharedRules = []rule{
	{"reported", "Every applied Save, by anybody, must be reported by Invalidate or InvalidateAll before the sink's lease ends; before Save returns, if the sink is exclusive.", checkReported},
	{"joined", "A sink that comes while others write must be told of every Save that begins after it has its lease, and so must the sinks that came earlier.", checkJoined},
}

// violation is an error that shows where a rule is broken.
func violation(format string, args ...any) error {
	return fmt.Errorf("storetest: "+format, args...)
}
