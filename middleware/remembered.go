package middleware

import (
	"crypto/sha256"
	"sync"
	"time"
)

// rememberFor bounds how long a token is believed after its key was withdrawn.
const rememberFor = 5 * time.Minute

// remembered are the claims of tokens that were verified, by the tokens' hashes. It holds two generations: when the
// young one is full it becomes the old one, and what was not asked for meanwhile is dropped with its predecessor.
// So memory is bounded without a list of uses to keep under a lock.
type remembered struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]verified
	half       int
}

type verified struct {
	claims Claims
	until  time.Time
}

// newRemembered returns a memory for n tokens, none or at least 2.
func newRemembered(n int) *remembered {
	return &remembered{half: n / 2, young: make(map[[sha256.Size]byte]verified)}
}

func (m *remembered) get(hash [sha256.Size]byte, now time.Time) (Claims, bool) {
	m.mu.RLock()
	v, ok := m.young[hash]
	old := false
	if !ok {
		v, ok = m.old[hash]
		old = ok
	}
	m.mu.RUnlock()
	if !ok || !now.Before(v.until) {
		return Claims{}, false
	}
	if old {
		m.keep(hash, v)
	}
	return v.claims, true
}

// put remembers the claims, verified at now, until then at the latest.
func (m *remembered) put(hash [sha256.Size]byte, c Claims, now, until time.Time) {
	if limit := now.Add(rememberFor); until.After(limit) {
		until = limit
	}
	m.keep(hash, verified{c, until})
}

func (m *remembered) keep(hash [sha256.Size]byte, v verified) {
	if m.half == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.young[hash]; !there && len(m.young) >= m.half {
		m.old, m.young = m.young, make(map[[sha256.Size]byte]verified)
	}
	m.young[hash] = v
}
