package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// shopper is one person, with one session at a time. Nobody else writes it.
type shopper struct {
	*world
	name   string
	serial int
	now    session
	ended  []session // the newest ones
}

// session is what its shopper knows of it.
type session struct {
	sessionctx.Identity
	since int64                         // flushes when it began
	seen  map[int64]sessionctx.Revision // the newest revision that a Resolver has shown, by its serial
	lives map[uint64]bool               // incarnations
	dead  struct {
		at      time.Time
		flushes int64
		byEnd   bool
		in      int64 // the Resolver's serial
	} // once it has ended
}

func (s *session) request(fresh bool) sessionctx.Request {
	return sessionctx.Request{Identity: s.Identity, Fresh: fresh}
}

// begin takes a new session, of a token or of a cookie.
func (c *shopper) begin() {
	c.serial++
	c.take(sessionctx.Identity{Tenant: tenant, SessionID: fmt.Sprintf("%s-%d", c.name, c.serial), Proof: sessionctx.Asserted})
	if rand.IntN(8) == 0 { // not too many: the tombstones of cookies stay for an hour
		c.now.Proof, c.now.SessionID = sessionctx.BySecret, ""
	}
}

func (c *shopper) take(id sessionctx.Identity) {
	c.now = session{Identity: id, since: c.flushes.Load(), seen: make(map[int64]sessionctx.Revision), lives: make(map[uint64]bool)}
}

// bury keeps a session of which the shopper knows that it has ended.
func (c *shopper) bury(s session, serial, flushes int64, byEnd bool) {
	if s.SessionID == "" {
		return
	}
	s.dead.at, s.dead.flushes, s.dead.byEnd, s.dead.in = time.Now(), flushes, byEnd, serial
	if c.ended = append(c.ended, s); len(c.ended) > 32 {
		c.ended = slices.Delete(c.ended, 0, 1)
	}
}

func (c *shopper) customer() string { return "C-" + c.name }

// live does one thing after the other until ctx ends.
func (c *shopper) live(ctx context.Context) {
	c.begin()
	for ctx.Err() == nil {
		p := &c.places[rand.IntN(numResolvers)]
		p.mu.RLock()
		c.act(ctx, p.resolver, p.serial)
		p.mu.RUnlock()
		select {
		case <-time.After(rand.N(4 * time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// act does one of a thousand things; most of them are reads.
func (c *shopper) act(ctx context.Context, r *sessionctx.Resolver, serial int64) {
	n := rand.IntN(1000)
	less := func(part int) bool { n -= part; return n < 0 }
	switch {
	case less(600):
		c.read(ctx, r, serial, false)
	case less(50):
		c.read(ctx, r, serial, true)
	case less(200):
		c.write(ctx, r, serial)
	case less(20):
		c.login(ctx, r, serial)
	case less(10):
		c.logout(ctx, r, serial)
	case less(4):
		c.endAll(ctx, r, serial)
	case less(6):
		c.tally.left.Add(1) // and let it expire
		c.begin()
	case len(c.ended) > 0:
		c.comeBackLate(ctx, r, serial)
	}
}

// refused takes an answer that the session is not there. A store that is shared may be behind after
// an EndAll, and a flush takes all.
func (c *shopper) refused(op string, err error) {
	if c.exclusive {
		c.violation("%s of %s's live session: %v", op, c.name, err)
	}
	c.begin()
}

// failed takes an error of a write. What became of it is not known.
func (c *shopper) failed(ctx context.Context, op string, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, sessionctx.ErrUnavailable), errors.Is(err, sessionctx.ErrUnknownOutcome):
		c.tally.failed.Add(1)
		if c.exclusive {
			c.violation("%s: %v", op, err)
		}
	case errors.Is(err, sessionctx.ErrNotFound):
		c.refused(op, err)
		return
	default:
		c.violation("%s: %v", op, err)
	}
	c.begin()
}

// look checks an answer about the present session.
func (c *shopper) look(s sessionctx.Session, serial int64, plain bool) {
	if s.Degraded {
		c.tally.degraded.Add(1)
		return
	}
	if !slices.Contains(currencies, s.Currency) || s.Site != "main" || s.Tenant != tenant {
		c.violation("%s sees an impossible session: %v", c.name, s)
	}
	if s.Version <= 0 {
		return
	}
	mark, marked := s.Attribute("owner")
	if s.ID != c.now.SessionID || marked && string(mark) != `"`+c.name+`"` || s.CartID != "" && !strings.HasPrefix(s.CartID, c.name+" ") ||
		s.CustomerID != "" && s.CustomerID != c.customer() {
		c.violation("a foreign answer: %s sees session %s of %q, cart %q, owner %s", c.name, s.ID, s.CustomerID, s.CartID, mark)
	}
	rev := s.Revision()
	c.now.lives[rev.Incarnation] = true
	if !plain {
		return // the near-cache may be behind what was read from the store
	}
	if was := c.now.seen[serial]; was.Incarnation == rev.Incarnation && rev.Version < was.Version {
		c.violation("a version went back: %s saw %v, and then %v, in one Resolver", c.name, was, rev)
	}
	c.now.seen[serial] = rev
}

func (c *shopper) read(ctx context.Context, r *sessionctx.Resolver, serial int64, fresh bool) {
	s, err := r.Resolve(ctx, c.now.request(fresh))
	switch {
	case ctx.Err() != nil:
	case err == nil:
		if fresh {
			c.tally.fresh.Add(1)
		} else {
			c.tally.reads.Add(1)
		}
		c.look(s, serial, !fresh)
	case errors.Is(err, sessionctx.ErrNotFound):
		c.refused("a read", err)
	case errors.Is(err, sessionctx.ErrUnavailable) && fresh && !c.exclusive:
		c.tally.failed.Add(1)
	default:
		c.violation("a read: %v", err)
	}
}

func (c *shopper) write(ctx context.Context, r *sessionctx.Resolver, serial int64) {
	owner, _ := json.Marshal(c.name)
	c.serial++
	cart := fmt.Sprint(c.name, " ", c.serial)
	p := sessionctx.Patch{CartID: sessionctx.Set(cart), Attributes: map[string]json.RawMessage{"owner": owner}}
	if rand.IntN(2) == 0 {
		p.Currency = sessionctx.Set(currencies[rand.IntN(4)])
	}
	s, err := r.Update(ctx, c.now.request(false), p)
	if err != nil {
		c.failed(ctx, "a write", err)
		return
	}
	c.tally.writes.Add(1)
	if s.ID != c.now.SessionID { // a cookie's first write, or the first after its record was gone
		if c.now.Proof != sessionctx.BySecret {
			c.violation("a token's session got another id")
		}
		id := c.now.Identity
		id.SessionID = s.ID
		c.take(id)
	}
	if s.CartID != cart {
		c.violation("%s wrote cart %q and got %q", c.name, cart, s.CartID)
	}
	c.look(s, serial, true)
}

func (c *shopper) login(ctx context.Context, r *sessionctx.Resolver, serial int64) {
	old, flushes := c.now, c.flushes.Load()
	var oldLives bool
	s, err := r.Login(context.WithValue(ctx, oldLivesKey{}, &oldLives), c.now.request(false), c.customer())
	if err != nil {
		c.failed(ctx, "a login", err)
		return
	}
	c.tally.logins.Add(1)
	if s.ID != old.SessionID {
		id := old.Identity
		id.SessionID = s.ID
		c.take(id)
		if oldLives {
			c.tally.notEnded.Add(1)
		} else {
			c.bury(old, serial, flushes, true)
		}
	}
	if c.now.Proof == sessionctx.Asserted {
		c.now.CustomerID = c.customer()
	}
	c.look(s, serial, true)
}

func (c *shopper) logout(ctx context.Context, r *sessionctx.Resolver, serial int64) {
	old, flushes := c.now, c.flushes.Load()
	s, err := r.Logout(ctx, old.request(false))
	if err != nil {
		c.failed(ctx, "a logout", err)
		return
	}
	c.tally.logouts.Add(1)
	c.begin()
	if s.ID != "" {
		c.take(sessionctx.Identity{Tenant: tenant, SessionID: s.ID, Proof: sessionctx.BySecret})
	}
	c.bury(old, serial, flushes, true)
}

func (c *shopper) endAll(ctx context.Context, r *sessionctx.Resolver, serial int64) {
	old, flushes := c.now, c.flushes.Load()
	if err := r.EndAll(ctx, tenant, c.customer()); err != nil {
		c.failed(ctx, "the end of all sessions", err)
		return
	}
	c.tally.endAlls.Add(1)
	c.begin()
	if old.CustomerID != "" {
		c.bury(old, serial, flushes, false)
	}
}

// comeBackLate asks for, or writes, a session that has ended: the browser's back button, a job that
// was slow.
func (c *shopper) comeBackLate(ctx context.Context, r *sessionctx.Resolver, serial int64) {
	s := &c.ended[rand.IntN(len(c.ended))]
	c.tally.late.Add(1)
	if rand.IntN(2) == 0 {
		fresh := true
		if (c.exclusive || serial == s.dead.in) && rand.IntN(2) == 0 {
			fresh = false // a Resolver is never behind itself, nor behind the others where no other process writes
		}
		got, err := r.Resolve(ctx, s.request(fresh))
		if err == nil && got.Version > 0 && s.lives[got.Revision().Incarnation] {
			c.violation("a revived session: %s sees session %s at %v %v after its end (alone: %v, in Resolver %d at flush %d; from the store: %v, in Resolver %d at flush %d)",
				c.name, got.ID, got.Revision(), time.Since(s.dead.at), s.dead.byEnd, s.dead.in, s.dead.flushes, fresh, serial, c.flushes.Load())
		}
		return
	}
	if s.Proof != sessionctx.BySecret && !s.dead.byEnd {
		return // its record may have expired, and then the token is as good as new: there is nothing to be late for
	}
	got, err := r.Update(ctx, s.request(false), sessionctx.Patch{CartID: sessionctx.Set("late")})
	switch {
	case err != nil:
	case s.Proof == sessionctx.BySecret:
		if got.ID == s.SessionID {
			c.violation("a late write revived the session of a cookie")
		}
	case time.Since(s.dead.at) < tombstoneLife/2 && s.dead.flushes%2 == 0 && c.flushes.Load() == s.dead.flushes:
		c.violation("a late write revived the session of a token: %v", got.Revision())
	}
	if err == nil && got.ID == s.SessionID {
		c.ended = slices.DeleteFunc(c.ended, func(e session) bool { return e.SessionID == got.ID }) // what a flush made of it is no concern
	}
}
