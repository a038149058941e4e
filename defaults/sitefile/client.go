package sitefile

import "slices"

// Client is a client that may ask a token issuer for tokens (RFC 6749, section 2.1).
type Client struct {
	ID         string
	Public     bool     // cannot keep a secret, and proves none
	SecretHash string   // bcrypt; every client that is not public has one
	Scopes     []string // scope tokens, RFC 6749, section 3.3
}

// Client returns a client of a tenant. The copy is the caller's. It is safe for concurrent use
// by multiple goroutines.
func (f *Files) Client(tenant, clientID string) (Client, bool) {
	t := f.state.Load().tenants[tenant]
	if t == nil {
		return Client{}, false
	}
	c, ok := t.clients[clientID]
	c.Scopes = slices.Clone(c.Scopes)
	return c, ok
}
