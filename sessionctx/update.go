package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/redact"
)

// Update applies a patch and returns the session as it is then.
//
// A BySecret identity without a session, or with an id that is not known, gets a new session under a new random
// id: look at Session.ID. An asserted identity's first write creates its record. A patch that changes nothing writes nothing.
//
// Errors: what cannot be taken, either every *LimitError, joined, or once there is none every *defaults.Invalid, joined; ErrConflict; ErrNotFound for a session that
// has ended or is not this identity's; ErrUnavailable; ErrFull; and what Patch.Require returned. After each of
// them nothing was written, unless the error says that the outcome is unknown.
func (r *Resolver) Update(ctx context.Context, req Request, p Patch) (Session, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	if err := p.check(&r.cfg.Limits); err != nil {
		return Session{}, err
	}
	var c change
	decide := func(cur *Record) (Record, bool, error) {
		var err error
		c, err = r.change(ctx, &req, &p, cur)
		return c.next, c.write && !c.mint, err
	}
	if req.SessionID == "" {
		_, _, err = decide(&Record{})
	} else {
		_, _, err = r.commit(ctx, req.key(), customerStripe(r.near.words, req.Tenant, req.asserted()), decide)
	}
	if err == nil && c.write && c.mint {
		// A new id, whatever the old one was: nobody can plant an id of his own in another's browser.
		req.SessionID = newSecretID()
		c.mint = false
		err = r.create(ctx, req.key(), func(*Record) (Record, bool, error) { return c.next, true, nil })
	}
	if err != nil {
		return Session{}, err
	}
	s := r.compose(&req, &c.next, c.mint, c.st.customerID, &c.p)
	if c.write {
		r.vouch(c.st)
		r.committed(ctx, &req, &c.cur, s)
	}
	return s, nil
}

// Preview says what Update would do now, and why; the zero Patch explains the present. It writes nothing, and
// mints no id. Its errors are those of Update.
func (r *Resolver) Preview(ctx context.Context, req Request, p Patch) (Explanation, error) {
	leave, err := r.enter(&req)
	if err != nil {
		return Explanation{}, err
	}
	defer leave()
	if err := p.check(&r.cfg.Limits); err != nil {
		return Explanation{}, err
	}
	customer := customerStripe(r.near.words, req.Tenant, req.asserted())
	for try := 1; ; try++ {
		answers := r.dir.answers.Load()
		e := &entry{stripe: r.near.words.sites(req.Tenant), epoch: r.near.epoch.Load()}
		e.word = r.near.words.load(e.stripe)
		if req.SessionID != "" {
			if e, err = r.session(ctx, r.hash(&req), &req, customer); err != nil {
				return Explanation{}, unavailable(ctx, err)
			}
		}
		cur := e.record()
		c, err := r.change(ctx, &req, &p, &cur)
		if err != nil {
			return Explanation{}, err
		}
		settled, err := r.settled(ctx, e, c.st, &c.p, answers)
		if err != nil {
			return Explanation{}, unavailable(ctx, err)
		}
		if settled || try == resolveTries {
			_, rejected := c.p.table.Explain(r.input(&req, &c.next, c.st.customerID, &c.p))
			return Explanation{Session: r.compose(&req, &c.next, c.mint, c.st.customerID, &c.p), Rejected: rejected}, nil
		}
	}
}

// Explanation is a session, and for every value the candidates that were passed over before it.
type Explanation struct {
	Session  Session
	Rejected []defaults.Rejection
}

// enter lets a call other than Resolve in.
func (r *Resolver) enter(req *Request) (leave func(), err error) {
	if !r.gate.enter() {
		return nil, ErrClosed
	}
	if err := req.check(); err != nil {
		r.gate.leave()
		return nil, err
	}
	req.own()
	req.Hints = bounded(req.Hints)
	return r.gate.leave, nil
}

// change is what a patch makes of a record.
type change struct {
	cur, next Record
	write     bool // next differs from cur
	mint      bool // the session needs a new secret id
	st        standing
	p         surroundings
}

// change decides what p makes of cur. It writes nothing.
func (r *Resolver) change(ctx context.Context, req *Request, p *Patch, cur *Record) (c change, err error) {
	c.st, err = r.standToWrite(ctx, req, cur)
	if err != nil {
		return c, unavailable(ctx, err)
	}
	c.p, err = r.surroundings(ctx, req.Tenant, c.st)
	if err != nil {
		return c, err
	}
	switch {
	case c.st.state == live:
		c.cur = *cur
	case req.Proof == BySecret && (c.st.state == absent || p.zero()):
		c.mint = true
	case c.st.state != absent, req.Proof == Management && !p.Upsert:
		return c, ErrNotFound
	case req.SessionID == "" && !p.zero():
		return c, fmt.Errorf("%w: the identity names no session to write to", ErrNotFound)
	}
	if p.Require != nil {
		if err := p.Require(r.compose(req, &c.cur, c.mint, c.st.customerID, &c.p)); err != nil {
			return c, err
		}
	}
	if p.conflicts(&c.cur) {
		return c, &ConflictError{Version: c.cur.Version}
	}
	c.next = c.cur
	if c.write, err = r.apply(ctx, req, p, &c); err != nil || !c.write {
		c.next = c.cur
	}
	return c, err
}

// apply applies p to c.next and reports whether anything is to be written.
func (r *Resolver) apply(ctx context.Context, req *Request, p *Patch, c *change) (write bool, err error) {
	next := &c.next
	attributes, changed, removed := p.merge(next.Attributes, next.Version+1)
	write = p.touchesFields() || changed || removed || p.Upsert && req.Proof == Management && !next.Exists()
	if !write {
		return false, nil
	}
	if err := r.revise(next, req); err != nil {
		return false, err
	}
	if c.st.customerID != next.CustomerID {
		g, err := r.generation(ctx, req.Tenant, c.st.customerID, FreshRead) // as in login
		if err != nil {
			return false, unavailable(ctx, err)
		}
		c.st.anew = g
		r.adopt(next, c.st.customerID, g.more().generation(), c.p.profile)
	}
	next.Attributes = attributes
	if removed {
		next.RemovedAttributes = next.Version
	}
	var sent [defaults.NumFields]bool
	for f, ch := range p.fields() {
		if value, touched := ch.Value(); touched {
			sent[f] = true
			*choice(&next.Choices, defaults.Field(f)) = strings.Clone(value)
			next.Changed[f] = next.Version
		}
	}
	if value, touched := p.CartID.Value(); touched {
		setCart(next, strings.Clone(value))
	}
	if next.Choices, err = c.p.table.Check(r.input(req, next, c.st.customerID, &c.p), sent); err != nil {
		return false, err
	}
	r.renew(next)
	return true, r.cfg.Limits.checkRecord(next)
}

// revise makes next the next version of a record, or the first of a new one.
func (r *Resolver) revise(next *Record, req *Request) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	if !next.Exists() {
		*next = Record{Tenant: req.Tenant, Incarnation: randomNonZero(), Secret: req.Proof == BySecret, CreatedAt: now}
	}
	if next.Version == math.MaxInt64 {
		return fmt.Errorf("%w: the record has no more versions", ErrUnavailable)
	}
	next.Version++
	next.ModifiedAt = now
	return nil
}

// adopt makes next the record of a customer who has logged in.
func (r *Resolver) adopt(next *Record, customerID string, generation int64, profile *defaults.Customer) {
	next.CustomerID, next.Generation = customerID, generation
	if r.cfg.LoginPolicy != PreferProfile {
		return
	}
	choices, dropped := preferProfile(next.Choices, profile)
	next.Choices = choices
	for f, d := range dropped {
		if d {
			next.Changed[f] = next.Version
		}
	}
}

// preferProfile drops the choices for which the profile has a value, and says which.
func preferProfile(c defaults.Choices, profile *defaults.Customer) (kept defaults.Choices, dropped [defaults.NumFields]bool) {
	if profile == nil {
		return c, dropped
	}
	has := [defaults.NumFields]bool{
		defaults.FieldSite:     profile.Site != "",
		defaults.FieldCurrency: profile.Currency != "",
		defaults.FieldCountry:  slices.ContainsFunc(profile.Addresses, decidesCountry),
		defaults.FieldLanguage: profile.Language != "",
	}
	for f := range has {
		if v := choice(&c, defaults.Field(f)); has[f] && *v != "" {
			*v, dropped[f] = "", true
		}
	}
	return c, dropped
}

// choice returns the choice of a field.
func choice(c *defaults.Choices, f defaults.Field) *string {
	return [...]*string{&c.Site, &c.Currency, &c.Country, &c.Language}[f]
}

// decidesCountry reports whether an address takes part in deciding the country.
func decidesCountry(a defaults.Address) bool {
	return slices.ContainsFunc(a.Tags, func(tag string) bool {
		return strings.EqualFold(tag, "shipping") || strings.EqualFold(tag, "billing")
	})
}

// compose returns the session that a record is to req. With nobody it is nobody's: the record has no id yet, or none that is known.
func (r *Resolver) compose(req *Request, rec *Record, nobody bool, customerID string, p *surroundings) (s Session) {
	e := newEntry(req.key(), rec)
	values := p.table.Resolve(r.input(req, rec, customerID, p))
	e.remember(req, nobody || req.SessionID == "", customerID, values, p).session(req.SessionID, &s)
	return s
}

// committed tells the host what a write to the record before has changed.
func (r *Resolver) committed(ctx context.Context, req *Request, before *Record, after Session) {
	if r.cfg.OnChange == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			what := redact.Panic(p, req.SessionID, before.CustomerID, cartOf(before), after.ID, after.CustomerID, after.CartID)
			r.cfg.Logger.LogAttrs(ctx, slog.LevelError, "sessionctx: panic in Config.OnChange", slog.String("panic", what))
		}
	}()
	ctx = context.WithoutCancel(ctx) // the write is done, and the host must hear of it
	p, err := r.surroundings(ctx, req.Tenant, standing{customerID: before.CustomerID})
	if err != nil {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelError, "sessionctx: Config.OnChange not called", slog.Any("error", err))
		return
	}
	r.cfg.OnChange(ctx, Changed{Old: r.compose(req, before, !before.Exists(), before.CustomerID, &p), New: after})
}

// unavailable says that a read failed; the caller's own end, and what says more, is passed on as it is.
func unavailable(ctx context.Context, cause error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sessionctx: %w", err)
	}
	if errors.Is(cause, ErrUnavailable) || errors.Is(cause, ErrNotFound) || errors.Is(cause, ErrUnknownTenant) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, cause)
}
