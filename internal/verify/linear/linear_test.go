package linear

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// check makes HISTORIES histories from SEED on, in the settings in turn, and judges them. RESOLVERS
// leaves only the settings with that many.
func check(t *testing.T, table string, otherwise int, settings []Setting) {
	count := evidence.Number(t, "HISTORIES", otherwise)
	first := uint64(evidence.Number(t, "SEED", int(rand.Uint32())))
	only := evidence.Number(t, "RESOLVERS", 0)
	t.Logf("%d histories from seed %d on; repeat one with HISTORIES=1 SEED=...", count, first)
	type tally struct{ histories, operations, undecided int }
	tallies := make([]tally, len(settings))
	operations := 0
	for i := range count {
		seed := first + uint64(i)
		n := int(seed % uint64(len(settings)))
		set := settings[n]
		if only != 0 && set.Resolvers != only {
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
		switch porcupine.CheckOperationsTimeout(model, history, checkTimeout) {
		case porcupine.Unknown:
			tallies[n].undecided++
		case porcupine.Illegal:
			t.Fatalf("violation: history %d of %d, %d operations so far: %s, SEED=%d\nno sequential shop could have answered so; see %s:\n%s",
				i+1, count, operations, set.Name, seed, history.draw(seed), history)
		}
	}
	var rows [][]string
	undecided := 0
	for i, n := range tallies {
		undecided += n.undecided
		rows = append(rows, []string{settings[i].Name, fmt.Sprint(n.histories), fmt.Sprint(n.operations), "0", fmt.Sprint(n.undecided)})
	}
	evidence.Table(t, table, []string{"setting", "histories", "operations", "violations", "undecided"}, rows...)
	assert.LessOrEqual(t, undecided, max(1, count/100), "histories that could not be judged in %v each", checkTimeout)
}

func TestLinear_HistoriesInMemory(t *testing.T) {
	check(t, "linearizability-memory", 120, settings[:])
}

// TestLinear_HistoriesOverRedis has a store for each resolver as if it were another process. Across
// processes a near-cache is behind by less than its lease, so that two resolvers are linearizable
// without one.
func TestLinear_HistoriesOverRedis(t *testing.T) {
	server := redisserver.Start(t)
	histories := 0
	stores := func(n int) ([]store.Store, func()) {
		histories++
		cfg := evidence.RedisConfig(server.Addr(), 0)
		cfg.Prefix = fmt.Sprintf("h%d:", histories)
		var opened []*redisstore.Store
		var stores []store.Store
		for range n {
			s, err := redisstore.New(cfg)
			require.NoError(t, err)
			opened, stores = append(opened, s), append(stores, s)
		}
		return stores, func() {
			for _, s := range opened {
				assert.NoError(t, s.Close())
			}
		}
	}
	check(t, "linearizability-redis", 20, []Setting{
		{Name: "redis, one resolver", Resolvers: 1, Stores: stores},
		{Name: "redis, one resolver without near-cache", Resolvers: 1, Unwatched: true, Stores: stores},
		{Name: "redis, two resolvers without near-cache", Resolvers: 2, Unwatched: true, Stores: stores},
	})
}

// TestLinear_HistoriesOverBolt has one store, that tells every resolver of the process.
func TestLinear_HistoriesOverBolt(t *testing.T) {
	dir := t.TempDir()
	histories := 0
	stores := func(n int) ([]store.Store, func()) {
		histories++
		file := filepath.Join(dir, strconv.Itoa(histories))
		s, err := boltstore.Open(file)
		require.NoError(t, err)
		return slices.Repeat([]store.Store{s}, n), func() {
			assert.NoError(t, s.Close())
			assert.NoError(t, os.Remove(file))
		}
	}
	check(t, "linearizability-bolt", 20, []Setting{
		{Name: "bolt, one resolver", Resolvers: 1, Stores: stores},
		{Name: "bolt, one resolver without near-cache", Resolvers: 1, Unwatched: true, Stores: stores},
		{Name: "bolt, two resolvers", Resolvers: 2, Stores: stores},
		{Name: "bolt, two resolvers without near-cache", Resolvers: 2, Unwatched: true, Stores: stores},
	})
}
