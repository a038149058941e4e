package linear

import (
	"hash/fnv"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/sessionctx/storefront/sessionctx"
)

// record is what the model knows of a session. It is comparable, and immutable once it is in a
// state.
type record struct {
	id                      string
	secret, ended           bool
	customer                int
	generation              int64
	incarnation             uint64
	first, version          int64
	created, modified       int64
	heir                    string // of a tombstone that a login has left
	heirTo                  int    // the customer who finds the heir
	end                     moment // of a tombstone, or of a session that was met
	met                     bool   // a write has met the session after EndAll: it becomes a tombstone
	currency, country, cart string
	attributes              [len(attributeNames)]attribute
	changed                 [numFields]int64
	removed                 int64
}

type attribute struct {
	value   string
	changed int64
}

// moment is a time that is known to the millisecond at best: it lies between two.
type moment struct{ lo, hi int64 }

// during returns the moment of a call.
func during(c *call, r *reply) moment { return moment{c.at, r.at} }

func (r *record) exists() bool { return r.version != 0 }

func (r *record) revision() sessionctx.Revision {
	return sessionctx.Revision{Incarnation: r.incarnation, Version: r.version}
}

// topic is one thing of the directory. While it is changing, its next version is in force too.
type topic struct {
	version  int
	changing bool
}

// state is one tenant, as a sequential shop would have it.
type state struct {
	records     []*record // by id
	generations [1 + numCustomers]int64
	ends        [1 + numCustomers]moment // of the last EndAll
	topics      [numTopics]topic
}

// model is the specification that porcupine searches with.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byTenant := make(map[string][]porcupine.Operation)
		for _, op := range history {
			tenant := op.Input.(*call).tenant
			byTenant[tenant] = append(byTenant[tenant], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byTenant {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return &state{} },
	Step: func(s, in, out any) (bool, any) {
		next := s.(*state).step(in.(*call), out.(*reply))
		return next != nil, next
	},
	DescribeOperation: func(in, out any) string { return in.(*call).describe(out.(*reply)) },
	Equal:             func(a, b any) bool { return a.(*state).equal(b.(*state)) },
	Hash:              func(s any) uint64 { return s.(*state).hash() },
}

func (s *state) equal(o *state) bool {
	return s.generations == o.generations && s.ends == o.ends && s.topics == o.topics &&
		slices.EqualFunc(s.records, o.records, func(a, b *record) bool { return a == b || *a == *b })
}

func (s *state) hash() uint64 {
	h := fnv.New64a()
	for _, r := range s.records {
		h.Write([]byte(r.id))
		h.Write([]byte{byte(r.version)})
	}
	for _, t := range s.topics {
		h.Write([]byte{byte(t.version)})
	}
	return h.Sum64()
}

func (s *state) find(id string) *record {
	if i, ok := s.search(id); ok {
		return s.records[i]
	}
	return nil
}

func (s *state) search(id string) (int, bool) {
	return slices.BinarySearchFunc(s.records, id, func(r *record, id string) int { return strings.Compare(r.id, id) })
}

// with returns the state in which these records are.
func (s *state) with(records ...*record) *state {
	next := *s
	next.records = slices.Clone(s.records)
	for _, r := range records {
		if i, ok := next.search(r.id); ok {
			next.records[i] = r
		} else {
			next.records = slices.Insert(next.records, i, r)
		}
	}
	return &next
}

// now returns the versions that are in force.
func (s *state) now() (b bounds) {
	for i, t := range s.topics {
		b[i].lo, b[i].hi = t.version, t.version
		if t.changing {
			b[i].hi++
		}
	}
	return b
}

// during returns the versions that a session may show that a write returned.
func (c *call) during(r *reply) (b bounds) {
	for i := range b {
		b[i].lo, b[i].hi = c.refreshed[i], r.latest[i]
	}
	return b
}

// ownership is what a record is to an identity.
type ownership uint8

const (
	absent ownership = iota
	live
	ended
	foreign
)

// check applies the rules of ownership, and says whose the session is to the identity. A nil rec is
// none.
func (s *state) check(c *call, rec *record) (ownership, int) {
	asserted := 0
	if c.proof == sessionctx.Asserted {
		asserted = c.customer
	}
	switch {
	case rec == nil, c.proof == sessionctx.BySecret && !rec.secret:
		return absent, asserted
	case c.proof == sessionctx.Asserted && rec.secret:
		return foreign, 0
	case rec.ended:
		return ended, 0
	case rec.customer == 0:
		return live, asserted
	case c.proof == sessionctx.Asserted && rec.customer != asserted:
		return foreign, 0
	case rec.generation != s.generations[rec.customer]:
		return ended, 0
	}
	return live, rec.customer
}

// endedAt returns when a session has ended that is ended.
func (s *state) endedAt(rec *record) moment {
	last := s.ends[rec.customer]
	switch {
	case rec.ended:
		return rec.end
	case rec.met: // it may be a tombstone, and then a later EndAll is nothing to it
		return moment{min(rec.end.lo, last.lo), max(rec.end.hi, last.hi)}
	}
	return last
}

// healAfter is for how many milliseconds a write with a dead cookie does not begin a new session.
const healAfter = 60_000

// healed reports whether the end of a session is so long ago that a write with its cookie begins a
// new one. Where the call lies around that time, the reply says so.
func (s *state) healed(c *call, r *reply, rec *record) bool {
	end := s.endedAt(rec)
	return c.at >= end.hi+healAfter || r.at >= end.lo+healAfter && r.fault != notFound
}

// tombstone returns what is left of a record.
func (r *record) tombstone(end moment) *record {
	return &record{id: r.id, secret: r.secret, ended: true, incarnation: r.incarnation, first: r.first, version: r.version + 1, end: end}
}

// step returns the state after c was answered by r, nil if no such answer can be given in s.
func (s *state) step(c *call, r *reply) *state {
	if r.fault == other {
		return nil
	}
	switch c.kind {
	case resolve:
		return s.resolve(c, r)
	case update, preview:
		return s.update(c, r)
	case login:
		if c.proof == sessionctx.BySecret {
			return s.loginBySecret(c, r)
		}
		return s.login(c, r)
	case end, logout:
		return s.end(c, r)
	}
	next := *s
	switch c.kind {
	case endAll:
		if r.fault != none {
			return nil
		}
		next.generations[c.to]++
		next.ends[c.to] = during(c, r)
	case changing:
		next.topics[c.to].changing = true
	case changed:
		next.topics[c.to] = topic{version: s.topics[c.to].version + 1}
	}
	return &next
}

// same returns s if ok.
func (s *state) same(ok bool) *state {
	if ok {
		return s
	}
	return nil
}

// refused returns s if r is the error f.
func (s *state) refused(r *reply, f fault) *state { return s.same(r.fault == f) }

func (s *state) resolve(c *call, r *reply) *state {
	rec := s.find(c.id)
	st, customer := s.check(c, rec)
	switch {
	case c.id != "" && !c.accepts(rec):
		return s.refused(r, notFound)
	case st == live:
		return s.same(r.fault == none && r.view.shows(rec, c.id, customer, s.now()))
	case c.proof == sessionctx.BySecret, st == absent && c.proof == sessionctx.Asserted:
		id := c.id
		if c.proof == sessionctx.BySecret {
			id = ""
		}
		return s.same(r.fault == none && r.view.shows(&record{}, id, customer, s.now()))
	}
	return s.refused(r, notFound)
}

// accepts reports whether a record, nil if there is none, is as new as c asks.
func (c *call) accepts(rec *record) bool {
	var have sessionctx.Revision
	if rec != nil {
		have = rec.revision()
	}
	least := c.atLeast
	return have.Version >= least.Version && (least.Incarnation == 0 || least.Incarnation == have.Incarnation)
}
