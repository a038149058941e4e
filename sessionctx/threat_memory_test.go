package sessionctx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// Whoever can reach into what the cache holds, by a slice or a map that is shared with it, changes
// what others see.
func TestThreat_SharedMemory(t *testing.T) {
	r := newResolver(t)
	sent := json.RawMessage(`"of anna's"`)
	patch := sessionctx.Patch{Attributes: map[string]json.RawMessage{"note": sent}, CartID: sessionctx.Set("annas-cart")}
	written := update(t, r, by("annas", "C100"), patch)
	spoil := func(s sessionctx.Session) {
		if v, ok := s.Attribute("note"); ok {
			clear(v)
		}
		for _, v := range s.Attributes() {
			clear(v)
		}
	}
	attacks := []struct {
		desc string
		do   func()
	}{
		{"the bytes that were sent", func() { clear(sent) }},
		{"the map that was sent", func() { patch.Attributes["note"] = json.RawMessage(`"evil"`) }},
		{"what a write returned", func() { spoil(written) }},
		{"what a read returned", func() { spoil(resolve(t, r, by("annas", "C100"))) }},
		{"what a warm read attached", func() {
			for range 3 {
				ctx, _, err := r.Attach(t.Context(), by("annas", "C100"))
				require.NoError(t, err)
				s, _ := sessionctx.FromContext(ctx)
				spoil(s)
			}
		}},
		{"what a preview returned", func() {
			e, err := r.Preview(t.Context(), by("annas", "C100"), sessionctx.Patch{})
			require.NoError(t, err)
			spoil(e.Session)
		}},
		{"what Require was shown", func() {
			_, err := r.Update(t.Context(), by("annas", "C100"), sessionctx.Patch{Require: func(s sessionctx.Session) error { spoil(s); return nil }})
			require.NoError(t, err)
		}},
	}
	for _, tc := range attacks {
		t.Run(tc.desc, func(t *testing.T) {
			tc.do()
			for range 3 { // from the store, a shared load or the cache
				s := resolve(t, r, by("annas", "C100"))
				note, _ := s.Attribute("note")
				assert.Equal(t, `"of anna's"`, string(note))
				assert.Equal(t, "annas-cart", s.CartID)
				assert.Equal(t, written.ETag(), s.ETag())
			}
		})
	}
	t.Run("sessions that come from one record share nothing that can change", func(t *testing.T) {
		update(t, r, by("annas", "C100"), sessionctx.Patch{Attributes: attributes("note", `"new"`)})
		note, _ := written.Attribute("note")
		assert.Equal(t, `"of anna's"`, string(note), "who has the old session keeps the old session")
		note, _ = resolve(t, r, by("annas", "C100")).Attribute("note")
		assert.Equal(t, `"new"`, string(note))
	})
}

// A few large requests must not stay in memory because a cache holds on to a few bytes of each.
func TestThreat_PinnedMemory(t *testing.T) {
	requests, size := 128, 1<<18 // 32 MiB in all
	if raceEnabled {
		requests = 32
	}
	part := func(text string) string { // as a part of a large header or path
		large := text + strings.Repeat("x", size)
		return large[:len(text)]
	}
	attacks := []struct {
		desc string
		do   func(r *sessionctx.Resolver, i int)
	}{
		{"tenants that nobody knows", func(r *sessionctx.Resolver, i int) {
			_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: part(fmt.Sprintf("shop%d", i)), Proof: sessionctx.BySecret}})
			assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
		}},
		{"tenant, session and customer of a read", func(r *sessionctx.Resolver, i int) {
			req := by(part(fmt.Sprintf("session-%d", i)), part(fmt.Sprintf("customer-%d", i)))
			req.Tenant = part(req.Tenant)
			_, err := r.Resolve(t.Context(), req)
			assert.NoError(t, err)
		}},
		{"an invented cookie", func(r *sessionctx.Resolver, i int) {
			_, err := r.Resolve(t.Context(), cookie(part(fmt.Sprintf("%043d", i))))
			assert.NoError(t, err)
		}},
		{"hints", func(r *sessionctx.Resolver, i int) {
			req := cookie("")
			req.GeoCountry, req.AcceptLanguage = part("AT"), part(fmt.Sprintf("de;q=0.%d", i+1))
			_, err := r.Resolve(t.Context(), req)
			assert.NoError(t, err)
		}},
		{"request sites, of a host that takes them from the path as they are", func(r *sessionctx.Resolver, i int) {
			req := cookie("")
			req.Site = fmt.Sprint("site", i, strings.Repeat("x", size))
			s, err := r.Resolve(t.Context(), req)
			assert.NoError(t, err)
			assert.Equal(t, "main", s.Site)
		}},
		{"profiles with large texts", func(r *sessionctx.Resolver, i int) {
			_, err := r.Resolve(t.Context(), by("", fmt.Sprint("large", i%5, "-", i)))
			assert.NoError(t, err)
		}},
		{"a write", func(r *sessionctx.Resolver, i int) {
			req := by(part(fmt.Sprintf("session-%d", i)), part(fmt.Sprintf("customer-%d", i)))
			req.Tenant = part(req.Tenant)
			_, err := r.Update(t.Context(), req, sessionctx.Patch{
				CartID: sessionctx.Set(part("cart")), Currency: sessionctx.Set(part("USD")),
				Attributes: map[string]json.RawMessage{part("name"): json.RawMessage(part("1"))},
			})
			assert.NoError(t, err)
		}},
		{"a login", func(r *sessionctx.Resolver, i int) {
			_, err := r.Login(t.Context(), by(part(fmt.Sprintf("session-%d", i))), part(fmt.Sprintf("customer-%d", i)))
			assert.NoError(t, err)
			_, err = r.Login(t.Context(), cookie(part(fmt.Sprintf("%043d", i))), part(fmt.Sprintf("customer-%d", i)))
			assert.NoError(t, err)
		}},
		{"the end of all sessions", func(r *sessionctx.Resolver, i int) {
			assert.NoError(t, r.EndAll(t.Context(), part("demoshop"), part(fmt.Sprintf("customer-%d", i))))
		}},
	}
	for _, tc := range attacks {
		t.Run(tc.desc, func(t *testing.T) {
			store := &memstore.Store{}
			r := newResolver(t, func(c *sessionctx.Config) {
				c.Store, c.Directory, c.CacheBytes = store, giants{demoshop(), size}, 1<<20
			})
			tc.do(r, requests)
			before := liveHeap()
			for i := range requests {
				tc.do(r, i)
			}
			heapFallsBelow(t, before+int64(requests*size/8), "after %d requests of %d bytes", requests, size)
			runtime.KeepAlive(store)
			assert.Equal(t, "EUR", resolve(t, r, by("another")).Currency)
		})
	}
}

// giants has a profile with one large text for each customer whose name begins with "large". The
// next character of the name says which text.
type giants struct {
	sessionctx.Static
	size int
}

func (d giants) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	if !strings.HasPrefix(id, "large") {
		return d.Static.Customer(ctx, tenant, id)
	}
	var texts [5]string
	texts[id[len("large")]-'0'] = strings.Repeat("x", d.size)
	address := defaults.Address{Country: texts[3], Tags: []string{texts[4]}}
	return defaults.Customer{Site: texts[0], Currency: texts[1], Language: texts[2], Addresses: []defaults.Address{address}}, nil
}

func liveHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapFallsBelow fails if the heap stays at limit or above it. A goroutine that has just answered
// keeps what it had until it ends, and on a busy machine that comes later. What is kept for good
// survives every collection.
func heapFallsBelow(t *testing.T, limit int64, desc string, args ...any) {
	t.Helper()
	heap := liveHeap()
	for range 100 {
		if heap < limit {
			return
		}
		runtime.Gosched()
		heap = liveHeap()
	}
	assert.Less(t, heap, limit, "bytes of the heap %s", fmt.Sprintf(desc, args...))
}
