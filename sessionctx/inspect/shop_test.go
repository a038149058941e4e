package inspect_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/inspect"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// Identifiers that no answer may have.
const (
	sessionID  = "session-5f1c"
	customerID = "ann.jones@example.org"
	cartID     = "cart-9e27"
)

var secrets = []string{sessionID, customerID, cartID, url.QueryEscape(customerID), "attribute-of-ann", "12 Main Street", "jones"}

// leased is a store with a lease that the test extends.
type leased struct {
	*sessiontest.Store
	sink *atomic.Pointer[store.Sink]
}

func (l leased) Watch(sink store.Sink) (stop func()) {
	l.sink.Store(&sink)
	return l.Store.Watch(shared{sink})
}

// shared is a sink that is not told that nobody else writes.
type shared struct{ store.Sink }

func (shared) Exclusive() {}

// world is an Inspector of a small shop.
type world struct {
	t         *testing.T
	backend   *sessiontest.Store
	directory *sessiontest.Directory
	resolver  *sessionctx.Resolver
	page      *inspect.Inspector
	lease     *atomic.Pointer[store.Sink] // nil: without end
	own       sessionctx.Request          // of the operator's browser
	ownErr    error
}

type option func(*world, *sessionctx.Config, *inspect.Config)

func withLease(w *world, cfg *sessionctx.Config, _ *inspect.Config) {
	w.lease = new(atomic.Pointer[store.Sink])
	cfg.Store = leased{w.backend, w.lease}
}

func preferProfile(_ *world, cfg *sessionctx.Config, _ *inspect.Config) { cfg.PreferProfile = true }

func withoutRequest(_ *world, _ *sessionctx.Config, cfg *inspect.Config) { cfg.Request = nil }

func sites() []defaults.Site {
	return []defaults.Site{
		{
			Code: "main", Default: true, Currency: "EUR", Currencies: []string{"EUR", "CHF", "BGN"}, Country: "DE", ShipTo: []string{"DE", "CH", "AT"},
			Language: "de", Languages: []string{"de", "fr", "en"},
		},
		{Code: "us", Currency: "USD", Country: "US", Language: "en"},
		{Code: "old", Inactive: true, Currency: "EUR", Country: "DE", Language: "de"},
	}
}

func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	w := &world{t: t, backend: &sessiontest.Store{}, directory: &sessiontest.Directory{Static: sessionctx.Static{"demoshop": {
		Sites: sites(), Customers: map[string]defaults.Customer{customerID: {
			Site: "old", Currency: "SEK", Language: "fr-CH",
			Addresses: []defaults.Address{
				{Country: "12 Main Street", Tags: []string{"shipping"}}, {Country: "LI", Tags: []string{"shipping"}}, {Country: "CH", Tags: []string{"billing"}},
			},
		}},
	}}}}
	w.own = sessionctx.Request{
		Identity:   sessionctx.Identity{Tenant: "demoshop", SessionID: sessionID, CustomerID: customerID, Proof: sessionctx.Asserted},
		GeoCountry: "AT", AcceptLanguage: "de-AT,de;q=0.9",
	}
	rc := sessionctx.Config{Store: w.backend, Directory: w.directory, Logger: slog.New(slog.DiscardHandler), Timeout: 100 * time.Millisecond}
	ic := inspect.Config{
		Authorize: func(*http.Request) bool { return true },
		Request:   func(*http.Request) (sessionctx.Request, error) { return w.own, w.ownErr },
	}
	for _, o := range options {
		o(w, &rc, &ic)
	}
	var err error
	w.resolver, err = sessionctx.New(rc)
	require.NoError(t, err)
	ic.Resolver = w.resolver
	w.page, err = inspect.New(ic)
	require.NoError(t, err)
	return w
}

// close must come before the end of a bubble, and so is no t.Cleanup.
func (w *world) close() {
	w.page.Close()
	assert.NoError(w.t, w.resolver.Close())
}

func (w *world) extendLease(d time.Duration) { (*w.lease.Load()).ExtendLease(time.Now().Add(d)) }

func (w *world) resolve(req sessionctx.Request) {
	w.t.Helper()
	_, err := w.resolver.Resolve(w.t.Context(), req)
	require.NoError(w.t, err)
}

func (w *world) update(p sessionctx.Patch) sessionctx.Session {
	w.t.Helper()
	s, err := w.resolver.Update(w.t.Context(), w.own, p)
	require.NoError(w.t, err)
	return s
}

func (w *world) serve(r *http.Request) *httptest.ResponseRecorder {
	w.t.Helper()
	recorded := httptest.NewRecorder()
	w.page.ServeHTTP(recorded, r.WithContext(w.t.Context()))
	return recorded
}

func (w *world) get(target string) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.serve(httptest.NewRequest(http.MethodGet, target, nil))
}

func formRequest(target string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (w *world) post(form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	return w.serve(formRequest("/", form))
}

// report is what the tests read of the JSON form.
type report struct {
	State struct {
		Store, Cache, Directory string
		LeaseSeconds            *float64
	}
	Totals    map[string]any
	Intervals []struct {
		At                                            time.Time
		Seconds                                       float64
		Resolves, Hits, Loads, Writes, DirectoryLoads int64
		LeaseSeconds                                  *float64
	}
	Conflicts []struct {
		At     time.Time
		Tenant string
		Fields []string
	}
	Mistakes []struct{ Tenant, Site, Field, Value, Rule, Effect string }
	Why      why
}

type why struct {
	About, Error string
	Degraded     bool
	Session      *struct {
		Tenant, Shopper              string
		Record, Cart, ProfileMissing bool
	}
	Fields []struct {
		Field, Value, Source string
		Candidates           []struct{ Source, Value, Verdict, Reason string }
	}
}

// of returns the candidates of a field, one a line.
func (x why) of(field string) (lines []string) {
	for _, f := range x.Fields {
		if f.Field != field {
			continue
		}
		for _, c := range f.Candidates {
			lines = append(lines, strings.Join(strings.Fields(c.Source+" "+c.Value+" "+c.Verdict+" "+c.Reason), " "))
		}
	}
	return lines
}

func decode(t *testing.T, answer *httptest.ResponseRecorder) (r report) {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &r))
	return r
}

func (w *world) json() report {
	w.t.Helper()
	return decode(w.t, w.get("/?format=json"))
}

func (w *world) ask(form url.Values) why {
	w.t.Helper()
	return decode(w.t, w.serve(formRequest("/?format=json", form))).Why
}

func isSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range secrets {
		assert.NotContains(t, text, secret)
	}
}
