package linear

import "github.com/sessionctx/storefront/sessionctx"

// conflicts reports whether something that p touches has changed since the version that p is based on.
func (p *patch) conflicts(cur *record) bool {
	base := p.version
	if base == 0 || base == cur.version {
		return false
	}
	if base > cur.version {
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

// apply applies p to next, a copy of a record that has the next version already, and reports whether that is a write.
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

// adopt makes next the customer's, of a generation of any moment of the call until now.
func (s *state) adopt(c *call, r *reply, next *record, customer int) bool {
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

func (s *state) update(c *call, r *reply) *state {
	p := &c.patch
	rec := s.find(c.id)
	st, customer := s.stand(c, rec)
	cur, mint := &record{}, false
	switch {
	case st == live:
		cur = rec
	case c.proof == sessionctx.BySecret && (st == absent || p.zero()):
		mint = true
	case st != absent, c.proof == sessionctx.Management && !p.upsert, c.id == "" && !p.zero():
		return s.refused(r, notFound)
	}
	if p.match != (sessionctx.Revision{}) && p.match != cur.revision() {
		return s.refused(r, mismatch)
	}
	if p.conflicts(cur) {
		return s.same(r.fault == conflict && r.version == cur.version)
	}
	if r.fault != none {
		return nil
	}
	next := *cur
	next.version++
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
		return s.same(r.view.shows(cur, id, customer, b))
	}
	if c.kind == preview {
		if mint {
			return s.same(r.view.ID == "" && r.view.Version == 0 && r.view.Cart == "" && r.view.Customer == "" && r.view.resolves(&next, 0, s.now()))
		}
		return s.same(r.stamp(&next) && r.view.shows(&next, c.id, customer, s.now()))
	}
	if mint {
		if !s.fresh(r.view.ID) {
			return nil
		}
		next.id, next.secret = r.view.ID, true
	} else {
		next.id = c.id
	}
	if customer != cur.customer {
		if !s.adopt(c, r, &next, customer) {
			return nil
		}
	} else if r.generation != next.generation {
		return nil
	}
	if !r.stamp(&next) || !r.view.shows(&next, next.id, customer, c.during(r)) {
		return nil
	}
	return s.with(&next)
}

func (s *state) login(c *call, r *reply) *state {
	as := *c
	as.customer = c.to
	rec := s.find(c.id)
	st, _ := s.stand(&as, rec)
	if st != live && st != absent || c.customer != 0 && c.customer != c.to {
		return s.refused(r, notFound)
	}
	if r.fault != none {
		return nil
	}
	next := record{id: c.id}
	if st == live {
		next = *rec
	}
	next.version++
	if next.customer != c.to {
		if !s.adopt(c, r, &next, c.to) {
			return nil
		}
	} else if r.generation != next.generation {
		return nil
	}
	if !r.stamp(&next) || !r.view.shows(&next, c.id, c.to, c.during(r)) {
		return nil
	}
	return s.with(&next)
}

func (s *state) loginBySecret(c *call, r *reply) *state {
	if r.fault != none || !s.fresh(r.view.ID) || r.view.Version < 1 {
		return nil
	}
	next := record{id: r.view.ID, secret: true, version: r.view.Version}
	if !s.adopt(c, r, &next, c.to) || !r.stamp(&next) {
		return nil
	}
	old := s.find(c.id)
	var left *record
	switch {
	case old == nil || !old.secret: // unknown
		if r.ended {
			return nil
		}
	case old.ended:
		if r.ended {
			return nil
		}
		if old.customer == 0 || old.customer == c.to && old.generation == r.generation {
			next.carry(old, true)
		}
	default:
		own := old.customer == 0 || old.customer == c.to
		switch {
		case old.customer == c.to && r.ended != (old.generation == r.generation):
			return nil // one generation judges both
		case old.customer == 0 && !r.ended:
			return nil
		case !own && r.ended && c.ended[old.customer] > old.generation:
			return nil // it was dead before the call
		case !own && !r.ended && s.generations[old.customer] == old.generation:
			return nil // it was alive all the time
		}
		if !r.ended {
			break
		}
		next.carry(old, own)
		tomb := *old
		tomb.version++
		tomb.ended = true
		if !own {
			tomb.clear()
		}
		left = &tomb
	}
	if !r.view.shows(&next, next.id, c.to, c.during(r)) {
		return nil
	}
	if left != nil {
		return s.with(&next, left)
	}
	return s.with(&next)
}

// carry gives the first version of a record what it takes along: the choices, or all.
func (r *record) carry(old *record, all bool) {
	r.currency, r.country = old.currency, old.country
	if all {
		r.cart = old.cart
		r.attributes = old.attributes
	}
	for i, v := range [...]string{r.currency, r.country, r.cart} {
		if v != "" {
			r.changed[i] = r.version
		}
	}
	for i := range r.attributes {
		if r.attributes[i].value != "" {
			r.attributes[i].changed = r.version
		}
	}
}

// clear makes a tombstone of r that remembers nothing.
func (r *record) clear() {
	*r = record{id: r.id, secret: r.secret, ended: true, version: r.version, incarnation: r.incarnation}
}

func (s *state) end(c *call, r *reply) *state {
	rec := s.find(c.id)
	st, _ := s.stand(c, rec)
	if c.id == "" {
		st = ended
	}
	was := &record{}
	next := s
	switch {
	case st == live:
		was = rec
		tomb := *rec
		tomb.version++
		tomb.clear()
		next = s.with(&tomb)
	case st == absent && c.proof == sessionctx.Asserted:
		next = s.with(&record{id: c.id, ended: true, version: 1})
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
	heir := record{id: r.view.ID, secret: true, version: 1}
	heir.carry(&record{currency: was.currency, country: was.country}, false)
	if !r.stamp(&heir) || !r.view.shows(&heir, heir.id, 0, c.during(r)) {
		return nil
	}
	return next.with(&heir)
}
