// Package durable shows what a store that writes to a disk keeps: after kill -9, and after a power
// cut. Its sources are tests alone.
package durable

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// writers each have a record of their own, and the shared ones are written by all.
const (
	redisWriters = 16
	redisShared  = 4
	redisRecords = redisWriters + redisShared
)

// load writes to a server that may be killed at any moment, and knows what was acknowledged.
type load struct {
	store *redisstore.Store
	acked [redisRecords]atomic.Int64 // the newest version of which Save said that it is stored
	saves atomic.Int64
	twice atomic.Int64 // two acknowledgements of one version
	seen  sync.Map     // record and version
}

func redisKey(i int) store.Key {
	return store.Key{Tenant: "demoshop", ID: fmt.Sprint("s", i)}
}

// write writes one record, its own or a shared one, onto what is stored.
func (l *load) write(ctx context.Context, writer int) {
	i := writer
	if rand.IntN(4) == 0 {
		i = redisWriters + rand.IntN(redisShared)
	}
	cur, err := l.store.Load(ctx, redisKey(i))
	if err != nil {
		return
	}
	next := cur
	if cur.Version == 0 {
		next = store.Record{Tenant: "demoshop", Incarnation: uint64(i + 1)}
	}
	next.Version++
	next.WriteID = rand.Uint64()
	next.Company = fmt.Sprint(next.Version)
	if _, err = l.store.Save(ctx, redisKey(i), next, cur.Revision()); err != nil {
		return
	}
	l.saves.Add(1)
	if _, twice := l.seen.LoadOrStore([2]int64{int64(i), next.Version}, nil); twice {
		l.twice.Add(1)
	}
	for old := l.acked[i].Load(); old < next.Version && !l.acked[i].CompareAndSwap(old, next.Version); old = l.acked[i].Load() {
	}
}

// killRounds kills the server so often under load, and returns how many writes were acknowledged
// and how many of them were lost.
func killRounds(t *testing.T, rounds int, args ...string) (acknowledged, lost int64) {
	server := redisserver.Start(t, args...)
	backend := evidence.Redis(t, server.Addr(), 0)
	l := &load{store: backend}
	for range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for w := range redisWriters {
			wg.Go(func() {
				for ctx.Err() == nil {
					l.write(ctx, w)
				}
			})
		}
		evidence.Wait(t, 200*time.Millisecond+rand.N(300*time.Millisecond))
		server.Kill()
		cancel()
		wg.Wait()
		server.Restart(t)
		for i := range redisRecords {
			var rec store.Record
			var err error
			require.Eventually(t, func() bool { // the client may still find out that there is a server again
				rec, err = backend.Load(t.Context(), redisKey(i))
				return !errors.Is(err, sessionctx.ErrUnavailable)
			}, 20*time.Second, 5*time.Millisecond)
			require.NoError(t, err)
			if rec.Version != 0 {
				assert.Equal(t, fmt.Sprint(rec.Version), rec.Company, "a record that nobody wrote")
			}
			if acked := l.acked[i].Load(); rec.Version < acked {
				lost += acked - rec.Version
				l.acked[i].Store(rec.Version)
				for v := rec.Version + 1; v <= acked; v++ {
					l.seen.Delete([2]int64{int64(i), v})
				}
			}
		}
	}
	assert.Zero(t, l.twice.Load(), "versions that were acknowledged twice")
	return l.saves.Load(), lost
}

// TestRedis_KeepsEveryAnsweredWriteWhenItIsKilled kills a server under compare-and-set load. The
// environment variable ROUNDS says how often, in each setting (default 2).
func TestRedis_KeepsEveryAnsweredWriteWhenItIsKilled(t *testing.T) {
	rounds := evidence.Number(t, "ROUNDS", 2)
	var rows [][]string
	for _, fsync := range []string{"everysec", "always"} {
		acknowledged, lost := killRounds(t, rounds, "--appendonly", "yes", "--appendfsync", fsync)
		assert.Zero(t, lost, "appendfsync %s: acknowledged writes that were lost", fsync)
		assert.NotZero(t, acknowledged)
		rows = append(rows, []string{"AOF, appendfsync " + fsync, fmt.Sprint(rounds), fmt.Sprint(acknowledged), fmt.Sprint(lost)})
	}
	// A server that keeps nothing on disk must be found out, else the check is blind.
	acknowledged, lost := killRounds(t, 1)
	assert.NotZero(t, lost, "nothing was lost by a server that keeps nothing on disk: the check is blind")
	rows = append(rows, []string{"no AOF: the check sees", "1", fmt.Sprint(acknowledged), fmt.Sprint(lost)})
	evidence.Table(t, "durability-redis", []string{"setting", "kill -9", "acknowledged writes", "lost"}, rows...)
}
