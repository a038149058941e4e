package durable

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/linear"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
)

// TestHistoriesOverBoltAreLinearizable is what package linear does, over this store.
func TestHistoriesOverBoltAreLinearizable(t *testing.T) {
	count := setting(t, "HISTORIES", 40)
	seed := uint64(setting(t, "SEED", rand.IntN(1<<40)))
	dir, made := ramDisk(t), 0
	stores := func(n int) ([]sessionctx.Store, func()) {
		made++
		s, err := boltstore.Open(filepath.Join(dir, fmt.Sprintf("%d.db", made)))
		require.NoError(t, err)
		return slices.Repeat([]sessionctx.Store{s}, n), func() { require.NoError(t, s.Close()) }
	}
	operations, undecided := 0, 0
	for i := range uint64(count) {
		resolvers := 1 + int((seed+i)%2)
		history := linear.Make(linear.Setting{Name: "bolt", Resolvers: resolvers, Stores: stores}, seed+i)
		operations += len(history)
		switch history.Check() {
		case porcupine.Unknown:
			undecided++
		case porcupine.Illegal:
			t.Fatalf("violation: history %d of %d, HISTORIES=1 SEED=%d\n%s", i+1, count, seed+i, history.Shortest())
		}
	}
	fmt.Printf("bolt: %d histories, %d operations, 0 violations, %d undecided\n", count, operations, undecided)
	require.LessOrEqual(t, undecided, count/100)
}
