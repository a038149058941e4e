package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/sessionctx/storefront/sessionctx"
)

// slot is a place for a session: its id changes when the session is ended or moves to another id.
type slot struct {
	mu       sync.Mutex
	id       string
	late     string // an id that was here before
	secret   bool
	customer int
	revision sessionctx.Revision // as last seen
	serial   int
}

// tenant is what the clients know of one.
type tenant struct {
	name  string
	slots []*slot
	ended [1 + numCustomers]atomic.Int64 // EndAlls that have returned, by customer
}

// client does one thing after the other.
type client struct {
	*run
	number  int
	rng     *rand.Rand
	history []porcupine.Operation
	serial  int
}

// pick returns the identity of some shopper's next call.
func (c *client) pick(t *tenant) (*slot, call) {
	s := t.slots[c.rng.IntN(len(t.slots))]
	s.mu.Lock()
	defer s.mu.Unlock()
	q := call{tenant: t.name, id: s.id, customer: s.customer, proof: sessionctx.Asserted}
	if s.secret {
		q.proof = sessionctx.BySecret
	}
	switch n := c.rng.IntN(100); {
	case n < 6:
		q.proof = sessionctx.Management
	case n < 14 && s.late != "":
		q.id = s.late
	case n < 16:
		q.id = "" // nobody yet
	case n < 17 && q.proof == sessionctx.BySecret:
		q.id = "planted"
	case n < 19: // a token that names a secret id, a cookie that names a token's
		q.proof = sessionctx.Asserted + sessionctx.BySecret - q.proof
	case n < 44:
		q.customer = c.rng.IntN(1 + numCustomers)
	}
	if q.proof != sessionctx.Asserted {
		q.customer = 0
	}
	return s, q
}

// patch returns some patch, perhaps based on what was seen of the slot.
func (c *client) patch(s *slot, q *call) (p patch) {
	c.serial++
	for range 1 + c.rng.IntN(2) {
		switch c.rng.IntN(7) {
		case 0:
			p.set[currency] = true
			p.value[currency] = chosenCurrencies[c.rng.IntN(len(chosenCurrencies))]
		case 1:
			p.set[country] = true
			p.value[country] = chosenCountries[c.rng.IntN(len(chosenCountries))]
		case 2:
			p.set[c.rng.IntN(2)] = true // back to the default
		case 3, 4:
			p.set[cart] = true
			p.value[cart] = fmt.Sprintf("cart-%d-%d", c.number, c.serial)
		case 5:
			i := c.rng.IntN(len(attributeNames))
			p.touch[i] = true
			p.attribute[i] = fmt.Sprintf("%d%03d", c.number+1, c.serial)
		case 6:
			i := c.rng.IntN(len(attributeNames))
			p.touch[i], p.attribute[i] = true, ""
		}
	}
	p.replace = c.rng.IntN(12) == 0
	p.upsert = q.proof == sessionctx.Management && c.rng.IntN(3) == 0
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := c.rng.IntN(20); {
	case n < 4: // perhaps that there was no record
		p.based, p.base = true, s.revision
	case n < 5:
		p.based, p.base.Version = true, s.revision.Version // of whatever incarnation
	case n < 7: // perhaps one that there never was
		p.based, p.base = true, s.revision
		p.base.Version--
	case n < 8:
		p.based = true
	case n < 10:
		p.match = s.revision
	}
	return p
}

// act does one thing.
func (c *client) act(ctx context.Context) {
	t := c.tenants[c.rng.IntN(len(c.tenants))]
	s, q := c.pick(t)
	switch n := c.rng.IntN(100); {
	case n < 45:
		q.kind = resolve
		s.mu.Lock()
		switch n := c.rng.IntN(20); {
		case n < 2:
			q.fresh = true
		case n < 4:
			q.atLeast = s.revision
		case n < 5:
			q.atLeast.Version = s.revision.Version
		}
		s.mu.Unlock()
	case n < 52:
		q.kind = preview
		if c.rng.IntN(2) == 0 {
			q.patch = c.patch(s, &q)
		}
	case n < 78:
		q.kind = update
		q.patch = c.patch(s, &q)
	case n < 86:
		q.kind, q.to = login, 1+c.rng.IntN(numCustomers)
		if q.proof == sessionctx.Management || q.proof == sessionctx.Asserted && q.id == "" {
			q.kind = resolve
		}
	case n < 88:
		q.kind = end
	case n < 90:
		q.kind = logout
	case n < 94:
		q.kind, q.to = endAll, 1+c.rng.IntN(numCustomers)
	default:
		if c.change(ctx, t.name, c.rng.IntN(numTopics)) {
			return
		}
		q.kind = resolve
	}
	c.do(ctx, t, s, &q)
}

// change changes something in the directory, and waits until every Resolver knows it: by Refresh,
// or by Invalidate in virtual time. In virtual time no answer of the Directory takes 100 ms, so
// Invalidate is as good.
func (c *client) change(ctx context.Context, tenant string, i int) bool {
	v := &c.shop.topic[tenant][i]
	if !v.busy.CompareAndSwap(false, true) {
		return false
	}
	defer v.busy.Store(false)
	if v.changed.Load() == int64(maxVersion) {
		return false
	}
	c.moment(&call{kind: changing, tenant: tenant, to: i})
	v.changed.Add(1)
	for _, r := range c.resolvers {
		c.pause()
		if c.Virtual && c.rng.IntN(2) == 0 {
			r.Invalidate(tenant, customers[i])
		} else if err := r.Refresh(ctx, tenant, customers[i]); err != nil {
			panic(err) // nothing fails here
		}
	}
	v.refreshed.Add(1)
	c.moment(&call{kind: changed, tenant: tenant, to: i})
	return true
}

// moment notes something that takes no time.
func (c *client) moment(q *call) {
	at := c.clock.Add(1)
	c.history = append(c.history, porcupine.Operation{ClientId: c.number, Input: q, Output: &reply{}, Call: at, Return: at})
}

// do makes the call and notes it.
func (c *client) do(ctx context.Context, t *tenant, s *slot, q *call) {
	for i := range q.ended {
		q.ended[i] = t.ended[i].Load()
	}
	topics := c.shop.topic[t.name]
	for i := range q.refreshed {
		q.refreshed[i] = int(topics[i].refreshed.Load())
	}
	q.at = time.Now().UnixMilli()
	var r reply
	ctx = withFootprint(ctx, &r.footprint)
	op := porcupine.Operation{ClientId: c.number, Input: q, Output: &r, Call: c.clock.Add(1)}
	got, err := c.call(ctx, q)
	op.Return = c.clock.Add(1)
	r.at = time.Now().UnixMilli()
	for i := range r.latest {
		r.latest[i] = int(topics[i].changed.Load())
	}
	var conflicting *sessionctx.ConflictError
	switch {
	case err == nil:
		r.view = viewOf(t.name, got)
	case errors.As(err, &conflicting):
		r.fault, r.conflict = conflict, conflicting.Revision
	case errors.Is(err, sessionctx.ErrNotFound):
		r.fault = notFound
	case errors.Is(err, errMatch{}):
		r.fault = mismatch
	default:
		r.fault, r.text = other, err.Error()
	}
	c.history = append(c.history, op)
	if err == nil {
		c.note(t, s, q, &r.view)
	}
}

func (c *client) call(ctx context.Context, q *call) (s sessionctx.Session, err error) {
	resolver := c.resolvers[c.rng.IntN(len(c.resolvers))]
	switch q.kind {
	case resolve:
		return resolver.Resolve(ctx, q.request())
	case preview:
		e, err := resolver.Preview(ctx, q.request(), q.patch.patch())
		return e.Session, err
	case update:
		return resolver.Update(ctx, q.request(), q.patch.patch())
	case login:
		return resolver.Login(ctx, q.request(), customers[q.to])
	case end:
		return s, resolver.End(ctx, q.request())
	case logout:
		return resolver.Logout(ctx, q.request())
	}
	return s, resolver.EndAll(ctx, q.tenant, customers[q.to])
}

// note remembers what the call has told of the slot.
func (c *client) note(t *tenant, s *slot, q *call, v *view) {
	if q.kind == endAll {
		t.ended[q.to].Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.id != s.id && !(s.id == "" && s.secret) {
		return
	}
	switch q.kind {
	case resolve:
		if v.ID == s.id {
			s.revision = sessionctx.Revision{Incarnation: v.Incarnation, Version: v.Version}
		}
	case update, login:
		if v.ID == "" || q.proof == sessionctx.BySecret && !s.secret {
			return // a session for nobody who comes back
		}
		if v.ID != s.id {
			s.late, s.id = s.id, v.ID
		}
		s.customer = customerNumber(v.Customer)
		s.revision = sessionctx.Revision{Incarnation: v.Incarnation, Version: v.Version}
	case end, logout:
		if q.proof == sessionctx.BySecret != s.secret {
			return
		}
		s.late, s.id, s.customer, s.revision = s.id, v.ID, 0, sessionctx.Revision{}
		if !s.secret {
			s.serial++
			s.id = fmt.Sprintf("%s-%d", s.late, s.serial)
		}
	}
}
