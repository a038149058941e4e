package sessiontest

import (
	"context"
	"errors"
	"sync"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Script says what happens in calls before they do their work. A step that returns an error is the
// end of its call; after nil the call does its work. The zero Script lets every call do its work.
// It is safe for concurrent use by multiple goroutines.
//
// A step can do anything, such as a write by somebody else, which makes a real conflict: see
// ExampleScript_conflict.
type Script struct {
	mu     sync.Mutex
	next   []func(context.Context) error
	always func(context.Context) error
	calls  int
}

// Next adds one step for each of the calls that come next. A nil step does nothing.
func (s *Script) Next(steps ...func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, steps...)
}

// Always sets the step of all calls for which Next has none. Nil, as in the beginning, does
// nothing.
func (s *Script) Always(step func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = step
}

// Calls returns how many calls have begun.
func (s *Script) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *Script) run(ctx context.Context) error {
	s.mu.Lock()
	s.calls++
	step := s.always
	if len(s.next) > 0 {
		step, s.next = s.next[0], s.next[1:]
	}
	s.mu.Unlock()
	if step == nil {
		return nil
	}
	return step(ctx)
}

// Fail returns a step that fails with err.
func Fail(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// Stall is a step that waits for the end of its context: a system that hangs.
func Stall(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Store is a memstore.Store with a script for its Loads and one for its Saves. The zero Store is
// ready for use.
type Store struct {
	memstore.Store
	Loads, Saves Script
}

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := s.Loads.run(ctx); err != nil {
		return store.Record{}, err
	}
	return s.Store.Load(ctx, key)
}

// Save implements store.Store. A step that fails with ErrConflict answers with the record that is
// stored, as the contract says.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	if err := s.Saves.run(ctx); err != nil {
		if !errors.Is(err, store.ErrConflict) {
			return store.Record{}, err
		}
		stored, loadErr := s.Store.Load(ctx, key)
		return stored, errors.Join(err, loadErr)
	}
	return s.Store.Save(ctx, key, rec, base)
}

// Directory is a sessionctx.Static with a script for the questions about sites and one for those
// about customers.
type Directory struct {
	sessionctx.Static
	SiteCalls, CustomerCalls Script
}

// Sites implements sessionctx.Directory.
func (d *Directory) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	if err := d.SiteCalls.run(ctx); err != nil {
		return nil, err
	}
	return d.Static.Sites(ctx, tenant)
}

// Customer implements sessionctx.Directory.
func (d *Directory) Customer(ctx context.Context, tenant, customerID string) (defaults.Customer, error) {
	if err := d.CustomerCalls.run(ctx); err != nil {
		return defaults.Customer{}, err
	}
	return d.Static.Customer(ctx, tenant, customerID)
}
