package linear

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// setting says how a history is made.
type setting struct {
	name      string
	resolvers int  // that share the store
	unwatched bool // the store does not tell of changes
	virtual   bool // in a bubble of testing/synctest: pauses take time, and cost none
}

var settings = [...]setting{
	{name: "one resolver", resolvers: 1},
	{name: "one resolver, virtual time", resolvers: 1, virtual: true},
	{name: "two resolvers", resolvers: 2},
	{name: "two resolvers, virtual time", resolvers: 2, virtual: true},
	{name: "one resolver, virtual time again", resolvers: 1, virtual: true},
	{name: "store without Watch, virtual time", resolvers: 1, unwatched: true, virtual: true},
}

// run is one history in the making.
type run struct {
	setting
	seed      uint64
	clock     atomic.Int64 // orders calls and returns
	shop      *shop
	tenants   []*tenant
	resolvers []*sessionctx.Resolver

	mu     sync.Mutex
	pauses *rand.Rand
}

// pause lets others go first, or not.
func (r *run) pause() {
	r.mu.Lock()
	n := r.pauses.IntN(16)
	r.mu.Unlock()
	switch {
	case n < 4:
	case r.virtual:
		time.Sleep(time.Duration(n*n) * time.Microsecond)
	default:
		yield(n)
	}
}

// makeHistory runs the history of a seed and returns it, ordered by call.
func makeHistory(set setting, seed uint64) []porcupine.Operation {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := &run{setting: set, seed: seed, pauses: rand.New(rand.NewPCG(seed, 1)), shop: &shop{topic: make(map[string]*[numTopics]versioned)}}
	r.shop.pause = r.pause
	for i := range 1 + rng.IntN(2) {
		t := &tenant{name: fmt.Sprintf("shop%d", i)}
		r.shop.topic[t.name] = new([numTopics]versioned)
		for j := range 1 + rng.IntN(3) {
			s := &slot{secret: rng.IntN(2) == 0}
			if !s.secret {
				s.id = fmt.Sprintf("s%d", j)
			}
			t.slots = append(t.slots, s)
		}
		r.tenants = append(r.tenants, t)
	}
	var kept sessionctx.Store = &store{&memstore.Store{}, r.pause}
	if set.unwatched {
		kept = unwatched{kept}
	}
	for range set.resolvers {
		resolver, err := sessionctx.New(sessionctx.Config{Store: kept, Directory: r.shop, CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			panic(err)
		}
		defer resolver.Close()
		r.resolvers = append(r.resolvers, resolver)
	}

	clients := make([]*client, 4+rng.IntN(3))
	var wg sync.WaitGroup
	for i := range clients {
		c := &client{run: r, number: i, rng: rand.New(rand.NewPCG(seed, uint64(2+i)))}
		clients[i] = c
		ops := 15 + rng.IntN(16)
		wg.Go(func() {
			for range ops {
				r.pause()
				c.act(context.Background())
			}
		})
	}
	wg.Wait()
	clients[0].lookAround(context.Background())

	var history []porcupine.Operation
	for _, c := range clients {
		history = append(history, c.history...)
	}
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	return history
}

// lookAround reads everything once more, when all is quiet.
func (c *client) lookAround(ctx context.Context) {
	for _, t := range c.tenants {
		for _, s := range t.slots {
			for _, id := range [...]string{s.id, s.late} {
				for range 2 * len(c.resolvers) {
					q := call{kind: resolve, tenant: t.name, id: id, customer: s.customer}
					if s.secret {
						q.proof, q.customer = sessionctx.BySecret, 0
					}
					c.pause()
					c.do(ctx, t, s, &q)
				}
			}
		}
	}
}

// describe returns a history as a text for people, one call a line, in the order of the calls.
func describe(history []porcupine.Operation) string {
	var b strings.Builder
	for _, op := range history {
		fmt.Fprintf(&b, "%4d..%-4d client %d  %s\n", op.Call, op.Return, op.ClientId, op.Input.(*call).describe(op.Output.(*reply)))
	}
	return b.String()
}

// shortest returns the shortest beginning of a bad history that is bad, by the returns of its calls: what came
// back last is what cannot be. Calls that had not returned then are left out if they changed nothing.
func shortest(history []porcupine.Operation) []porcupine.Operation {
	ends := make([]int64, len(history))
	for i, op := range history {
		ends[i] = op.Return
	}
	slices.Sort(ends)
	upTo := func(end int64) (cut []porcupine.Operation) {
		for _, op := range history {
			if op.Call <= end && (op.Return <= end || op.Input.(*call).kind > preview) {
				cut = append(cut, op)
			}
		}
		return cut
	}
	i, _ := slices.BinarySearchFunc(ends, true, func(end int64, _ bool) int {
		if porcupine.CheckOperationsTimeout(model, upTo(end), checkTimeout) == porcupine.Illegal {
			return 1
		}
		return -1
	})
	if i == len(ends) {
		return history
	}
	return upTo(ends[i])
}

const checkTimeout = 10 * time.Second
