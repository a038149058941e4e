package middleware_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// What a visitor left would be an id of 43 bytes at least: the bound on the heap is far from that,
// and from the few MiB that a process has more at one moment than at another.
// TestWrap_CookielessRequestsLeaveNothing sends REQUESTS requests.
func TestWrap_CookielessRequestsLeaveNothing(t *testing.T) {
	total := 200_000
	if raceEnabled || testing.Short() {
		total = 20_000
	}
	if n := os.Getenv("REQUESTS"); n != "" {
		var err error
		total, err = strconv.Atoi(n)
		require.NoError(t, err, "the environment variable REQUESTS")
	}
	store := new(memstore.Store)
	s := newShopOn(t, store, directory)
	var served atomic.Int64
	h := s.middleware(func(cfg *middleware.Config) { cfg.AcceptLanguage = true }).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if s, ok := sessionctx.FromContext(r.Context()); ok && s.ID == "" && s.Currency == "EUR" {
			served.Add(1)
		}
	}))
	round := func(n int) {
		const visitors = 8
		var wg sync.WaitGroup
		for range visitors {
			wg.Go(func() {
				r, w := get("/"), newDiscard()
				for i := range n / visitors {
					clear(r.Header)
					switch i % 4 {
					case 1: // a cookie that nobody gave them
						r.Header.Set("Cookie", fmt.Sprintf("%s=%043d", cookieName, rand.Int64()))
					case 2: // a header of their own
						r.Header.Set("Accept-Language", fmt.Sprintf("fr;q=0.%d,en", rand.Int64()))
					case 3:
						r.Header.Set("Accept-Language", "de-AT,de;q=0.9")
					}
					w.read(t, h, r)
				}
			})
		}
		wg.Wait()
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	round(total / 10)
	before := heap()
	round(total * 9 / 10)
	assert.EqualValues(t, total, served.Load())
	assert.Zero(t, store.Stats().Records)
	grown := heap() - before
	for range 100 { // what goroutines that are about to end have is freed later
		if grown < int64(10*total+8<<20) {
			break
		}
		runtime.Gosched()
		grown = heap() - before
	}
	assert.Less(t, grown, int64(10*total+8<<20), "bytes more after %d requests than after %d", total, total/10)
}

func TestLogin_DoubleClickGivesOneSession(t *testing.T) {
	mw := newShop(t).middleware(nil)
	for range 30 {
		b := newBrowser(t, mw)
		anonymous := b.update("/", sessionctx.Patch{Language: sessionctx.Set("en")}).ID
		var answers [2]*httptest.ResponseRecorder
		var wg sync.WaitGroup
		for i := range answers {
			r := b.request("/login")
			answers[i] = httptest.NewRecorder()
			wg.Go(func() {
				_, err := mw.Login(answers[i], r, "anna")
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		ids := make(map[string]bool)
		for _, answer := range answers { // whichever comes last
			b.receive(answer)
			page := b.get("/")
			ids[page.ID] = true
			assert.Equal(t, b.jar[cookieName], page.ID)
			assert.Equal(t, "anna", page.CustomerID)
			assert.Equal(t, "en", page.Language)
			assert.Equal(t, "CHF", page.Currency)
		}
		assert.Len(t, ids, 1)
		b.jar[cookieName] = anonymous
		assert.Empty(t, b.get("/").ID)
	}
}

func TestLogout_DoubleClickLeavesNobodyLoggedIn(t *testing.T) {
	mw := newShop(t).middleware(nil)
	for i := range 30 {
		b := newBrowser(t, mw)
		b.update("/", sessionctx.Patch{Language: sessionctx.Set("en")})
		b.login("anna")
		var answers [2]*httptest.ResponseRecorder
		var wg sync.WaitGroup
		for i := range answers {
			r := b.request("/logout")
			answers[i] = httptest.NewRecorder()
			wg.Go(func() {
				_, err := mw.Logout(answers[i], r)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		b.receive(answers[i%2])
		assert.Empty(t, b.get("/").CustomerID)
		b.receive(answers[1-i%2])
		assert.Empty(t, b.get("/").CustomerID)
	}
}

func TestCookie_LateAnswerHarmsNoNewerSession(t *testing.T) {
	choice := sessionctx.Patch{Currency: sessionctx.Set("EUR")}
	t.Run("a write that was served before the login and answered after it", func(t *testing.T) {
		mw := newShop(t).middleware(nil)
		b := newBrowser(t, mw)
		b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		late := httptest.NewRecorder()
		_, err := mw.Update(late, b.request("/"), choice)
		require.NoError(t, err)
		id := b.login("anna").ID
		b.receive(late)
		assert.Equal(t, id, b.get("/").ID)
		assert.Equal(t, "EUR", b.get("/").Currency, "what was chosen stays chosen")
	})
	t.Run("a write that is served after the login", func(t *testing.T) {
		mw := newShop(t).middleware(nil)
		b := newBrowser(t, mw)
		b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		r, late := b.request("/"), httptest.NewRecorder()
		id := b.login("anna").ID
		_, err := mw.Update(late, r, choice)
		require.ErrorIs(t, err, sessionctx.ErrNotFound)
		b.receive(late)
		assert.Equal(t, id, b.get("/").ID)
		assert.Equal(t, "CHF", b.get("/").Currency)
	})
	t.Run("a page that is served after the login", func(t *testing.T) {
		mw := newShop(t).middleware(nil)
		b := newBrowser(t, mw)
		b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		r, late := b.request("/"), httptest.NewRecorder()
		id := b.login("anna").ID
		mw.Wrap(http.NotFoundHandler()).ServeHTTP(late, r)
		b.receive(late)
		assert.Equal(t, id, b.get("/").ID)
	})
	t.Run("many writes around a login", func(t *testing.T) {
		mw := newShop(t).middleware(nil)
		for range 10 {
			b := newBrowser(t, mw)
			b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			var late [16]*httptest.ResponseRecorder
			var written [len(late)]bool
			var wg sync.WaitGroup
			for i := range late {
				r := b.request("/")
				late[i] = httptest.NewRecorder()
				wg.Go(func() {
					_, err := mw.Update(late[i], r, sessionctx.Patch{Attributes: map[string]json.RawMessage{fmt.Sprint(i): json.RawMessage("1")}})
					if err != nil {
						assert.ErrorIs(t, err, sessionctx.ErrNotFound)
					}
					written[i] = err == nil
				})
			}
			id := b.login("anna").ID
			wg.Wait()
			for _, answer := range late {
				b.receive(answer)
			}
			page := b.get("/")
			assert.Equal(t, id, page.ID)
			for i := range late {
				_, kept := page.Attribute(fmt.Sprint(i))
				assert.Equal(t, written[i], kept, "a write that was acknowledged is kept, one that was refused is not")
			}
		}
	})
}

func TestCookie_StaleOrInventedIsAGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(memstore.Store)
		s := newShopOn(t, store, directory)
		mw := s.middleware(nil)
		b := newBrowser(t, mw)
		stale := b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
		wait(2 * time.Hour)
		for desc, id := range map[string]string{"stale": stale, "invented": secretA} {
			b.jar[cookieName] = id
			page := b.get("/") // which fails on any header
			assert.Empty(t, page.ID, desc)
			assert.Equal(t, "EUR", page.Currency, desc)
			assert.Equal(t, map[string]string{cookieName: id}, b.jar)

			// A write begins a session under an id of ours, never one that was brought along.
			made := b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.NotEqual(t, id, made.ID, desc)
			assert.Equal(t, made.ID, b.jar[cookieName], desc)
			assert.Equal(t, "CHF", b.get("/").Currency)
			b.jar[cookieName] = id
			assert.Empty(t, b.get("/").ID, desc)
		}
	})
}

func TestCookie_InventedInManyBrowsersGivesEachItsOwnSession(t *testing.T) {
	mw := newShop(t).middleware(nil)
	var ids sync.Map
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			b := newBrowser(t, mw)
			b.jar[cookieName] = secretA
			id := b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
			_, twice := ids.LoadOrStore(id, true)
			assert.False(t, twice)
			assert.Equal(t, id, b.jar[cookieName])
		})
	}
	wg.Wait()
	_, planted := ids.Load(secretA)
	assert.False(t, planted)
}

func TestCookie_InventedLeavesNoRecord(t *testing.T) {
	store := new(memstore.Store)
	h := newShopOn(t, store, directory).middleware(nil).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, ok := sessionctx.FromContext(r.Context())
		assert.True(t, ok)
		assert.Empty(t, s.ID)
	}))
	for i := range 2000 {
		r := get("/")
		r.Header.Set("Cookie", fmt.Sprintf("%s=%032d", cookieName, i))
		newDiscard().read(t, h, r)
	}
	assert.Zero(t, store.Stats().Records)
}

// wait lets time pass in a synctest bubble.
func wait(d time.Duration) { <-time.After(d) }
