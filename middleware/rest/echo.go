package rest

import (
	"context"
	"errors"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// InitialUpdate is Resolver.Update for the values that a client of the interface sends when its
// session begins, such as the parameters of a login. Such a client sends all values that it knows,
// also those that everybody gets, and these are no choices: a customer's profile must still count.
//
// The fields of p are decided in the order site, country, currency, language. A site that the
// session shows anyway leaves the field alone. So does a value that the session shows, with the
// site and the country that p sets, without a choice of its field. Every other value becomes a
// choice, and is judged as by Resolver.Update. A patch that sets one of currency, country and
// language alone, and changes no site, makes the value a choice, also where the session shows it by
// default. Clear clears in every case.
//
// The errors are those of Resolver.Update, and a *sessionctx.ConflictError for a session that
// others keep on changing.
func InitialUpdate(ctx context.Context, r *sessionctx.Resolver, req sessionctx.Request, p sessionctx.Patch) (sessionctx.Session, error) {
	e := echo{ctx: ctx, resolver: r, req: req, sent: p, unseen: true}
	return e.update(func(p sessionctx.Patch) (sessionctx.Session, error) {
		return r.Update(ctx, req, p)
	})
}

// echo is one write of values that a client may have been shown: it reads a context, changes one
// value and sends all of them back. The fields are decided in the order site, country, currency,
// language. The first rule that holds counts:
//
//   - A value that the session shows now leaves the field alone.
//   - If the write changes the site or the country, and the session would then show the value
//     without a choice of the field, the choice is removed.
//   - Every other value becomes a choice, and is judged.
//
// A write that sets one of currency, country and language alone, and changes no site, makes the
// value a choice, also where the session shows it by default. Clear clears in every case.
//
// "Now" is the state that the base of the patch names: if a field that the patch names has changed
// since, the error is a *sessionctx.ConflictError.
type echo struct {
	ctx      context.Context
	resolver *sessionctx.Resolver
	req      sessionctx.Request
	sent     sessionctx.Patch
	// unseen: the client was not shown the session. What a session shows before the write moves it
	// to another site is then no echo.
	unseen bool
}

// changes returns the changes of a patch, indexed by defaults.Field.
func changes(p *sessionctx.Patch) [defaults.NumFields]*sessionctx.Change {
	return [...]*sessionctx.Change{
		defaults.FieldSite: &p.Site, defaults.FieldCurrency: &p.Currency,
		defaults.FieldCountry: &p.Country, defaults.FieldLanguage: &p.Language,
	}
}

// value returns what a change sets; sets is false for a change that clears and for none.
func value(c *sessionctx.Change) (value string, sets bool) {
	value, _ = c.Value()
	return value, value != ""
}

// shown returns what a session shows.
func shown(s *sessionctx.Session, f defaults.Field) string {
	return [...]string{
		defaults.FieldSite: s.Site, defaults.FieldCurrency: s.Currency,
		defaults.FieldCountry: s.Country, defaults.FieldLanguage: s.Language,
	}[f]
}

// shows reports whether a session shows the value, in whatever spelling it was sent.
func shows(s *sessionctx.Session, f defaults.Field, value string) bool {
	return canonical(f, value) == canonical(f, shown(s, f))
}

// alike reports whether two sessions are in the same state, for all that a decision depends on.
func alike(a, b *sessionctx.Session) bool {
	return a.Revision() == b.Revision() && a.CustomerID == b.CustomerID &&
		shown(a, defaults.FieldSite) == shown(b, defaults.FieldSite) &&
		shown(a, defaults.FieldCurrency) == shown(b, defaults.FieldCurrency) &&
		shown(a, defaults.FieldCountry) == shown(b, defaults.FieldCountry) &&
		shown(a, defaults.FieldLanguage) == shown(b, defaults.FieldLanguage)
}

// errChanged says that a write was decided for another state of the session than the present one.
var errChanged = errors.New("rest: the session has changed")

// echoTries bounds how often a write is decided. Each try that fails means that another write, or
// new data of the shop, came between the decision and the write.
const echoTries = 16

// update decides the write and calls write with it.
//
// Only the write itself knows the present state for certain. So the write is decided for the state
// that a preview shows, and its own Require refuses any other state.
func (e *echo) update(write func(sessionctx.Patch) (sessionctx.Session, error)) (sessionctx.Session, error) {
	if e.plain() {
		return write(e.sent)
	}
	var now sessionctx.Session
	for range echoTries {
		var p sessionctx.Patch
		var err error
		if now, err = e.now(); err == nil {
			p, err = e.decide(&now)
		}
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return sessionctx.Session{}, err
		}
		p.Require = func(s sessionctx.Session) error {
			if e.sent.Require != nil {
				if err := e.sent.Require(s); err != nil {
					return err
				}
			}
			return e.unchanged(&now)(s)
		}
		s, err := write(p)
		if !errors.Is(err, errChanged) {
			return s, err
		}
	}
	return sessionctx.Session{}, &sessionctx.ConflictError{Revision: now.Revision()}
}

// plain reports whether the patch can be written as it is, whatever the session shows.
func (e *echo) plain() bool {
	_, site := value(&e.sent.Site)
	_, touchesSite := e.sent.Site.Value()
	n := e.values()
	return !site && (n == 0 || n == 1 && !touchesSite)
}

// values returns how many of currency, country and language are set.
func (e *echo) values() (n int) {
	for f, c := range changes(&e.sent) {
		if _, sets := value(c); sets && defaults.Field(f) != defaults.FieldSite {
			n++
		}
	}
	return n
}

// unchanged returns a Patch.Require that refuses any other state than now.
func (e *echo) unchanged(now *sessionctx.Session) func(sessionctx.Session) error {
	return func(s sessionctx.Session) error {
		if !alike(&s, now) {
			return errChanged
		}
		return nil
	}
}

// now returns the session as it is, read from the store. The error is a conflict if a field that
// was sent has changed since the base.
func (e *echo) now() (now sessionctx.Session, err error) {
	p := sessionctx.Patch{Base: e.sent.Base, Upsert: e.sent.Upsert}
	sent := changes(&e.sent)
	for f, c := range changes(&p) {
		if _, touched := sent[f].Value(); touched {
			*c = sessionctx.Clear() // is judged by version alone
		}
	}
	p.Require = func(s sessionctx.Session) error {
		now = s
		return nil
	}
	req := e.req
	req.Fresh = true // no compare-and-set follows that would notice an outdated record
	_, err = e.resolver.Preview(e.ctx, req, p)
	return now, err
}

// decide returns what the values mean over the state now.
func (e *echo) decide(now *sessionctx.Session) (sessionctx.Patch, error) {
	p := e.sent
	decided := changes(&p)
	// moves: the write changes the site or the country, and with them what the others are by
	// default.
	moves := false
	unseen := e.unseen || e.sent.Upsert && now.Revision() == sessionctx.Revision{}
	if site, sets := value(&e.sent.Site); sets && shows(now, defaults.FieldSite, site) {
		p.Site = sessionctx.Change{}
	} else if _, touched := e.sent.Site.Value(); touched {
		moves = sets || now.Source(defaults.FieldSite) == defaults.SourceChoice
	}
	if !moves && e.values() == 1 {
		return p, nil
	}
	for _, f := range [...]defaults.Field{defaults.FieldCountry, defaults.FieldCurrency, defaults.FieldLanguage} {
		v, sets := value(decided[f])
		_, touched := decided[f].Value()
		switch {
		case !touched:
			continue
		case !sets:
		case shows(now, f, v) && !(unseen && moves):
			*decided[f] = sessionctx.Change{}
			continue
		default:
			if err := e.checkMoved(now); err != nil {
				return p, err
			}
			if !moves {
				break
			}
			isDefault, err := e.isDefault(now, &p, f, v)
			if err != nil {
				return p, err
			}
			if isDefault {
				*decided[f] = sessionctx.Clear()
			}
		}
		if f == defaults.FieldCountry {
			_, sets = value(decided[f])
			moves = moves || sets || now.Source(f) == defaults.SourceChoice
		}
	}
	return p, nil
}

// isDefault reports whether the session would show v without a choice of the field, after the
// fields of p that are decided.
func (e *echo) isDefault(now *sessionctx.Session, p *sessionctx.Patch, f defaults.Field, v string) (bool, error) {
	without := sessionctx.Patch{Site: p.Site, Upsert: p.Upsert, Require: e.unchanged(now)}
	if f != defaults.FieldCountry {
		without.Country = p.Country
	}
	*changes(&without)[f] = sessionctx.Clear()
	preview, err := e.resolver.Preview(e.ctx, e.req, without)
	var invalid *defaults.Rejection
	if errors.As(err, &invalid) {
		return false, nil // the write itself names every value that is not valid
	}
	return err == nil && shows(&preview.Session, f, v), err
}

// checkMoved refuses a value that the session does not show now, if the site or the country has
// changed since the base: the value may be what the client was shown, and that cannot be told.
func (e *echo) checkMoved(now *sessionctx.Session) error {
	base := e.sent.Base
	if base == nil || base.Version == now.Version {
		return nil
	}
	_, err := e.resolver.Preview(e.ctx, e.req, sessionctx.Patch{
		Site: sessionctx.Clear(), Country: sessionctx.Clear(), Base: base, Upsert: e.sent.Upsert, Require: e.unchanged(now),
	})
	return err
}
