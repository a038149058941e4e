package sessionctx_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// endedElsewhere logs the customer C100 in as the session "before", and ends all sessions of the
// customer in process a, of which b does not know. It returns what logs the customer in again.
func endedElsewhere(t *testing.T, a, b *sessionctx.Resolver) (login func(r *sessionctx.Resolver, id string)) {
	login = func(r *sessionctx.Resolver, id string) {
		t.Helper()
		_, err := r.Login(t.Context(), by(id), "C100")
		require.NoError(t, err)
	}
	login(b, "before")
	resolve(t, b, by("before", "C100")) // b knows the generation of the customer
	require.NoError(t, a.EndAll(t.Context(), "demoshop", "C100"))
	return login
}

func TestUpdate_ReadsTheGenerationOfAnotherProcessBeforeItRefuses(t *testing.T) {
	a, b := apart(t, &memstore.Store{})
	login := endedElsewhere(t, a, b)
	for _, id := range []string{"ended", "written"} {
		login(a, id)
	}
	fresh := func(id string) error {
		req := by(id, "C100")
		req.Fresh = true
		_, err := a.Resolve(t.Context(), req)
		return err
	}
	require.NoError(t, b.End(t.Context(), by("ended", "C100")))
	assert.ErrorIs(t, fresh("ended"), sessionctx.ErrNotFound, "its End was answered")

	_, err := b.Update(t.Context(), by("written", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.NoError(t, err)

	login(b, "later")
	assert.NoError(t, fresh("later"), "a login after the EndAll")
	_, err = b.Update(t.Context(), by("first", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	assert.NoError(t, err)
	assert.NoError(t, fresh("first"), "a first write after the EndAll")
	assert.ErrorIs(t, fresh("before"), sessionctx.ErrNotFound)
}

func TestUpdate_LeavesNoTombstoneWhileTheGenerationOfAnotherProcessCannotBeRead(t *testing.T) {
	backend := &sessiontest.Store{}
	a, b := apart(t, backend)
	login := endedElsewhere(t, a, b)
	login(a, "after")
	write := func() error {
		_, err := b.Update(t.Context(), by("after", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		return err
	}
	// The session is read, and then the generation fails.
	backend.Loads.Next(sessiontest.Fail(nil), sessiontest.Fail(store.ErrUnavailable))
	assert.ErrorIs(t, write(), sessionctx.ErrUnavailable)
	assert.NoError(t, write(), "the session lives")
}

// Another process ends all sessions of a customer, and nothing tells this one of it yet. A write
// here knows the new generation; a load of the old one, which was under way, comes back after it.
func TestLogin_IsNotEndedByAGenerationThatWasLoadedBefore(t *testing.T) {
	for desc, write := range map[string]func(*testing.T, *sessionctx.Resolver) sessionctx.Request{
		"a login by cookie": func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			s, err := r.Login(t.Context(), cookie(""), "C100")
			require.NoError(t, err)
			return cookie(s.ID)
		},
		"a login by token": func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			_, err := r.Login(t.Context(), by("token", ""), "C100")
			require.NoError(t, err)
			return by("token", "C100")
		},
		"a first write": func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			update(t, r, by("first", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
			return by("first", "C100")
		},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records := &stepped{}
				here, there := apart(t, records)
				before, err := there.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				resolve(t, here, by("", "C100")) // a profile that becomes known makes the generation outdated, too
				let := records.holdLoad(store.KindCustomer)
				var slow sync.WaitGroup
				slow.Go(func() { resolve(t, here, cookie(before.ID)) })
				synctest.Wait()
				require.NoError(t, there.EndAll(t.Context(), "demoshop", "C100"))
				after := write(t, here)
				synctest.Wait() // what is kept is not there at once
				close(let)
				slow.Wait()
				synctest.Wait()
				assert.Equal(t, "C100", resolve(t, here, after).CustomerID)
			})
		})
	}
}

// A client may state a revision of another process that this one has not heard of. Its cached
// record is no reason to refuse the write.
func TestUpdate_RefusesNothingByACachedRecord(t *testing.T) {
	here, there, _ := processes(t)
	req := by("s1", "")
	update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
	resolve(t, here, req)
	base := update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("CHF")}).Revision()
	s, err := here.Update(t.Context(), req, sessionctx.Patch{Base: &base, CartID: sessionctx.Set("cart")})
	require.NoError(t, err)
	assert.Equal(t, "CHF cart", s.Currency+" "+s.CartID)
}

// Another process sets an attribute, and this one, which has not heard of it, removes it.
func TestUpdate_RemovesWhatItsCachedRecordLacks(t *testing.T) {
	for desc, p := range map[string]sessionctx.Patch{
		"by name": {Attributes: attributes("a", "null")},
		"all":     {ReplaceAttributes: true},
	} {
		t.Run(desc, func(t *testing.T) {
			here, there, _ := processes(t)
			req := by("s1", "")
			update(t, there, req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
			resolve(t, here, req)
			update(t, there, req, sessionctx.Patch{Attributes: attributes("a", "1")})
			_, found := update(t, here, req, p).Attribute("a")
			assert.False(t, found)
			_, found = resolve(t, there, fresh(req)).Attribute("a")
			assert.False(t, found, "the removal was answered")
		})
	}
}

// Another process logs a customer in, and this one, which ends all of the customer's sessions, has
// not heard of it yet.
func TestEndAll_EndsASessionThatAnotherProcessHasLoggedIn(t *testing.T) {
	for desc, tc := range map[string]struct {
		before func(*testing.T, *sessionctx.Resolver) // the EndAll
		read   func(*testing.T, *sessionctx.Resolver, sessionctx.Request) error
	}{
		"Resolve, of which the guest was here": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "")) }, resolveError,
		},
		"Resolve, of which the customer was here": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "C100")) }, resolveError,
		},
		"Preview": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "C100")) },
			func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) error {
				_, err := r.Preview(t.Context(), req, sessionctx.Patch{})
				return err
			},
		},
		"an Update of nothing": {
			func(t *testing.T, r *sessionctx.Resolver) { resolve(t, r, by("s1", "C100")) },
			func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) error {
				_, err := r.Update(t.Context(), req, sessionctx.Patch{})
				return err
			},
		},
	} {
		for _, record := range []string{"anonymous", "none"} {
			t.Run(desc+", record "+record, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					here, there := apart(t, &memstore.Store{})
					if record == "anonymous" {
						update(t, there, by("s1", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
					}
					tc.before(t, here)
					synctest.Wait() // what is kept is not there at once
					_, err := there.Login(t.Context(), by("s1", ""), "C100")
					require.NoError(t, err)
					require.NoError(t, resolveError(t, here, by("s1", "C100")), "it is behind, as it may be")
					require.NoError(t, here.EndAll(t.Context(), "demoshop", "C100"))
					synctest.Wait()
					for range 2 {
						assert.ErrorIs(t, tc.read(t, here, by("s1", "C100")), sessionctx.ErrNotFound)
						synctest.Wait()
					}
				})
			})
		}
	}
}

// The same, when the load of the session was under way before all that.
func TestEndAll_LoadFromBeforeItIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &stepped{}
		here, there := apart(t, records)
		update(t, there, by("s1", ""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		resolve(t, here, by("", "C100")) // with a profile that nobody has asked for, the resolution begins again in any case
		let := records.holdLoad(store.KindSession)
		var readers sync.WaitGroup
		read := func() { assert.ErrorIs(t, resolveError(t, here, by("s1", "C100")), sessionctx.ErrNotFound) }
		readers.Go(read) // it looks again when what it found is no longer so
		synctest.Wait()
		_, err := there.Login(t.Context(), by("s1", ""), "C100")
		require.NoError(t, err)
		require.NoError(t, here.EndAll(t.Context(), "demoshop", "C100"))
		later := false
		readers.Go(func() {
			read()
			later = true
		})
		synctest.Wait()
		assert.True(t, later, "a reader after the EndAll does not wait for the load")
		close(let)
		readers.Wait()
		synctest.Wait()
		read()
	})
}

// A cookie's session is taken for ended by a generation from before another process' EndAll, and
// that answer is kept. It lasts for no longer than the generation is believed.
func TestResolve_LiveCookieIsAGuestOnlyWhileAnOldGenerationIsCached(t *testing.T) {
	for desc, learn := range map[string]func(*testing.T, *sessionctx.Resolver, store.Sink){
		"the news comes": func(_ *testing.T, _ *sessionctx.Resolver, sink store.Sink) {
			sink.Invalidate(store.Key{Tenant: "demoshop", Kind: store.KindCustomer, ID: "C100"}.Hash())
		},
		"a login here goes by the new one": func(t *testing.T, here *sessionctx.Resolver, _ store.Sink) {
			_, err := here.Login(t.Context(), by("other", ""), "C100")
			require.NoError(t, err)
		},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &told{Store: &memstore.Store{}}
				here := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend.Store} })
				first, err := there.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				assert.Equal(t, "C100", resolve(t, here, cookie(first.ID)).CustomerID)
				synctest.Wait() // what is kept is not there at once
				require.NoError(t, there.EndAll(t.Context(), "demoshop", "C100"))
				again, err := there.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				assert.Empty(t, resolve(t, here, cookie(again.ID)).ID, "it is behind, as it may be")
				synctest.Wait()
				learn(t, here, backend.sink)
				assert.Equal(t, "C100", resolve(t, here, cookie(again.ID)).CustomerID)
			})
		})
	}
}
