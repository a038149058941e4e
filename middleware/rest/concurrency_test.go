package rest_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// together calls f n times at once.
func together(n int, f func(int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

// stores are where a session may live: in a store that one process has for itself, and in one that
// nobody watches.
var stores = map[string]func() store.Store{
	"watched": func() store.Store { return &memstore.Store{} },
	"shared":  func() store.Store { return &flakyStore{Store: &memstore.Store{}} },
}

func TestAttributes_FiftyWrittenAtOnceAreAllKept(t *testing.T) {
	for name, backend := range stores {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, func(c *settings) { c.sessions.Store = backend() })
			for _, c := range []*client{s.shopper("s1"), s.browser(sessionPatch("CHF"))} {
				base, writes := c.do("GET", "/me/context", "").context().Metadata.Version, s.resolver.Stats().Writes
				together(50, func(i int) {
					if i%2 == 0 {
						c.do("POST", "/me/context/attributes", fmt.Sprintf(`{"key":"k%d","value":%d}`, i, i)).is(201)
					} else {
						c.do("PATCH", "/me/context", fmt.Sprintf(`{"context":{"k%d":%d}}`, i, i)).is(204)
					}
				})
				b := c.do("GET", "/me/context", "").context()
				for i := range 50 {
					assert.Equal(t, fmt.Sprint(i), string(b.Context[fmt.Sprintf("k%d", i)]))
				}
				assert.Equal(t, int64(50), s.resolver.Stats().Writes-writes)
				if base > 0 { // the first write of a session draws its first version
					assert.Equal(t, base+50, b.Metadata.Version)
				}
			}
		})
	}
}

func TestPatch_OfTwentyOnOneVersionOneWins(t *testing.T) {
	for name, backend := range stores {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"PATCH", "PUT", "If-Match"} {
				t.Run(kind, func(t *testing.T) {
					s := newShop(t, func(c *settings) { c.sessions.Store = backend() })
					etag := s.shopper("s1").do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204).Header.Get("ETag")
					first := s.version("s1")
					c, method, path, lost := s.shopper("s1"), "PATCH", "/me/context", 409
					write := s.stating("s1", 0, `{"currency":"GBP"}`)
					switch kind {
					case "PUT":
						c, method, path = s.operator(), "PUT", "/context/s1"
					case "If-Match":
						c, lost, write = c.with("If-Match", etag), 412, `{"currency":"GBP"}`
					}
					var mu sync.Mutex
					count := map[int]int{}
					together(20, func(int) {
						a := c.do(method, path, write)
						if a.StatusCode == 409 {
							assert.Equal(t, first+1, *a.problem().CurrentVersion)
						}
						mu.Lock()
						defer mu.Unlock()
						count[a.StatusCode]++
					})
					assert.Equal(t, map[int]int{204: 1, lost: 19}, count)
					assert.Equal(t, first+1, s.version("s1"))
				})
			}
		})
	}
}

func TestPut_OfTwentyUpsertsAtOnceOneCreates(t *testing.T) {
	s := newShop(t)
	var mu sync.Mutex
	count := map[int]int{}
	together(20, func(i int) {
		a := s.operator().do("PUT", "/context/s1?upsert=true", `{"currency":"CHF","metadata":{"version":0}}`)
		mu.Lock()
		defer mu.Unlock()
		count[a.StatusCode]++
	})
	assert.Equal(t, map[int]int{204: 1, 409: 19}, count)
	assert.EqualValues(t, 1, s.resolver.Stats().Writes)
}

// restlessStore has another session under the same id and version whenever it is asked.
type restlessStore struct {
	store.Store
	n atomic.Uint64
}

func (r *restlessStore) Load(ctx context.Context, key store.Key) (store.Record, error) {
	rec, err := r.Store.Load(ctx, key)
	if rec.Incarnation != 0 {
		rec.Incarnation += r.n.Add(1)
	}
	return rec, err
}

func TestPut_ThatNeverMeetsItsSessionIsAConflict(t *testing.T) {
	backend := &restlessStore{Store: &memstore.Store{}}
	s := newShop(t, func(c *settings) { c.sessions.Store = backend })
	s.operator().do("PUT", "/context/s1?upsert=true", `{"currency":"CHF"}`).must(204)
	first := s.version("s1")
	p := s.operator().do("PUT", "/context/s1", s.stating("s1", 0, `{"currency":"GBP","language":"en"}`)).must(409).problem()
	assert.Equal(t, first, *p.CurrentVersion)
	assert.Equal(t, "CHF", s.operator().do("GET", "/context/s1", "").context().Currency)
}

func TestPut_AmongPatchesLosesNothing(t *testing.T) {
	s := newShop(t)
	s.shopper("s1").do("PATCH", "/me/context", `{"context":{"n":0}}`).must(204)
	// Each client adds 1 to what it has seen, and begins again if that has moved.
	together(8, func(i int) {
		for range 5 {
			for {
				b := s.operator().do("GET", "/context/s1", "").context()
				var n int
				_, err := fmt.Sscan(string(b.Context["n"]), &n)
				assert.NoError(t, err)
				var a *answer
				if i%2 == 0 {
					a = s.operator().do("PUT", "/context/s1", fmt.Sprintf(`{"context":{"n":%d},"metadata":{"version":%d}}`, n+1, b.Metadata.Version))
				} else {
					a = s.shopper("s1").do("PATCH", "/me/context", fmt.Sprintf(`{"context":{"n":%d},"metadata":{"version":%d}}`, n+1, b.Metadata.Version))
				}
				if a.StatusCode == 204 {
					break
				}
				a.is(409)
			}
		}
	})
	assert.Equal(t, "40", string(s.operator().do("GET", "/context/s1", "").context().Context["n"]))
}

func TestLogin_AnonymousTokenIsWorthNothingAfterIt(t *testing.T) {
	s := newShop(t)
	old, anna := s.shopper("s1"), s.bearer(claims{Session: "s1", Customer: "anna"})
	etag := old.do("PATCH", "/me/context", `{"currency":"CHF","context":{"a":1}}`).must(204).Header.Get("ETag")
	_, err := s.resolver.Login(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Asserted}}, "anna")
	require.NoError(t, err)
	anna.do("PATCH", "/me/context", `{"context":{"secret":"of anna's"}}`).must(204)
	before := anna.do("GET", "/me/context", "").must(200).body
	for _, c := range []*client{old, old.with("If-Match", etag), old.with("If-Match", "*"), old.with("If-None-Match", etag)} {
		for _, r := range ownRequests {
			a := c.do(r.method, r.path, r.body).must(404)
			assert.NotContains(t, a.body, "anna")
			assert.Nil(t, a.problem().CurrentVersion)
		}
	}
	assert.Equal(t, before, anna.do("GET", "/me/context", "").body)
	assert.Equal(t, "CHF", anna.do("GET", "/me/context", "").context().Currency, "the choice went along")
}

func TestLogout_WritesInFlightReviveNothing(t *testing.T) {
	for name, backend := range stores {
		t.Run(name, func(t *testing.T) {
			for round := range 6 {
				s := newShop(t, func(c *settings) { c.sessions.Store = backend() })
				token, browser := s.bearer(claims{Session: "s1", Customer: "anna"}), s.browser(sessionPatch("CHF"))
				token.do("PATCH", "/me/context", `{"currency":"CHF"}`).must(204)
				ends := []sessionctx.Identity{
					{Tenant: "demoshop", SessionID: "s1", CustomerID: "anna", Proof: sessionctx.Asserted},
					{Tenant: "demoshop", SessionID: browser.header.Get("Cookie")[len(cookieName)+1:], Proof: sessionctx.BySecret},
				}
				for i, c := range []*client{token, browser} {
					together(12, func(n int) {
						switch {
						case n == round*2:
							_, err := s.resolver.Logout(t.Context(), sessionctx.Request{Identity: ends[i]})
							assert.NoError(t, err)
						case n%4 == 3 && c == token:
							a := s.operator().do("PUT", "/context/s1?upsert=true", `{"metadata":{"version":1}}`)
							assert.Contains(t, []int{403, 404, 409}, a.StatusCode)
						default:
							a := c.do("PATCH", "/me/context", fmt.Sprintf(`{"context":{"k%d":1}}`, n))
							assert.Contains(t, []int{204, 404}, a.StatusCode)
						}
					})
					c.do("GET", "/me/context", "").must(404)
					c.do("PATCH", "/me/context", `{"currency":"EUR"}`).must(404)
				}
				s.operator().do("GET", "/context/s1", "").must(404)
				s.operator().do("PUT", "/context/s1?upsert=true", `{}`).must(404)
			}
		})
	}
}
