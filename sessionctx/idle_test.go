package sessionctx_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestResolve_SessionExpiresWhenIdleAndLivesWhileUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &memstore.Store{}
		r, err := sessionctx.New(sessionctx.Config{Store: mem, Directory: demoshop(), CacheBytes: 4 << 20})
		require.NoError(t, err)
		defer r.Close()
		s, err := r.Update(t.Context(), cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.NoError(t, err)
		version, etag := s.Version, s.ETag()
		for range 40 { // ten hours of a page every quarter of an hour
			time.Sleep(15 * time.Minute)
			s, err = r.Resolve(t.Context(), cookie(s.ID))
			require.NoError(t, err)
			require.NotEmpty(t, s.ID)
			synctest.Wait()
		}
		assert.Equal(t, version, s.Version, "a touch is no new version")
		assert.Equal(t, etag, s.ETag())
		touches := r.Stats().Touches
		assert.LessOrEqual(t, touches, int64(40))
		assert.GreaterOrEqual(t, touches, int64(8))
		for range 100 {
			_, err = r.Resolve(t.Context(), cookie(s.ID))
			require.NoError(t, err)
		}
		synctest.Wait()
		assert.LessOrEqual(t, r.Stats().Touches, touches+1)
		id := s.ID
		time.Sleep(76 * time.Minute)
		s, err = r.Resolve(t.Context(), cookie(id))
		require.NoError(t, err)
		assert.Empty(t, s.ID)
	})
}

func TestResolve_MaxAgeEndsASessionInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop(), CacheBytes: 4 << 20, MaxAge: 3 * time.Hour})
		require.NoError(t, err)
		defer r.Close()
		s, err := r.Update(t.Context(), cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.NoError(t, err)
		used := 0
		for ; used < 100; used++ {
			time.Sleep(10 * time.Minute)
			now, err := r.Update(t.Context(), cookie(s.ID), sessionctx.Patch{CartID: sessionctx.Set("x")})
			require.NoError(t, err)
			synctest.Wait()
			if now.ID != s.ID {
				break
			}
		}
		assert.Equal(t, 17, used)
	})
}

// Expiries are whole milliseconds, and a seventh of 20 hours is not.
func TestResolve_SessionNearItsMaxAgeIsNotTouched(t *testing.T) {
	for _, maxAge := range []time.Duration{3 * time.Hour, 20 * time.Hour / 7} {
		t.Run(maxAge.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newResolver(t, func(c *sessionctx.Config) { c.MaxAge = maxAge })
				id := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
				for range 10 { // to the last hour and a quarter
					time.Sleep(10 * time.Minute)
					require.Equal(t, id, resolve(t, r, cookie(id)).ID)
					synctest.Wait()
				}
				touches := r.Stats().Touches
				for range 60 {
					time.Sleep(time.Minute)
					require.Equal(t, id, resolve(t, r, cookie(id)).ID)
					synctest.Wait()
				}
				assert.LessOrEqual(t, r.Stats().Touches, touches+2, "the last ones, as its expiry reaches the end")
			})
		})
	}
}

// The records in a Store are older than the Config of the process.
func TestResolve_SessionFromAnotherConfigLivesAsLongAsThisOneSays(t *testing.T) {
	for _, tc := range []struct {
		desc      string
		idle      time.Duration
		maxAge    time.Duration
		livesLong time.Duration
	}{
		{"longer", 40 * time.Hour, 0, 39 * time.Hour},
		{"for ever", -1, 0, 40 * time.Hour},
		{"for ever, until its MaxAge", -1, 40 * time.Hour, 39 * time.Hour},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := &memstore.Store{}
				before := newResolver(t, func(c *sessionctx.Config) { c.Store = mem })
				id := update(t, before, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
				now := newResolver(t, func(c *sessionctx.Config) { c.Store, c.AnonymousIdle, c.MaxAge = mem, tc.idle, tc.maxAge })
				for range 3 {
					require.Equal(t, id, resolve(t, now, cookie(id)).ID)
					synctest.Wait()
				}
				assert.EqualValues(t, 1, now.Stats().Touches)
				time.Sleep(tc.livesLong)
				assert.Equal(t, id, resolve(t, now, cookie(id)).ID)
				synctest.Wait()
			})
		})
	}
}

// A host that fills the Store with sessions of its own may mean "never" by a time far away.
func TestResolve_FarExpiryIsNeitherBroughtNearerNorReadAgainEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &memstore.Store{}
		key, at := store.Key{Tenant: "demoshop", ID: "s1"}, time.Now().Truncate(time.Millisecond)
		_, err := mem.Save(t.Context(), key, store.Record{
			Tenant: key.Tenant, Incarnation: 1, First: 1, Version: 1, CreatedAt: at, ModifiedAt: at,
			ExpiresAt: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		}, store.Revision{})
		require.NoError(t, err)
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = mem })
		for range 10 {
			resolve(t, r, by("s1"))
			synctest.Wait()
		}
		rec, err := mem.Load(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, 9999, rec.ExpiresAt.Year())
		assert.GreaterOrEqual(t, r.Stats().Hits, int64(8))
	})
}

// Nobody asks between the last use and the expiry, as when the process is stopped. The first answer
// after it is none of the session.
func TestResolve_ExpiredSessionIsNotAnsweredAfterAPause(t *testing.T) {
	for _, tc := range []struct {
		desc    string
		request func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request
	}{
		{"by cookie", func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			return cookie(update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart")}).ID)
		}},
		{"by token", func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
			update(t, r, by("s1"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
			return by("s1")
		}},
	} {
		for _, pause := range []time.Duration{0, 1, time.Millisecond, 6 * time.Second, time.Hour} {
			t.Run(fmt.Sprint(tc.desc, ", ", pause, " too long"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newResolver(t, func(c *sessionctx.Config) { c.AnonymousIdle = 4 * time.Second })
					req := tc.request(t, r)
					for range 3 {
						assert.Equal(t, "cart", resolve(t, r, req).CartID)
						synctest.Wait() // it is cached now
					}
					time.Sleep(5*time.Second + pause) // a quarter longer than AnonymousIdle
					for range 3 {
						s := resolve(t, r, req)
						assert.Empty(t, s.CartID)
						assert.Zero(t, s.Version)
						synctest.Wait()
					}
				})
			})
		}
	}
}
