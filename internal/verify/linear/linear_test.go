package linear

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/anishathalye/porcupine"
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
	operations, undecided := 0, 0
	for i := range count {
		seed := seed + i
		set := settings[seed%uint64(len(settings))]
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
		switch history.Check() {
		case porcupine.Unknown:
			undecided++
		case porcupine.Illegal:
			t.Fatalf("violation: history %d of %d, %d operations so far: %s, SEED=%d\nno sequential shop could have answered so; the last return is what cannot be:\n%s",
				i+1, count, operations, set.Name, seed, history.Shortest())
		}
	}
	fmt.Printf("%d histories, %d operations, 0 violations, %d undecided\n", count, operations, undecided)
	if undecided > int(count/100) {
		t.Errorf("%d of %d histories could not be judged in %v each", undecided, count, checkTimeout)
	}
}
