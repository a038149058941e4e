package bearer

import (
	"math"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// maxCacheTime bounds how long a token is accepted after its key was withdrawn.
const maxCacheTime = 5 * time.Minute

// tokenCache holds the claims of verified tokens by the fingerprints of the tokens.
//
// It has two halves. A full recent half becomes the older half, and the older half is dropped with
// the tokens that were not used meanwhile. So its memory is bounded, and a read changes no list of
// uses, which would need a lock.
type tokenCache struct {
	started       time.Time
	leeway        time.Duration // how long a token is accepted after its expiry
	mu            sync.RWMutex
	recent, older map[fingerprint]cachedClaims
	half          int // the most entries of either half; 0: nothing is cached
}

// cachedClaims are the claims of one token. They are small, with all texts in one piece: a read is
// a cache miss of the processor for each piece.
type cachedClaims struct {
	texts                              string // session id, customer id, tenant and scopes, one after the other
	sessionEnd, customerEnd, tenantEnd uint16
	expires                            int64         // Unix seconds
	until                              time.Duration // since tokenCache.started: when the key must be asked again
}

func (cc *cachedClaims) claims() Claims {
	return Claims{
		Identity: sessionctx.Identity{
			Tenant:     cc.texts[cc.customerEnd:cc.tenantEnd],
			SessionID:  cc.texts[:cc.sessionEnd],
			CustomerID: cc.texts[cc.sessionEnd:cc.customerEnd],
			Proof:      sessionctx.Asserted,
		},
		Scopes:  cc.texts[cc.tenantEnd:],
		Expires: time.Unix(cc.expires, 0),
	}
}

// newTokenCache returns a cache for n tokens, where n is 0 or at least 2.
func newTokenCache(n int, leeway time.Duration) *tokenCache {
	return &tokenCache{started: time.Now(), leeway: leeway, half: n / 2, recent: make(map[fingerprint]cachedClaims)}
}

// get returns the claims of a token, unless the token has expired or its key must be asked again.
func (c *tokenCache) get(token fingerprint, now time.Time) (Claims, bool) {
	c.mu.RLock()
	cc, ok := c.recent[token]
	isOlder := false
	if !ok {
		cc, ok = c.older[token]
		isOlder = ok
	}
	c.mu.RUnlock()
	if !ok || now.Sub(c.started) >= cc.until {
		return Claims{}, false
	}
	claims := cc.claims()
	if !now.Before(claims.Expires.Add(c.leeway)) {
		return Claims{}, false
	}
	if isOlder {
		c.keep(token, cc)
	}
	return claims, true
}

// put caches the claims of a token that was verified at the time now.
func (c *tokenCache) put(token fingerprint, claims Claims, now time.Time) {
	id := &claims.Identity
	texts := id.SessionID + id.CustomerID + id.Tenant + claims.Scopes
	if len(texts) > math.MaxUint16 { // a token has 8 KiB
		return
	}
	sessionEnd := len(id.SessionID)
	customerEnd := sessionEnd + len(id.CustomerID)
	c.keep(token, cachedClaims{
		texts:       texts,
		sessionEnd:  uint16(sessionEnd),
		customerEnd: uint16(customerEnd),
		tenantEnd:   uint16(customerEnd + len(id.Tenant)),
		expires:     claims.Expires.Unix(),
		until:       now.Sub(c.started) + maxCacheTime,
	})
}

func (c *tokenCache) keep(token fingerprint, cc cachedClaims) {
	if c.half == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, exists := c.recent[token]; !exists && len(c.recent) >= c.half {
		c.older, c.recent = c.recent, make(map[fingerprint]cachedClaims)
	}
	c.recent[token] = cc
}
