package linear

import "github.com/sessionctx/storefront/sessionctx"

// knows reports whether cur has had the revision that p is based on.
func (p *patch) knows(cur *record) bool {
	switch {
	case p.base == sessionctx.Revision{}: // that there was no record
		return true
	case !cur.exists(), p.base.Incarnation != 0 && p.base.Incarnation != cur.incarnation:
		return false
	}
	return p.base.Version >= cur.first && p.base.Version <= cur.version
}

// conflicts reports whether something that p touches has changed since the revision that p is based
// on.
func (p *patch) conflicts(cur *record) bool {
	base := p.base.Version
	switch {
	case !p.based:
		return false
	case !p.knows(cur):
		return true
	}
	for i, set := range p.set {
		if set && cur.changed[i] > base {
			return true
		}
	}
	for i, a := range cur.attributes {
		since := a.changed
		if a.value == "" {
			since = cur.removed
		}
		if p.touch[i] && since > base {
			return true
		}
		if p.replace && (a.value != "" && a.changed > base || cur.removed > base) {
			return true
		}
	}
	return false
}

// apply applies p to next, a copy of a record that has the next version already, and reports
// whether that is a write.
func (p *patch) apply(next *record) bool {
	write := p.set != [numFields]bool{}
	for i, target := range [...]*string{&next.currency, &next.country, &next.cart} {
		if p.set[i] {
			*target, next.changed[i] = p.value[i], next.version
		}
	}
	for i := range next.attributes {
		a := &next.attributes[i]
		switch {
		case p.touch[i] && p.attribute[i] != "":
			*a, write = attribute{p.attribute[i], next.version}, true
		case a.value != "" && (p.touch[i] || p.replace):
			*a, next.removed, write = attribute{}, next.version, true
		}
	}
	return write
}

// assign makes next the customer's, of a generation of any moment of the call until now. It keeps
// the generation of a record that is the customer's already.
func (s *state) assign(c *call, r *reply, next *record, customer int) bool {
	if next.customer == customer {
		return r.generation == next.generation
	}
	next.customer, next.generation = customer, r.generation
	return c.ended[customer] <= r.generation && r.generation <= s.generations[customer]
}

// stamp gives next what only the shop itself knows: incarnation and times.
func (r *reply) stamp(next *record) bool {
	if next.incarnation == 0 {
		next.incarnation, next.created = r.view.Incarnation, r.view.Created
	}
	next.modified = r.view.Modified
	return next.incarnation != 0 && next.created != 0 && next.modified >= next.created
}

// fresh reports whether id is a new one.
func (s *state) fresh(id string) bool { return id != "" && s.find(id) == nil }

// nextVersion makes next the next version of itself. Of a new record the shop alone knows the
// version.
func (r *reply) nextVersion(next *record) bool {
	if next.exists() {
		next.version++
		return true
	}
	next.first, next.version = r.view.Version, r.view.Version
	return next.first >= 1 && next.first < 1<<30
}

func (s *state) update(c *call, r *reply) *state {
	p := &c.patch
	rec := s.find(c.id)
	st, customer := s.check(c, rec)
	cur, mint := &record{}, false
	bySecret := c.proof == sessionctx.BySecret
	met := s // as it is after a write that has met a session which EndAll has ended
	if c.kind == update {
		met = s.meet(st, rec)
	}
	switch {
	case st == live:
		cur = rec
	case bySecret && (st == absent || p.zero() || st == ended && s.healed(c, r, rec)):
		mint = true
	case st != absent, c.proof == sessionctx.Management && !p.upsert, c.id == "" && !p.zero():
		return met.refused(r, notFound)
	}
	if p.match != (sessionctx.Revision{}) && p.match != cur.revision() {
		return met.refused(r, mismatch)
	}
	if p.conflicts(cur) {
		return met.same(r.fault == conflict && r.conflict == cur.revision())
	}
	if r.fault != none {
		return nil
	}
	next := *cur
	seen := r.nextVersion(&next)
	write := p.apply(&next) || p.upsert && c.proof == sessionctx.Management && !cur.exists()
	if !write {
		id := c.id
		if mint {
			id = ""
		}
		b := s.now()
		if c.kind == update {
			b = c.during(r)
		}
		return met.same(r.view.shows(cur, id, customer, b))
	}
	if c.kind == preview {
		if mint { // no record is named before the write is done
			next.version, next.incarnation, next.created, next.modified = 0, 0, 0, 0
			return s.same(r.view.shows(&next, "", 0, s.now()))
		}
		return s.same(seen && r.stamp(&next) && r.view.shows(&next, c.id, customer, s.now()))
	}
	if mint {
		if !s.fresh(r.view.ID) {
			return nil
		}
		next.id, next.secret = r.view.ID, true
	} else {
		next.id = c.id
	}
	if !seen || !s.assign(c, r, &next, customer) || !r.stamp(&next) || !r.view.shows(&next, next.id, customer, c.during(r)) {
		return nil
	}
	return met.with(&next)
}

// meet returns the state after a write has met a session that EndAll has ended. The session becomes
// a tombstone, a moment after the write was decided.
func (s *state) meet(st ownership, rec *record) *state {
	if st != ended || rec.ended || rec.met {
		return s
	}
	next := *rec
	next.met, next.end = true, s.endedAt(rec)
	return s.with(&next)
}

func (s *state) login(c *call, r *reply) *state {
	as := *c
	as.customer = c.to
	rec := s.find(c.id)
	st, _ := s.check(&as, rec)
	switch {
	case c.customer != 0 && c.customer != c.to:
		return s.refused(r, notFound)
	case st != live && st != absent:
		return s.meet(st, rec).refused(r, notFound)
	}
	if r.fault != none {
		return nil
	}
	next := record{id: c.id}
	if st == live {
		next = *rec
	}
	if !r.nextVersion(&next) || !s.assign(c, r, &next, c.to) || !r.stamp(&next) || !r.view.shows(&next, c.id, c.to, c.during(r)) {
		return nil
	}
	return s.with(&next)
}

// maxHeirs is how many tombstones a login follows.
const maxHeirs = 2

// heirOf returns the session that goes on in the place of a tombstone, nil if there is none for the
// customer.
func (s *state) heirOf(rec *record, customer int) *record {
	for range maxHeirs {
		if rec == nil || !rec.ended || rec.heirTo != customer {
			return nil
		}
		rec = s.find(rec.heir)
		if !rec.ended {
			if rec.customer != customer || rec.generation != s.generations[customer] {
				return nil
			}
			return rec
		}
	}
	return nil
}

func (s *state) loginBySecret(c *call, r *reply) *state {
	if r.fault != none {
		return nil
	}
	old := s.find(c.id)
	if heir := s.heirOf(old, c.to); heir != nil {
		return s.same(!r.heir && r.view.shows(heir, heir.id, c.to, c.during(r)))
	}
	if !s.fresh(r.view.ID) {
		return nil
	}
	dead := old == nil || !old.secret || old.ended
	switch {
	case dead && r.heir, !dead && !r.heir && !old.met:
		return nil
	case !r.heir:
		return s.goOn(c, r, record{}, record{})
	}
	left := old.tombstone(during(c, r))
	left.heir, left.heirTo = r.view.ID, c.to
	after := s.with(left)
	// Whether the old session was alive is judged at any moment of the call.
	switch {
	case old.customer == 0, old.customer == c.to && old.generation == r.generation: // one generation judges both
		return after.goOn(c, r, *old, record{})
	case old.customer == c.to:
		return after.goOn(c, r, record{}, record{})
	}
	if c.ended[old.customer] <= old.generation {
		if alive := after.goOn(c, r, record{}, *old); alive != nil {
			return alive
		}
	}
	if s.generations[old.customer] != old.generation {
		return after.goOn(c, r, record{}, record{})
	}
	return nil
}

// goOn returns the state with the session that a login by secret returns: it goes on from old, or
// is a new one with some choices.
func (s *state) goOn(c *call, r *reply, old, choices record) *state {
	next := old
	if !r.nextVersion(&next) {
		return nil
	}
	if !old.exists() {
		next.copyChoices(&choices)
	}
	next.id, next.secret = r.view.ID, true
	if !s.assign(c, r, &next, c.to) || !r.stamp(&next) || !r.view.shows(&next, next.id, c.to, c.during(r)) {
		return nil
	}
	return s.with(&next)
}

// copyChoices gives the choices of another record to a new one.
func (r *record) copyChoices(from *record) {
	r.currency, r.country = from.currency, from.country
	for i, v := range [...]string{r.currency, r.country} {
		if v != "" {
			r.changed[i] = r.version
		}
	}
}

func (s *state) end(c *call, r *reply) *state {
	rec := s.find(c.id)
	st, _ := s.check(c, rec)
	was := &record{}
	next := s
	switch {
	case c.id == "":
	case st == live:
		was, next = rec, s.with(rec.tombstone(during(c, r)))
	case st == ended && !rec.ended: // by EndAll
		next = s.with(rec.tombstone(s.endedAt(rec)))
	case st == absent && c.proof == sessionctx.Asserted:
		next = s.with((&record{id: c.id}).tombstone(during(c, r)))
	case st == foreign && rec.met && r.fault == none: // it is a tombstone by now
	case st == foreign, st == absent && c.proof == sessionctx.Management:
		return s.refused(r, notFound)
	}
	if r.fault != none {
		return nil
	}
	if c.kind == end {
		return next
	}
	if c.proof != sessionctx.BySecret || was.currency == "" && was.country == "" {
		return next.same(r.view.shows(&record{}, "", 0, c.during(r)))
	}
	if !s.fresh(r.view.ID) {
		return nil
	}
	successor := record{id: r.view.ID, secret: true}
	if !r.nextVersion(&successor) {
		return nil
	}
	successor.copyChoices(was)
	if !r.stamp(&successor) || !r.view.shows(&successor, successor.id, 0, c.during(r)) {
		return nil
	}
	return next.with(&successor)
}
