package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Setting says how a history is made.
type Setting struct {
	Name      string
	Resolvers int  // that share the records
	Unwatched bool // the stores do not tell of changes
	Virtual   bool // in a bubble of testing/synctest: pauses take time, and cost none

	// Stores returns a store for each of n resolvers, all on the same records, of which there are
	// none yet, and what closes them. Nil: one memstore.
	Stores func(n int) (stores []store.Store, closeAll func())
}

// settings are those of the histories over a memstore.
var settings = [...]Setting{
	{Name: "one resolver", Resolvers: 1},
	{Name: "one resolver, virtual time", Resolvers: 1, Virtual: true},
	{Name: "two resolvers", Resolvers: 2},
	{Name: "two resolvers, virtual time", Resolvers: 2, Virtual: true},
	{Name: "store without Watch, virtual time", Resolvers: 1, Unwatched: true, Virtual: true},
	{Name: "two resolvers, store without Watch, virtual time", Resolvers: 2, Unwatched: true, Virtual: true},
}

// inMemory is the Stores of a Setting that has none.
func inMemory(n int) ([]store.Store, func()) {
	return slices.Repeat([]store.Store{&memstore.Store{}}, n), func() {}
}

// History is what the clients of some resolvers did, and what they were answered, ordered by call.
type History []porcupine.Operation

// run is one history in the making.
type run struct {
	Setting
	seed      uint64
	clock     atomic.Int64 // orders calls and returns
	shop      *shop
	tenants   []*tenant
	resolvers []*sessionctx.Resolver

	ends sync.Map // see slowStore

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
	case r.Virtual:
		time.Sleep(time.Duration(n*n) * time.Microsecond)
	default:
		for range n {
			runtime.Gosched()
		}
	}
}

// Make runs the history of a seed. A Setting that is Virtual needs a bubble of testing/synctest
// around it.
func Make(set Setting, seed uint64) History {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := &run{Setting: set, seed: seed, pauses: rand.New(rand.NewPCG(seed, 1)), shop: &shop{topic: make(map[string]*[numTopics]versioned)}}
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
	if set.Stores == nil {
		set.Stores = inMemory
	}
	stores, closeAll := set.Stores(set.Resolvers)
	defer closeAll()
	for _, kept := range stores {
		resolver, err := sessionctx.New(sessionctx.Config{
			Store: slowed(kept, set.Unwatched, r.pause, &r.ends), Directory: r.shop, CacheBytes: 1 << 20, Logger: evidence.Quiet,
			Timeout: time.Minute, // a call that a busy machine makes late must not fail
		})
		if err != nil {
			panic(err)
		}
		defer resolver.Close()
		for !set.Unwatched && resolver.Stats().Lease <= 0 {
			runtime.Gosched() // a history that is over before there is a near-cache shows nothing
		}
		r.resolvers = append(r.resolvers, resolver)
	}

	clients := make([]*client, 4+rng.IntN(3))
	morning := time.Now().Add(healAfter*time.Millisecond + time.Second)
	nap := set.Virtual && rng.IntN(3) == 0 // so that ends grow old
	var wg sync.WaitGroup
	for i := range clients {
		c := &client{run: r, number: i, rng: rand.New(rand.NewPCG(seed, uint64(2+i)))}
		clients[i] = c
		ops := 15 + rng.IntN(16)
		wg.Go(func() {
			for i := range ops {
				if nap && i == ops/2 {
					time.Sleep(time.Until(morning))
				}
				r.pause()
				c.act(context.Background())
			}
		})
	}
	wg.Wait()
	clients[0].lookAround(context.Background())

	var history History
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
					q := call{kind: resolve, tenant: t.name, id: id, customer: s.customer, proof: sessionctx.Asserted}
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

// String returns the history as a text for people, one call a line, in the order of the calls.
func (h History) String() string {
	var b strings.Builder
	for _, op := range h {
		fmt.Fprintf(&b, "%4d..%-4d client %d  %s\n", op.Call, op.Return, op.ClientId, op.Input.(*call).describe(op.Output.(*reply)))
	}
	return b.String()
}

// draw writes a page with the longest orders that the model permits, and returns its name.
func (h History) draw(seed uint64) string {
	_, info := porcupine.CheckOperationsVerbose(model, h, checkTimeout)
	file := filepath.Join(os.TempDir(), fmt.Sprintf("history-%d.html", seed))
	if err := porcupine.VisualizePath(model, info, file); err != nil {
		return err.Error()
	}
	return file
}

// checkTimeout is how long a history may take to be judged.
const checkTimeout = 10 * time.Second
