package sessionctx_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// behind is a Store of a process that does not hear of what other processes write, within its
// lease.
type behind struct{ store.Store }

func (behind) Watch(sink store.Sink) (stop func()) {
	sink.ExtendLease(time.Now().Add(time.Hour))
	return func() {}
}

// apart returns the Resolvers of two processes that share records and do not hear of each other's
// writes.
func apart(t *testing.T, records store.Store) (here, there *sessionctx.Resolver) {
	process := func() *sessionctx.Resolver {
		return newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	}
	return process(), process()
}

// holdLoad makes the first load of a kind wait, after it has read, until the channel is closed.
func (s *stepped) holdLoad(kind store.Kind) (let chan bool) {
	var first sync.Once
	let = make(chan bool)
	s.afterLoad = func(k store.Key) {
		if k.Kind != kind {
			return
		}
		hold := false
		if first.Do(func() { hold = true }); hold {
			<-let
		}
	}
	return let
}

// told is behind, and a test can report to its sink.
type told struct {
	store.Store
	sink store.Sink
}

func (s *told) Watch(sink store.Sink) (stop func()) {
	s.sink = sink
	return behind{}.Watch(sink)
}

// flushed is a shared Store that loses everything after some loads, and says so before a Load can
// show it.
type flushed struct {
	store.Store
	sink  store.Sink
	loads int // until then
	after memstore.Store
}

func (s *flushed) Watch(sink store.Sink) (stop func()) {
	s.sink = sink
	return behind{}.Watch(sink)
}

func (s *flushed) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if s.loads--; s.loads >= 0 {
		return s.Store.Load(ctx, key)
	}
	if s.loads == -1 {
		s.sink.InvalidateAll()
	}
	return s.after.Load(ctx, key)
}

func (s *flushed) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	return s.after.Save(ctx, key, rec, base)
}

// stuck is a shared Store. Its first Load reads, and does not return until the test closes let. A
// test can report to its sink.
type stuck struct {
	store.Store
	loads      atomic.Int32
	found, let chan struct{}
	sink       store.Sink
}

func (s *stuck) Load(ctx context.Context, key store.Key) (store.Record, error) {
	rec, err := s.Store.Load(ctx, key)
	if s.loads.Add(1) == 1 {
		close(s.found)
		<-s.let
	}
	return rec, err
}

func (s *stuck) Watch(sink store.Sink) (stop func()) {
	s.sink = sink
	return behind{}.Watch(sink)
}

// slow is a Store whose loads wait until the test closes let, or until their context ends.
type slow struct {
	*memstore.Store
	loads atomic.Int32
	let   chan struct{}
}

func (s *slow) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	select {
	case <-s.let:
		return s.Store.Load(ctx, key)
	case <-ctx.Done():
		return store.Record{}, ctx.Err()
	}
}

// tardy is behind, counts loads, and can fail.
type tardy struct {
	*memstore.Store
	loads atomic.Int64
	down  atomic.Bool
}

func (s *tardy) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	if s.down.Load() {
		return store.Record{}, errDown
	}
	return s.Store.Load(ctx, key)
}

func (s *tardy) Watch(sink store.Sink) (stop func()) { return behind{}.Watch(sink) }

// processes returns two resolvers on one tardy store.
func processes(t *testing.T) (here, there *sessionctx.Resolver, backend *tardy) {
	mem := &memstore.Store{}
	backend = &tardy{Store: mem}
	here = newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	there = newResolver(t, func(c *sessionctx.Config) { c.Store = &tardy{Store: mem} })
	return here, there, backend
}

// paired is a tardy Store in which the load of a session does not return before the load of a
// customer has begun.
type paired struct {
	tardy
	customer chan struct{}
	once     sync.Once
}

func (s *paired) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if key.Kind == store.KindCustomer {
		s.once.Do(func() { close(s.customer) })
	} else {
		select {
		case <-s.customer:
		case <-ctx.Done():
			return store.Record{}, ctx.Err()
		}
	}
	return s.tardy.Load(ctx, key)
}

var errDown = errors.New("connection refused")

// shaky is a Store that nobody watches and that can be made to fail.
type shaky struct {
	mem        memstore.Store
	down       atomic.Bool
	loads      atomic.Int64
	beforeSave func() error // an error: the write is not applied
	afterSave  func() error // an error: the write is applied, and nobody is told
}

func (s *shaky) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	if s.down.Load() {
		return store.Record{}, errDown
	}
	return s.mem.Load(ctx, key)
}

func (s *shaky) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.beforeSave != nil {
		if err := s.beforeSave(); err != nil {
			return store.Record{}, err
		}
	}
	if s.down.Load() {
		return store.Record{}, errDown
	}
	got, err := s.mem.Save(ctx, key, rec, base)
	if err == nil && s.afterSave != nil {
		err = s.afterSave()
	}
	return got, err
}

// late is a store that applies a write after it has said that it timed out.
type late struct {
	memstore.Store
	apply chan func()
}

func (s *late) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.apply == nil {
		return s.Store.Save(ctx, key, rec, base)
	}
	s.apply <- func() { _, _ = s.Store.Save(context.Background(), key, rec, base) }
	return store.Record{}, context.DeadlineExceeded
}

// stepped is a memory store whose calls stop where a test wants them to.
type stepped struct {
	memstore.Store
	beforeSave, afterSave, afterLoad func(store.Key)
}

func (s *stepped) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.beforeSave != nil {
		s.beforeSave(key)
	}
	got, err := s.Store.Save(ctx, key, rec, base)
	if s.afterSave != nil {
		s.afterSave(key)
	}
	return got, err
}

func (s *stepped) Load(ctx context.Context, key store.Key) (store.Record, error) {
	got, err := s.Store.Load(ctx, key)
	if s.afterLoad != nil {
		s.afterLoad(key)
	}
	return got, err
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// loggedIn returns a store that a test can stop, with a session of customer C100 in it.
func loggedIn(t *testing.T) (*stepped, string) {
	backend := &stepped{}
	s, err := newResolver(t, func(c *sessionctx.Config) { c.Store = backend }).Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	return backend, s.ID
}

// ledger is a memory Store that can list its records, and can erase a customer.
type ledger struct {
	memstore.Store
	mu   sync.Mutex
	keys map[store.Key]bool
}

func (s *ledger) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	s.mu.Lock()
	if s.keys == nil {
		s.keys = make(map[store.Key]bool)
	}
	s.keys[key] = true
	s.mu.Unlock()
	return s.Store.Save(ctx, key, rec, base)
}

// records returns what is stored.
func (s *ledger) records(t *testing.T) map[store.Key]store.Record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[store.Key]store.Record)
	for key := range s.keys {
		rec, err := s.Store.Load(t.Context(), key)
		require.NoError(t, err)
		if rec.Exists() {
			all[key] = rec
		}
	}
	return all
}

// live returns the ids of the sessions that have not ended.
func (s *ledger) live(t *testing.T) (ids []string) {
	t.Helper()
	for key, rec := range s.records(t) {
		if key.Kind == store.KindSession && !rec.Ended {
			ids = append(ids, key.ID)
		}
	}
	return ids
}

// Erase implements store.Eraser.
func (s *ledger) Erase(ctx context.Context, tenant, customerID string, tombstone func(store.Record) store.Record) (n int, err error) {
	s.mu.Lock()
	keys := slices.Collect(maps.Keys(s.keys))
	s.mu.Unlock()
	for _, key := range keys {
		for {
			rec, err := s.Store.Load(ctx, key)
			if err != nil {
				return n, err
			}
			if key.Tenant != tenant || key.Kind != store.KindSession || rec.Ended || rec.CustomerID != customerID {
				break
			}
			_, err = s.Store.Save(ctx, key, tombstone(rec), rec.Revision())
			if err == nil {
				n++
				break
			}
			if !errors.Is(err, store.ErrConflict) {
				return n, err
			}
		}
	}
	return n, nil
}

// encoded returns the binary form of a record, as a store writes it.
func encoded(t *testing.T, rec store.Record) string {
	t.Helper()
	b, err := rec.MarshalBinary()
	require.NoError(t, err)
	return string(b)
}

// assertNoneOf fails if a record has one of the texts in its binary form. Numbers and times are
// made the same in each record first: bytes of a random number sometimes are a language or a
// country.
func assertNoneOf(t *testing.T, rec store.Record, texts ...string) {
	t.Helper()
	rec.Incarnation, rec.First, rec.Version, rec.WriteID, rec.Generation, rec.Login = 1, 1, 1, 1, 1, 1
	rec.Changed, rec.RemovedAttributes, rec.RemovedCarts = [store.NumChanged]int64{}, 0, 0
	for _, at := range []*time.Time{&rec.CreatedAt, &rec.ModifiedAt, &rec.ExpiresAt} {
		*at = time.Unix(1, 0).UTC()
	}
	form := encoded(t, rec)
	for _, text := range texts {
		assert.NotContains(t, form, text)
	}
}

// heldStore is a memory Store whose calls can be held back. It counts them.
type heldStore struct {
	memstore.Store
	loading, saving hold   // before the call takes effect
	answering       hold   // after a Save has
	only            string // the id that is held back; empty: every one

	loads, saves, inside, most atomic.Int64
}

func (s *heldStore) enter() (leave func()) {
	n := s.inside.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	return func() { s.inside.Add(-1) }
}

func (s *heldStore) held(ctx context.Context, key store.Key, h *hold) error {
	if s.only != "" && key.ID != s.only {
		return nil
	}
	return h.pause(ctx)
}

func (s *heldStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	defer s.enter()()
	if err := s.held(ctx, key, &s.loading); err != nil {
		return store.Record{}, err
	}
	return s.Store.Load(context.WithoutCancel(ctx), key)
}

func (s *heldStore) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	s.saves.Add(1)
	defer s.enter()()
	if err := s.held(ctx, key, &s.saving); err != nil {
		return store.Record{}, err
	}
	rec, err := s.Store.Save(context.WithoutCancel(ctx), key, rec, base)
	if held := s.held(ctx, key, &s.answering); held != nil {
		return store.Record{}, held
	}
	return rec, err
}

// mistaken returns err from every Load.
type mistaken struct {
	store.Store
	err error
}

func (s mistaken) Load(context.Context, store.Key) (store.Record, error) {
	return store.Record{}, s.err
}
