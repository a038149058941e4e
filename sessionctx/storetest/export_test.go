package storetest

import (
	"slices"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

func init() { leaseTimeout = 600 * time.Millisecond } // nothing in these tests takes longer

// Rules returns the names of all rules.
func Rules() (names []string) {
	for _, r := range allRules() {
		names = append(names, r.name)
	}
	return names
}

// Violations checks one rule on two handles, and returns its sentence and what contradicts it.
func Violations(name string, a, b store.Store) (sentence string, violations []error) {
	for _, r := range allRules() {
		if r.name == name {
			return r.sentence, r.violations(a, b)
		}
	}
	panic("no rule " + name)
}

func allRules() []rule { return slices.Concat(storeRules, watchRules, eraseRules, sharedRules) }
