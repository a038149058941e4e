package storetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// erasing is a store whose Erase has faults: those of its fields that are not nil replace a step.
type erasing struct {
	*memstore.Store
	faults faults

	mu       sync.Mutex
	keys     []key
	watching []store.Sink
}

type faults struct {
	matches func(k key, rec record, tenant, customerID string) bool
	enough  func(n int) bool                                               // stops with no error
	replace func(s *erasing, ctx context.Context, k key, rec record) error // instead of a Save
	again   func(rec record, customerID string) bool                       // after a conflict
	report  func(s *erasing, k key)
	context func(context.Context) context.Context
	returns func(n int, err error) (int, error)
	nobody  bool // accepts the empty customer id
}

func erase(f faults) func() store.Store {
	return func() store.Store { return &erasing{Store: new(memstore.Store), faults: f} }
}

func (s *erasing) Save(ctx context.Context, k key, rec record, base revision) (record, error) {
	s.mu.Lock()
	if !slices.Contains(s.keys, k) {
		s.keys = append(s.keys, k)
	}
	s.mu.Unlock()
	rec, err := s.Store.Save(ctx, k, rec, base)
	if err == nil {
		s.told(k)
	}
	return rec, err
}

func customersSession(k key, rec record, tenant, customerID string) bool {
	return k.Kind == store.KindSession && k.Tenant == tenant && rec.CustomerID == customerID && !rec.Ended
}

func (s *erasing) Erase(ctx context.Context, tenant, customerID string, tombstone func(record) record) (int, error) {
	if customerID == "" && !s.faults.nobody {
		return 0, errors.New("no customer")
	}
	n, err := s.eraseAll(ctx, tenant, customerID, tombstone)
	if s.faults.returns != nil {
		return s.faults.returns(n, err)
	}
	return n, err
}

func (s *erasing) eraseAll(ctx context.Context, tenant, customerID string, tombstone func(record) record) (n int, err error) {
	matches := s.faults.matches
	if matches == nil {
		matches = customersSession
	}
	if s.faults.context != nil {
		ctx = s.faults.context(ctx)
	}
	s.mu.Lock()
	keys := slices.Clone(s.keys)
	s.mu.Unlock()
	for _, k := range keys {
		if s.faults.enough != nil && s.faults.enough(n) {
			break
		}
		rec, err := s.Load(ctx, k)
		if err != nil {
			return n, err
		}
		if !rec.Exists() || !matches(k, rec, tenant, customerID) {
			continue
		}
		for {
			next := tombstone(rec)
			if s.faults.replace != nil {
				err = s.faults.replace(s, ctx, k, next)
			} else {
				rec, err = s.Store.Save(ctx, k, next, rec.Revision())
			}
			if err == nil {
				n++
				s.report(k)
				break
			}
			if !errors.Is(err, store.ErrConflict) {
				return n, err
			}
			if s.faults.again != nil && !s.faults.again(rec, customerID) ||
				s.faults.again == nil && !matches(k, rec, tenant, customerID) {
				break
			}
		}
	}
	return n, ctx.Err()
}

// report tells the sinks, which memstore does not for the only one.
func (s *erasing) report(k key) {
	if s.faults.report != nil {
		s.faults.report(s, k)
		return
	}
	s.told(k)
}

func (s *erasing) told(k key) {
	for _, sink := range s.sinks() {
		sink.Invalidate(k.Hash())
	}
}

func (s *erasing) sinks() []store.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.watching)
}

// Watch is that of a store that no other process can write.
func (s *erasing) Watch(sink store.Sink) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching = append(s.watching, sink)
	sink.Exclusive()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watching = slices.DeleteFunc(s.watching, func(x store.Sink) bool { return x == sink })
	}
}

// overwritten saves whatever is there.
func overwritten(s *erasing, ctx context.Context, k key, rec record) error {
	for {
		cur, err := s.Load(ctx, k)
		if err != nil {
			return err
		}
		if _, err = s.Store.Save(ctx, k, rec, cur.Revision()); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

func TestRules_CatchBrokenErasers(t *testing.T) {
	like := func(f func(k key, rec record, tenant, customerID string) bool) func() store.Store {
		return erase(faults{matches: f})
	}
	broken := []struct {
		desc string
		open func() store.Store
		rule string
		says string
	}{
		{"erases nothing", erase(faults{matches: func(key, record, string, string) bool { return false }}), "erase", "replace each live session"},
		{"erases one record", erase(faults{enough: func(n int) bool { return n >= 1 }}), "erase", "replace each live session"},
		{"erases one page", erase(faults{enough: func(n int) bool { return n >= 20 }}), "erase", "replace each live session"},
		{"erases by a prefix of the id", like(func(k key, r record, tenant, id string) bool {
			return k.Kind == store.KindSession && k.Tenant == tenant && strings.HasPrefix(r.CustomerID, id) && !r.Ended
		}), "erase", "this customer"},
		{"erases by a suffix of the id", like(func(k key, r record, tenant, id string) bool {
			return k.Kind == store.KindSession && k.Tenant == tenant && strings.HasSuffix(r.CustomerID, id) && !r.Ended
		}), "erase", "this customer"},
		{"erases by an id in any case", like(func(k key, r record, tenant, id string) bool {
			return k.Kind == store.KindSession && k.Tenant == tenant && strings.EqualFold(r.CustomerID, id) && !r.Ended
		}), "erase", "this customer"},
		{"erases by a text anywhere in the record", like(func(k key, r record, tenant, id string) bool {
			return k.Kind == store.KindSession && k.Tenant == tenant && !r.Ended && (r.CustomerID == id || r.Company == id)
		}), "erase", "this customer"},
		{"erases in every tenant", like(func(k key, r record, _, id string) bool {
			return k.Kind == store.KindSession && r.CustomerID == id && !r.Ended
		}), "erase", "and tenant"},
		{"erases guests too", like(func(k key, r record, tenant, id string) bool {
			return customersSession(k, r, tenant, id) || customersSession(k, r, tenant, "")
		}), "erase", "change nothing else"},
		{"erases tombstones again", like(func(k key, r record, tenant, id string) bool {
			return k.Kind == store.KindSession && k.Tenant == tenant && r.CustomerID == id
		}), "erase", "change nothing else"},
		{"erases the record of the customer", like(func(k key, r record, tenant, id string) bool {
			return k.Tenant == tenant && r.CustomerID == id && !r.Ended
		}), "erase", "change nothing else"},
		{"writes another tombstone", erase(faults{replace: func(s *erasing, ctx context.Context, k key, rec record) error {
			rec.WriteID++
			return overwritten(s, ctx, k, rec)
		}}), "erase", "by its tombstone"},
		{"deletes", erase(faults{replace: func(s *erasing, ctx context.Context, k key, rec record) error {
			rec.ExpiresAt = time.UnixMilli(1)
			return overwritten(s, ctx, k, rec)
		}}), "erase", "by its tombstone"},
		{"counts what it looked at", erase(faults{returns: func(n int, err error) (int, error) { return n + 1, err }}), "erase", "return how many"},
		{"an error where there is nothing to erase", erase(faults{returns: func(n int, err error) (int, error) {
			if n == 0 && err == nil {
				err = errors.New("not found")
			}
			return n, err
		}}), "erase", "a second call must find nothing"},

		{"reports nothing", erase(faults{report: func(*erasing, key) {}}), "erase reported", "must be reported"},
		{"reports to one sink", erase(faults{report: func(s *erasing, k key) {
			s.sinks()[0].Invalidate(k.Hash())
		}}), "erase reported", "must be reported"},
		{"reports to several sinks only", erase(faults{report: func(s *erasing, k key) {
			if len(s.sinks()) > 1 {
				s.told(k)
			}
		}}), "erase reported", "must be reported"},
		{"reports late", erase(faults{report: func(s *erasing, k key) {
			sinks := s.sinks()
			time.AfterFunc(20*time.Millisecond, func() {
				for _, sink := range sinks {
					sink.Invalidate(k.Hash())
				}
			})
		}}), "erase reported", "before Erase returns"},
		{"reports another key", erase(faults{report: func(s *erasing, k key) { k.Tenant = ""; s.told(k) }}), "erase reported", "Each record"},

		{"overwrites what was written meanwhile", erase(faults{replace: overwritten}), "erase race", "newest state"},
		{"gives up at a conflict", erase(faults{again: func(record, string) bool { return false }}), "erase race", "must end as the tombstone"},
		{"does not look again whose session it is", erase(faults{again: func(record, string) bool { return true }}), "erase race", "somebody else's"},
		{"counts what it gave up", erase(faults{
			again:   func(rec record, id string) bool { return rec.CustomerID == id && !rec.Ended },
			returns: func(n int, err error) (int, error) { return max(n, 12), err },
		}), "erase race", "No write may get lost"},

		{"ignores its context", erase(faults{context: context.WithoutCancel}), "erase context", "must stop"},
		{"the error of the context under another name", erase(faults{returns: func(n int, err error) (int, error) {
			if err != nil {
				err = errors.New(err.Error())
			}
			return n, err
		}}), "erase context", "return the error"},
		{"no error when the context ends", erase(faults{returns: func(n int, _ error) (int, error) { return n, nil }}), "erase context", "return the error"},
		{"counts more than it did when the context ends", erase(faults{returns: func(n int, err error) (int, error) {
			if err != nil {
				n++
			}
			return n, err
		}}), "erase context", "must stop"},

		{"takes nobody for all guests", erase(faults{nobody: true}), "erase nobody", "refuse an empty customer id"},
		{"takes nobody for nothing", erase(faults{nobody: true, matches: func(key, record, string, string) bool { return false }}), "erase nobody", "refuse an empty customer id"},
	}
	for _, tc := range broken {
		t.Run(tc.desc, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { assertCaught(t, tc.open(), tc.rule, tc.says) })
		})
	}
}
