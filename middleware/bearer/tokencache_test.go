package bearer_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware/bearer"
)

func TestTokenCache_ForgetsATokenInTime(t *testing.T) {
	cases := []struct {
		desc       string
		lives      time.Duration
		cached     int
		after      time.Duration
		wantAsked  int64 // how often the key was looked up, for 3 uses at first and 1 after
		wantErrAft bool
	}{
		{"at once", time.Hour, 0, 0, 1, false},
		{"just before 5 min", time.Hour, 0, 5*time.Minute - 1, 1, false},
		{"5 min later the key counts again", time.Hour, 0, 5 * time.Minute, 2, false},
		{"in its last moment", time.Minute, 0, 90*time.Second - 1, 1, false},
		{"after its end and the leeway", time.Minute, 0, 90 * time.Second, 2, true},
		{"the cache turned off", time.Hour, -1, 0, 4, false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				v := newVerifier(t, func(cfg *bearer.Config) {
					cfg.Keys, cfg.Algorithms, cfg.CachedTokens = nil, []string{"HS256"}, tc.cached
					cfg.Keyfunc = func(*jwt.Token) (any, error) { asked.Add(1); return issuer().hmac, nil }
				})
				r := bearing(signed(t, jwt.MapClaims{"exp": time.Now().Add(tc.lives).Unix()}))
				for range 3 {
					_, err := v.Verify(r)
					require.NoError(t, err)
				}
				<-time.After(tc.after)
				_, err := v.Verify(r)
				assert.Equal(t, tc.wantErrAft, err != nil, "%v", err)
				assert.Equal(t, tc.wantAsked, asked.Load())
			})
		})
	}
}

func TestTokenCache_IsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	var asked atomic.Int64
	v := newVerifier(t, func(cfg *bearer.Config) {
		cfg.Keys, cfg.Algorithms, cfg.CachedTokens = nil, []string{"HS256"}, 8
		cfg.Keyfunc = func(*jwt.Token) (any, error) { asked.Add(1); return issuer().hmac, nil }
	})
	verify := func(id string) bool { // whether it was cached
		before := asked.Load()
		c, err := v.VerifyToken(signed(t, jwt.MapClaims{"sid": id, "exp": int64(1 << 40)}))
		require.NoError(t, err)
		require.Equal(t, id, c.Identity.SessionID)
		return asked.Load() == before
	}
	verify("in use")
	for i := range 100 {
		verify(fmt.Sprint(i))
		assert.True(t, verify("in use"), "after %d others", i+1)
	}
	kept := 0
	for i := range 100 {
		if verify(fmt.Sprint(i)) {
			kept++
		}
	}
	assert.LessOrEqual(t, kept, 8)
}

func TestTokenCache_NeverMixesTokens(t *testing.T) {
	v := newVerifier(t, func(cfg *bearer.Config) { cfg.CachedTokens = 8 })
	tokens := make([]string, 32)
	for i := range tokens {
		tokens[i] = signed(t, jwt.MapClaims{"sid": fmt.Sprint(i)})
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 200 {
				i := (n*7 + g) % len(tokens)
				c, err := v.VerifyToken(tokens[i])
				if !assert.NoError(t, err) || !assert.Equal(t, fmt.Sprint(i), c.Identity.SessionID) {
					return
				}
			}
		})
	}
	wg.Wait()
}
