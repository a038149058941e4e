package pace

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// shoppers are customers' sessions by token, in the order of the visits: their requests, and the
// keys under which a cache keeps them.
type shoppers struct{ sessions, customers, keys []string }

func newShoppers(n int) *shoppers {
	s := &shoppers{make([]string, n), make([]string, n), make([]string, n)}
	for i := range n {
		s.sessions[i], s.customers[i] = fmt.Sprintf("62528895-b561-4518-bfdc-%012d", i), fmt.Sprintf("C%08d", i)
	}
	s.sessions, s.customers = shuffled(s.sessions), shuffled(s.customers)
	for i := range n {
		s.keys[i] = tenant + "/" + s.sessions[i]
	}
	return s
}

func (s *shoppers) request(i int) sessionctx.Request {
	return sessionctx.Request{
		Identity: sessionctx.Identity{Tenant: tenant, SessionID: s.sessions[i], CustomerID: s.customers[i], Proof: sessionctx.Asserted},
		Hints:    defaults.Hints{Country: "AT", AcceptLanguage: "de-AT,de;q=0.9,en;q=0.8"},
	}
}

// resolving is the public Resolve.
func resolving(name string, r *sessionctx.Resolver, n int, request func(i int) sessionctx.Request) Way {
	return walk(name, n, func(int) func(int) bool {
		return func(i int) bool {
			s, err := r.Resolve(context.Background(), request(i))
			return err == nil && s.Currency != ""
		}
	})
}

// lookingUp copies a session out of a cache.
func lookingUp(name string, keys []string, get func(key string) (*sessionctx.Session, bool)) Way {
	return walk(name, len(keys), func(int) func(int) bool {
		return func(i int) bool {
			var s sessionctx.Session
			if p, ok := get(keys[i]); ok {
				s = *p
			}
			return s.Currency != ""
		}
	})
}

// newRistretto returns bare ristretto as its README sets it up, with the sessions in it.
func newRistretto(t testing.TB, keys []string, session func(i int) *sessionctx.Session) *ristretto.Cache[string, *sessionctx.Session] {
	t.Helper()
	cache, err := ristretto.NewCache(&ristretto.Config[string, *sessionctx.Session]{
		NumCounters: 10 * int64(len(keys)), MaxCost: 10 * int64(len(keys)), BufferItems: 64, IgnoreInternalCost: true,
	})
	require.NoError(t, err)
	t.Cleanup(cache.Close)
	for n, i := range elsewhere(len(keys)) {
		cache.Set(strings.Clone(keys[i]), session(i), 1)
		if n%1000 == 0 {
			cache.Wait()
		}
	}
	cache.Wait()
	return cache
}

// TestResolve_WarmBesideCaches compares it with the least that a team would pay: a lookup in a
// cache and a copy of what was found.
func TestResolve_WarmBesideCaches(t *testing.T) {
	all := newShoppers(numSessions(t))
	r := newResolver(t)
	t.Cleanup(warm(t, r, len(all.keys), all.request))
	session := func(i int) *sessionctx.Session {
		s, err := r.Resolve(t.Context(), all.request(i))
		require.NoError(t, err)
		return &s
	}

	bare := newRistretto(t, all.keys, session)
	other, err := otter.New(&otter.Options[string, *sessionctx.Session]{MaximumSize: 10 * len(all.keys)})
	require.NoError(t, err)
	var plain sync.Map
	for _, i := range elsewhere(len(all.keys)) {
		other.Set(strings.Clone(all.keys[i]), session(i))
		plain.Store(strings.Clone(all.keys[i]), session(i))
	}

	var rows [][]string
	for _, n := range goroutines() {
		c := Compare(t, n,
			resolving("Resolve", r, len(all.keys), all.request),
			lookingUp("ristretto", all.keys, bare.Get),
			lookingUp("otter", all.keys, other.GetIfPresent),
			lookingUp("sync.Map", all.keys, func(key string) (*sessionctx.Session, bool) {
				v, _ := plain.Load(key)
				s, ok := v.(*sessionctx.Session)
				return s, ok
			}),
		)
		rows = append(rows,
			c.Row("warm Resolve, "+on(n), 1, Goal{Ratio: 1.35}),
			c.Row("warm Resolve, "+on(n), 2, Goal{}),
			c.Row("warm Resolve, "+on(n), 3, Goal{}),
		)
	}
	evidence.Table(t, "pace-resolve", Header, rows...)
}

// TestResolve_WarmBesideARequestOnLoopback compares it with what calling a context service costs at
// the very least: one GET on a connection that stays open, to a server on the same machine that
// knows its answer by heart. The answer is read, and not parsed.
func TestResolve_WarmBesideARequestOnLoopback(t *testing.T) {
	body, err := json.Marshal(map[string]any{
		"sessionId": "62528895-b561-4518-bfdc-000000000000", "siteCode": "main", "currency": "CHF", "targetLocation": "DE", "language": "en",
		"context": map[string]any{}, "metadata": map[string]any{"version": 3}, "note": strings.Repeat("x", 100),
	})
	require.NoError(t, err)
	body = append(body, strings.Repeat(" ", 300-len(body))...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}

	all := newShoppers(numSessions(t))
	r := newResolver(t)
	t.Cleanup(warm(t, r, len(all.keys), all.request))
	asking := walk("GET on loopback", len(all.keys), func(int) func(int) bool {
		return func(i int) bool {
			answer, err := client.Get(server.URL + "/session-context/demoshop/context/" + all.sessions[i])
			if err != nil {
				return false
			}
			n, err := io.Copy(io.Discard, answer.Body)
			return answer.Body.Close() == nil && err == nil && n == 300
		}
	})
	var rows [][]string
	for _, n := range goroutines() {
		rows = append(rows, Compare(t, n, resolving("Resolve", r, len(all.keys), all.request), asking).Row("warm Resolve, "+on(n), 1, Goal{}))
	}
	evidence.Table(t, "pace-loopback", Header, rows...)
}
