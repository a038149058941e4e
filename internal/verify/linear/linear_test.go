package linear

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/anishathalye/porcupine"

	"github.com/sessionctx/storefront/internal/verify/tables"
)

// This package does without testify: it is built anew for each mutant, and what testify links is most of that time.

// number returns the value of an environment variable.
func number(t *testing.T, name string, def uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("the environment variable %s: %v", name, err)
	}
	return n
}

func TestHistoriesAreLinearizable(t *testing.T) {
	count := number(t, "HISTORIES", 120)
	seed := number(t, "SEED", rand.Uint64()>>16)
	only := number(t, "RESOLVERS", 0)
	t.Logf("%d histories from seed %d on; repeat one with HISTORIES=1 SEED=...", count, seed)
	type tally struct{ histories, operations, undecided int }
	var tallies [len(settings)]tally
	operations, undecided := 0, 0
	for i := range count {
		seed := seed + i
		n := seed % uint64(len(settings))
		set := settings[n]
		if only != 0 && set.Resolvers != int(only) {
			continue
		}
		var history History
		if set.Virtual {
			synctest.Test(t, func(*testing.T) { history = Make(set, seed) })
		} else {
			history = Make(set, seed)
		}
		operations += len(history)
		tallies[n].histories++
		tallies[n].operations += len(history)
		switch history.Check() {
		case porcupine.Unknown:
			undecided++
			tallies[n].undecided++
		case porcupine.Illegal:
			t.Fatalf("violation: history %d of %d, %d operations so far: %s, SEED=%d\nno sequential shop could have answered so; the last return is what cannot be:\n%s",
				i+1, count, operations, set.Name, seed, history.Shortest())
		}
	}
	fmt.Printf("%d histories, %d operations, 0 violations, %d undecided\n", count, operations, undecided)
	var rows [][]string
	for i, n := range tallies {
		if n.histories > 0 {
			rows = append(rows, []string{settings[i].Name, fmt.Sprint(n.histories), fmt.Sprint(n.operations), "0", fmt.Sprint(n.undecided)})
		}
	}
	tables.Write(t, "linearizability-memory", []string{"setting", "histories", "operations", "violations", "undecided"}, rows...)
	if undecided > int(count/100) {
		t.Errorf("%d of %d histories could not be judged in %v each", undecided, count, checkTimeout)
	}
}
