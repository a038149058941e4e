package middleware

import (
	"math"
	"sync"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// rememberFor bounds how long a token is believed after its key was withdrawn.
const rememberFor = 5 * time.Minute

// remembered are the claims of tokens that were verified, by the tokens' fingerprints. It holds two generations: when the
// young one is full it becomes the old one, and what was not asked for meanwhile is dropped with its predecessor.
// So memory is bounded without a list of uses to keep under a lock.
type remembered struct {
	started    time.Time
	leeway     time.Duration // for which a token is believed beyond its end
	mu         sync.RWMutex
	young, old map[fingerprint]verified
	half       int
}

// verified are claims. They come back from afar in memory, so they are small, and their texts lie in one piece.
type verified struct {
	texts                         string // session id, customer id, tenant and scopes, one after the other
	sessionEnd, ownEnd, tenantEnd uint16
	proof                         sessionctx.Proof
	expires                       int64         // Unix seconds
	until                         time.Duration // since remembered.started: not believed any more without a look at the key
}

func (v *verified) claims() Claims {
	return Claims{
		Identity: sessionctx.Identity{
			Tenant: v.texts[v.ownEnd:v.tenantEnd], SessionID: v.texts[:v.sessionEnd], CustomerID: v.texts[v.sessionEnd:v.ownEnd], Proof: v.proof,
		},
		Scopes: v.texts[v.tenantEnd:], Expires: time.Unix(v.expires, 0),
	}
}

// newRemembered returns a memory for n tokens, none or at least 2.
func newRemembered(n int, leeway time.Duration) *remembered {
	return &remembered{started: time.Now(), leeway: leeway, half: n / 2, young: make(map[fingerprint]verified)}
}

func (m *remembered) get(token fingerprint, now time.Time) (Claims, bool) {
	m.mu.RLock()
	v, ok := m.young[token]
	old := false
	if !ok {
		v, ok = m.old[token]
		old = ok
	}
	m.mu.RUnlock()
	if !ok || now.Sub(m.started) >= v.until {
		return Claims{}, false
	}
	c := v.claims()
	if !now.Before(c.Expires.Add(m.leeway)) {
		return Claims{}, false
	}
	if old {
		m.keep(token, v)
	}
	return c, true
}

// put remembers the claims, verified at now, until they expire, but not for long.
func (m *remembered) put(token fingerprint, c Claims, now time.Time) {
	id := &c.Identity
	texts := id.SessionID + id.CustomerID + id.Tenant + c.Scopes
	if len(texts) > math.MaxUint16 { // a token has 8 KiB
		return
	}
	session, own := len(id.SessionID), len(id.SessionID)+len(id.CustomerID)
	m.keep(token, verified{
		texts: texts, sessionEnd: uint16(session), ownEnd: uint16(own), tenantEnd: uint16(own + len(id.Tenant)),
		proof: id.Proof, expires: c.Expires.Unix(), until: now.Sub(m.started) + rememberFor,
	})
}

func (m *remembered) keep(token fingerprint, v verified) {
	if m.half == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.young[token]; !there && len(m.young) >= m.half {
		m.old, m.young = m.young, make(map[fingerprint]verified)
	}
	m.young[token] = v
}
