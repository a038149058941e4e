package sessionctx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Two names that somebody could take for one must be two, in the cache, the store and what is sent
// about them.
func TestThreat_KeyAmbiguity(t *testing.T) {
	type name struct{ tenant, session, customer string }
	names := []name{
		{"abc", "dxyz", ""}, {"abcd", "xyz", ""}, // together the same text
		{"s1p1x", "same", ""}, {"s2p1x", "same", ""}, // tenants that differ in one letter
		{"abc", "a", ""}, {"abc", "A", ""}, {"abc", "a ", ""}, {"abc", " a", ""}, {"abc", "a\x00", ""}, {"abc", "a\x00b", ""},
		{"abc", "a/b", ""}, {"abc", "a%2Fb", ""}, {"abc", "a:b", ""}, {"abc", "..", ""}, {"abc", "*", ""},
		{"abc", "\u00e9", ""}, {"abc", "e\u0301", ""}, // one to the eye
		{"abc", strings.Repeat("x", 256), ""}, {"abc", strings.Repeat("x", 255), ""}, {"abc", strings.Repeat("x", 47), ""}, {"abc", strings.Repeat("x", 48), ""},
		{"abc", "anna", "bob"}, {"abc", "bob", "anna"}, {"abcd", "anna", "bob"}, // sessions called like customers
	}
	directory := sessionctx.Static{}
	for _, tenant := range []string{"abc", "abcd", "s1p1x", "s2p1x"} {
		directory[tenant] = sessionctx.StaticTenant{Sites: []defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}}}
	}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	request := func(n name) sessionctx.Request {
		return sessionctx.Request{Identity: sessionctx.Identity{Tenant: n.tenant, SessionID: n.session, CustomerID: n.customer, Proof: sessionctx.Asserted}}
	}
	hashes, versions := make(map[store.KeyHash]string), make([]int64, len(names))
	for i, n := range names {
		versions[i] = update(t, r, request(n), sessionctx.Patch{CartID: sessionctx.Set(fmt.Sprint("cart-", i))}).Version
		for _, k := range []store.Key{{Tenant: n.tenant, ID: n.session}, {Tenant: n.tenant, Kind: store.KindCustomer, ID: n.session}} {
			assert.Empty(t, hashes[k.Hash()], "%q shares a hash", k)
			hashes[k.Hash()] = fmt.Sprintf("%q", k)
		}
	}
	for i, n := range names {
		for j, m := range names {
			if j%2 == i%2 && n.tenant == m.tenant {
				continue // half of them are enough
			}
			warm(t, r, request(m)) // if the two could be confused, the cache now has m in the place of n
			s := resolve(t, r, request(n))
			assert.Equal(t, fmt.Sprint("cart-", i), s.CartID, "%q", n)
			assert.Equal(t, versions[i], s.Version, "%q", n)
			assert.Equal(t, n, name{s.Tenant, s.ID, s.CustomerID})
		}
	}
	require.NoError(t, r.EndAll(t.Context(), "abc", "anna"), "the customer anna, and not the session of that name")
	assert.Equal(t, "bob", resolve(t, r, request(name{"abc", "anna", "bob"})).CustomerID)
	_, err := r.Resolve(t.Context(), request(name{"abc", "bob", "anna"}))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

// warm resolves a session until it is answered from the cache.
func warm(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) {
	t.Helper()
	for before, limit := r.Stats().Hits, time.Now().Add(time.Minute); r.Stats().Hits == before; {
		resolve(t, r, req)
		require.True(t, time.Now().Before(limit), "it never comes from the cache")
		runtime.Gosched() // ristretto shows it by a goroutine of its own
	}
}

// twisted is a store that changes what it has stored: a broken disk, a bug, somebody who can write
// to it.
type twisted struct {
	*memstore.Store
	twist func(store.Record) (store.Record, error)
}

func (s *twisted) Load(ctx context.Context, key store.Key) (store.Record, error) {
	rec, err := s.Store.Load(ctx, key)
	if s.twist != nil && key.ID == "annas" && rec.Incarnation != 0 {
		return s.twist(rec)
	}
	return rec, err
}

// crossed is a store that mixes up its tenants: with a conflict it returns the record of another
// tenant.
type crossed struct {
	memstore.Store
	foreign store.Record
}

func (s *crossed) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if key.Kind == store.KindSession && base != s.foreign.Revision() {
		return s.foreign, store.ErrConflict
	}
	return s.Store.Save(ctx, key, rec, sessionctx.Revision{})
}

// After a conflict a write goes on from the record that the store returns.
func TestThreat_ConflictShowsTheRecordOfAnotherTenant(t *testing.T) {
	foreign := store.Record{
		Tenant: "othershop", Incarnation: 7, First: 3, Version: 3, Carts: []store.Cart{{Site: "main", ID: "foreign", Changed: 3}},
		Attributes: []store.Attribute{{Name: "note", Value: json.RawMessage(`"foreign"`), Changed: 3}},
	}
	for _, tc := range []struct {
		desc string
		do   func(r *sessionctx.Resolver) (sessionctx.Session, error)
	}{
		{"a first write", func(r *sessionctx.Resolver) (sessionctx.Session, error) {
			return r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		}},
		{"a login", func(r *sessionctx.Resolver) (sessionctx.Session, error) {
			return r.Login(t.Context(), by("s1"), "C100")
		}},
		{"an end", func(r *sessionctx.Resolver) (sessionctx.Session, error) {
			return sessionctx.Session{}, r.End(t.Context(), by("s1"))
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			var shown []string
			r := newResolver(t, func(c *sessionctx.Config) {
				c.Store = &crossed{foreign: foreign}
				c.OnChange = func(_ context.Context, before, after sessionctx.Session) {
					shown = append(shown, before.CartID, after.CartID)
				}
			})
			s, err := tc.do(r)
			require.ErrorIs(t, err, sessionctx.ErrUnavailable)
			assert.ErrorContains(t, err, "nothing was written")
			assert.ErrorContains(t, err, "a record of another tenant")
			assert.Empty(t, s.CartID)
			assert.Empty(t, shown)
		})
	}
}

// A store that returns rubbish harms the session whose record it is, and nobody else.
func TestThreat_CorruptStore(t *testing.T) {
	anna, bob := by("annas", "C100"), by("bobs", "C101")
	garbage := strings.Repeat("\x00\xff<&", 1<<16)
	with := func(change func(*store.Record)) func(store.Record) (store.Record, error) {
		return func(rec store.Record) (store.Record, error) {
			change(&rec)
			return rec, nil
		}
	}
	cases := []struct {
		desc  string
		twist func(store.Record) (store.Record, error)
	}{
		{"the record of another tenant", with(func(r *store.Record) { r.Tenant, r.Carts = "othershop", []store.Cart{{Site: "main", ID: "foreign"}} })},
		{"the record of another customer", with(func(r *store.Record) { r.CustomerID, r.Carts = "C101", []store.Cart{{Site: "main", ID: "foreign"}} })},
		{"the record of a secret session", with(func(r *store.Record) { r.Secret, r.Carts = true, []store.Cart{{Site: "main", ID: "foreign"}} })},
		{"bytes that are no record", func(r store.Record) (store.Record, error) {
			b, err := r.MarshalBinary()
			require.NoError(t, err)
			b[len(b)/2] ^= 0xff
			err = r.UnmarshalBinary(b[:len(b)-1])
			require.Error(t, err)
			return store.Record{}, err
		}},
		{"a record and an error", func(r store.Record) (store.Record, error) {
			r.Carts = []store.Cart{{Site: "main", ID: "foreign"}}
			return r, errDown
		}},
		{"choices that are rubbish", with(func(r *store.Record) {
			r.Choices = defaults.Choices{Site: garbage, Currency: garbage, Country: garbage, Language: garbage}
		})},
		{"attributes that are no JSON", with(func(r *store.Record) {
			r.Attributes = []store.Attribute{{Name: "z", Value: json.RawMessage(garbage)}, {Name: "a", Value: nil}, {Name: "a"}}
		})},
		{"a negative version", with(func(r *store.Record) { r.Version = -7 })},
		{"a version 0", with(func(r *store.Record) { r.Version = 0 })},
		{"the last version", with(func(r *store.Record) { r.Version = 1<<63 - 1 })},
		{"changes of the future", with(func(r *store.Record) { r.Changed[0], r.RemovedAttributes = 1<<62, 1<<62 })},
		{"another generation", with(func(r *store.Record) { r.Generation = -1 })},
		{"a time long ago", with(func(r *store.Record) { r.ExpiresAt = time.UnixMilli(0) })},
		{"times that are none", with(func(r *store.Record) {
			r.CreatedAt, r.ExpiresAt = time.Unix(1<<62, 0), time.Unix(1<<62, 0)
		})},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			backend := &twisted{Store: &memstore.Store{}}
			writer := newResolver(t, func(c *sessionctx.Config) { c.Store = backend.Store })
			update(t, writer, anna, sessionctx.Patch{CartID: sessionctx.Set("annas-cart"), Attributes: attributes("a", "1")})
			update(t, writer, bob, sessionctx.Patch{CartID: sessionctx.Set("bobs-cart")})

			backend.twist = tc.twist
			r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
			for range 3 {
				s, err := r.Resolve(t.Context(), anna)
				if err != nil {
					assert.True(t, errors.Is(err, sessionctx.ErrNotFound) || errors.Is(err, sessionctx.ErrUnavailable), "%v", err)
				} else {
					assert.Contains(t, []string{"", "annas-cart"}, s.CartID, "nothing foreign")
					assert.Equal(t, "GBP AT en C100", strings.Join([]string{s.Currency, s.Country, s.Language, s.CustomerID}, " "), "values of the shop, and anna's own")
				}
				assert.Equal(t, "bobs-cart", resolve(t, r, bob).CartID, "bob does not notice")
			}
			for _, p := range []sessionctx.Patch{
				{Currency: sessionctx.Set("USD")}, {Currency: sessionctx.Clear(), Base: new(sessionctx.Revision)}, {Attributes: attributes("a", "null")}, {ReplaceAttributes: true},
			} {
				_, _ = r.Update(t.Context(), anna, p) // it may fail; it does not panic
				_, _ = r.Preview(t.Context(), anna, p)
			}
			update(t, r, bob, sessionctx.Patch{Currency: sessionctx.Set("USD")})
		})
	}
}

// fragile is a store and a directory that panic where they are told to.
type fragile struct {
	*memstore.Store
	sessionctx.Static
	where atomic.Value // of string
}

func (f *fragile) panics(where string) {
	if f.where.Load() == where {
		panic("boom in " + where)
	}
}

func (f *fragile) Load(ctx context.Context, key store.Key) (store.Record, error) {
	f.panics("Load")
	return f.Store.Load(ctx, key)
}

func (f *fragile) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	f.panics("Save")
	return f.Store.Save(ctx, key, rec, base)
}

func (f *fragile) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	f.panics("Sites")
	return f.Static.Sites(ctx, tenant)
}

func (f *fragile) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	f.panics("Customer")
	return f.Static.Customer(ctx, tenant, id)
}

// A panic in what the host has plugged in ends neither the process nor the sessions of others, and
// leaves nothing locked.
func TestThreat_PanickingHooks(t *testing.T) {
	cases := []struct {
		where string
		cold  bool // nothing is cached when it happens
		read  func(t *testing.T, s sessionctx.Session, err error)
		write func(t *testing.T, s sessionctx.Session, err error)
	}{
		{where: "Load", cold: true, read: isDegraded, write: isUnavailable},
		{where: "Save", read: isRight, write: func(t *testing.T, _ sessionctx.Session, err error) {
			assert.ErrorIs(t, err, sessionctx.ErrUnknownOutcome, "it may have panicked after it had stored the record")
			assert.NotErrorIs(t, err, sessionctx.ErrUnavailable)
		}},
		{where: "Sites", cold: true, read: func(t *testing.T, _ sessionctx.Session, err error) {
			assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		}, write: isUnavailable},
		{where: "Sites", read: isRight, write: isRight}, // the last answer stays in force
		{where: "Customer", cold: true, read: isWithoutProfile, write: isWithoutProfile},
		{where: "Customer", read: isRight, write: isRight},
		{where: "OnChange", read: isRight, write: isRight},
	}
	for _, tc := range cases {
		t.Run(fmt.Sprintf("%s, cold: %v", tc.where, tc.cold), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fragile{Store: &memstore.Store{}, Static: demoshop()}
				f.where.Store("")
				config := func(c *sessionctx.Config) {
					c.Store, c.Directory = f, f
					c.OnChange = func(_ context.Context, _, _ sessionctx.Session) { f.panics("OnChange") }
				}
				r := newResolver(t, config)
				update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
				isRight(t, resolve(t, r, by("s1", "C100")), nil)
				if tc.cold {
					r = newResolver(t, config)
				} else {
					time.Sleep(2 * time.Minute) // what is known of sites and customers is old
				}
				f.where.Store(tc.where)
				for range 3 {
					s, err := r.Resolve(t.Context(), by("s1", "C100"))
					tc.read(t, s, err)
					assert.NotPanics(t, func() {
						s, err := r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
						tc.write(t, s, err)
					})
				}
				f.where.Store("")
				time.Sleep(2 * time.Second) // a failed question is not repeated at once
				isRight(t, resolve(t, r, by("s1", "C100")), nil)
				isRight(t, update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")}), nil)
			}) // and the resolver closes
		})
	}
	t.Run("Require", func(t *testing.T) {
		r := newResolver(t)
		p := sessionctx.Patch{CartID: sessionctx.Set("cart"), Require: func(sessionctx.Session) error { panic("boom") }}
		assert.Panics(t, func() { _, _ = r.Update(t.Context(), by("s1", "C100"), p) }, "it is the caller's own, on the caller's goroutine")
		p.Require = nil
		isRight(t, update(t, r, by("s1", "C100"), p), nil)
		isRight(t, resolve(t, r, by("s1", "C100")), nil)
	})
}

func isRight(t *testing.T, s sessionctx.Session, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.Equal(t, "cart GBP false", fmt.Sprint(s.CartID, " ", s.Currency, " ", s.Degraded))
}

func isWithoutProfile(t *testing.T, s sessionctx.Session, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.Equal(t, "cart EUR true false", fmt.Sprint(s.CartID, " ", s.Currency, " ", s.ProfileMissing, " ", s.Degraded))
}

func isDegraded(t *testing.T, s sessionctx.Session, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.True(t, s.Degraded)
	assert.Empty(t, s.CartID)
}

func isUnavailable(t *testing.T, _ sessionctx.Session, err error) {
	t.Helper()
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
}
