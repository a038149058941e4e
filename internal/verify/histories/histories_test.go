package histories

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/linear"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx/boltstore"
	"github.com/sessionctx/storefront/sessionctx/store"

	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

func number(t *testing.T, name string, def uint64) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(cmp.Or(os.Getenv(name), strconv.FormatUint(def, 10)), 10, 64)
	require.NoError(t, err, "the environment variable %s", name)
	return n
}

// TestHistoriesOverARealStoreAreLinearizable reads the environment variables STORE (redis or bolt, default both), HISTORIES (of each store) and SEED.
func TestHistoriesOverARealStoreAreLinearizable(t *testing.T) {
	for name, settings := range map[string]func(*testing.T) []linear.Setting{"redis": onRedis, "bolt": onBolt} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(name, os.Getenv("STORE")) {
				t.Skip("STORE names another one")
			}
			check(t, "linearizability-"+name, settings(t))
		})
	}
}

func check(t *testing.T, table string, settings []linear.Setting) {
	count := number(t, "HISTORIES", 20)
	seed := number(t, "SEED", rand.Uint64()>>16)
	t.Logf("%d histories from seed %d on; repeat one with HISTORIES=1 SEED=...", count, seed)
	type tally struct{ histories, operations, undecided int }
	tallies := make([]tally, len(settings))
	for i := range count {
		seed := seed + i
		n := int(seed % uint64(len(settings)))
		history := linear.Make(settings[n], seed)
		tallies[n].histories++
		tallies[n].operations += len(history)
		switch history.Check() {
		case porcupine.Unknown:
			tallies[n].undecided++
		case porcupine.Illegal:
			t.Fatalf("violation: history %d of %d: %s, SEED=%d\nno sequential shop could have answered so; the last return is what cannot be:\n%s",
				i+1, count, settings[n].Name, seed, history.Shortest())
		}
	}
	var rows [][]string
	for i, n := range tallies {
		rows = append(rows, []string{settings[i].Name, fmt.Sprint(n.histories), fmt.Sprint(n.operations), "0", fmt.Sprint(n.undecided)})
		assert.LessOrEqual(t, n.undecided, n.histories/100, "%s: too many that could not be judged", settings[i].Name)
	}
	tables.Write(t, table, []string{"setting", "histories", "operations", "violations", "undecided"}, rows...)
}

// onRedis returns the settings over one real server, with a store for each resolver as if it were another process. Across processes a
// near-cache is behind by less than its lease, so that two resolvers are linearizable without one.
func onRedis(t *testing.T) []linear.Setting {
	server := redisserver.Start(t)
	histories := 0
	stores := func(n int) ([]store.Store, func()) {
		histories++
		var opened []*redisstore.Store
		var stores []store.Store
		for range n {
			s, err := redisstore.New(redisstore.Config{
				Client: rueidis.ClientOption{InitAddress: []string{server.Addr()}},
				Prefix: fmt.Sprintf("h%d:", histories),
				Logger: slog.New(slog.DiscardHandler),
			})
			require.NoError(t, err)
			opened = append(opened, s)
			stores = append(stores, s)
		}
		return stores, func() {
			for _, s := range opened {
				assert.NoError(t, s.Close())
			}
		}
	}
	return []linear.Setting{
		{Name: "redis, one resolver", Resolvers: 1, Stores: stores},
		{Name: "redis, one resolver without near-cache", Resolvers: 1, Unwatched: true, Stores: stores},
		{Name: "redis, two resolvers without near-cache", Resolvers: 2, Unwatched: true, Stores: stores},
	}
}

// onBolt returns the settings over bolt files: one store, that tells every resolver of the process.
func onBolt(t *testing.T) []linear.Setting {
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
	return []linear.Setting{
		{Name: "bolt, one resolver", Resolvers: 1, Stores: stores},
		{Name: "bolt, one resolver without near-cache", Resolvers: 1, Unwatched: true, Stores: stores},
		{Name: "bolt, two resolvers", Resolvers: 2, Stores: stores},
		{Name: "bolt, two resolvers without near-cache", Resolvers: 2, Unwatched: true, Stores: stores},
	}
}
