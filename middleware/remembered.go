package middleware

import (
	"strings"
	"sync"
	"time"
)

// rememberFor bounds how long a token is believed after its key was withdrawn.
const rememberFor = 5 * time.Minute

// remembered are the claims of tokens that were verified, by the tokens' fingerprints. It holds two generations: when the
// young one is full it becomes the old one, and what was not asked for meanwhile is dropped with its predecessor.
// So memory is bounded without a list of uses to keep under a lock.
type remembered struct {
	mu         sync.RWMutex
	young, old map[fingerprint]verified
	half       int
}

type verified struct {
	claims Claims
	until  time.Time
}

// newRemembered returns a memory for n tokens, none or at least 2.
func newRemembered(n int) *remembered {
	return &remembered{half: n / 2, young: make(map[fingerprint]verified)}
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
	if !ok || !now.Before(v.until) {
		return Claims{}, false
	}
	if old {
		m.keep(token, v)
	}
	return v.claims, true
}

// put remembers the claims, verified at now, until then at the latest.
func (m *remembered) put(token fingerprint, c Claims, now, until time.Time) {
	if limit := now.Add(rememberFor); until.After(limit) {
		until = limit
	}
	m.keep(token, verified{packed(c), until})
}

// packed returns c with its texts in one piece of memory: who comes back has them read from afar, each piece by itself.
func packed(c Claims) Claims {
	id := &c.Identity
	texts := [...]*string{&id.SessionID, &id.CustomerID, &id.Tenant, &c.Scopes}
	var all strings.Builder
	for _, t := range texts {
		all.WriteString(*t)
	}
	rest := all.String()
	for _, t := range texts {
		*t, rest = rest[:len(*t)], rest[len(*t):]
	}
	return c
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
