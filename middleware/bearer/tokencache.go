package bearer

import (
	"math"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// halves is a bounded map by the fingerprints of tokens.
//
// It has two halves. A full recent half becomes the older half, and the older half is dropped with
// the tokens that were not used meanwhile. So its memory is bounded, and a read changes no list of
// uses, which would need a lock.
type halves[V any] struct {
	mu            sync.RWMutex
	recent, older map[fingerprint]V
	half          int // the most entries of either half; 0: nothing is kept
}

func newHalves[V any](n int) *halves[V] {
	return &halves[V]{half: n / 2, recent: make(map[fingerprint]V)}
}

// get returns what is kept of a token, and whether it must be kept again to survive.
func (h *halves[V]) get(token fingerprint) (v V, isOlder, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if v, ok = h.recent[token]; ok {
		return v, false, true
	}
	v, ok = h.older[token]
	return v, ok, ok
}

func (h *halves[V]) keep(token fingerprint, v V) {
	if h.half == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, exists := h.recent[token]; !exists && len(h.recent) >= h.half {
		h.older, h.recent = h.recent, make(map[fingerprint]V)
	}
	h.recent[token] = v
}

// tokenCache holds the claims of verified tokens.
type tokenCache struct {
	started time.Time
	tokens  *halves[cachedClaims]
}

// cachedClaims are the claims of one token. They are small, with all texts in one piece: a read is
// a cache miss of the processor for each piece.
type cachedClaims struct {
	texts                              string // session id, customer id, tenant and scopes, one after the other
	sessionEnd, customerEnd, tenantEnd uint16
	hasActor                           bool
	expires                            int64         // Unix seconds
	leeway                             time.Duration // how long the token is accepted after its expiry
	until                              time.Duration // since tokenCache.started: when the issuer must be asked again
}

func (cc *cachedClaims) claims() Claims {
	return Claims{
		Identity: sessionctx.Identity{
			Tenant:     cc.texts[cc.customerEnd:cc.tenantEnd],
			SessionID:  cc.texts[:cc.sessionEnd],
			CustomerID: cc.texts[cc.sessionEnd:cc.customerEnd],
			Proof:      sessionctx.Asserted,
		},
		Scopes:   cc.texts[cc.tenantEnd:],
		Expires:  time.Unix(cc.expires, 0),
		hasActor: cc.hasActor,
	}
}

// newTokenCache returns a cache for n tokens, where n is 0 or at least 2.
func newTokenCache(n int) *tokenCache {
	return &tokenCache{started: time.Now(), tokens: newHalves[cachedClaims](n)}
}

// get returns the claims of a token, unless the token has expired or its issuer must be asked
// again. The time until then is that of the monotonic clock, the expiry that of the wall clock.
func (c *tokenCache) get(token fingerprint, now time.Time) (Claims, bool) {
	cc, isOlder, ok := c.tokens.get(token)
	if !ok || now.Sub(c.started) >= cc.until {
		return Claims{}, false
	}
	claims := cc.claims()
	if !now.Before(claims.Expires.Add(cc.leeway)) {
		return Claims{}, false
	}
	if isOlder {
		c.tokens.keep(token, cc)
	}
	return claims, true
}

// put caches the claims of a token that was verified at the time now, for no longer than most.
func (c *tokenCache) put(token fingerprint, claims Claims, now time.Time, leeway, most time.Duration) {
	id := &claims.Identity
	texts := id.SessionID + id.CustomerID + id.Tenant + claims.Scopes
	if len(texts) > math.MaxUint16 { // a token has 8 KiB, but the answer to a question may be longer
		return
	}
	sessionEnd := len(id.SessionID)
	customerEnd := sessionEnd + len(id.CustomerID)
	c.tokens.keep(token, cachedClaims{
		texts:       texts,
		sessionEnd:  uint16(sessionEnd),
		customerEnd: uint16(customerEnd),
		tenantEnd:   uint16(customerEnd + len(id.Tenant)),
		hasActor:    claims.hasActor,
		expires:     claims.Expires.Unix(),
		leeway:      leeway,
		until:       now.Sub(c.started) + most,
	})
}
