package linear

import (
	"hash/fnv"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/sessionctx/storefront/sessionctx"
)

// record is what the model knows of a session. It is comparable, and immutable once it is in a state.
type record struct {
	id                         string
	secret, ended              bool
	customer                   int
	generation                 int64
	incarnation                uint64
	version, created, modified int64
	currency, country, cart    string
	attributes                 [len(attributeNames)]attribute
	changed                    [numFields]int64
	removed                    int64
}

type attribute struct {
	value   string
	changed int64
}

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
	Equal: func(a, b any) bool { return a.(*state).equal(b.(*state)) },
	Hash:  func(s any) uint64 { return s.(*state).hash() },
}

func (s *state) equal(o *state) bool {
	return s.generations == o.generations && s.topics == o.topics &&
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
		b[i].lo, b[i].hi = c.invalidated[i], r.latest[i]
	}
	return b
}

// standing is what a record is to an identity.
type standing uint8

const (
	absent standing = iota
	live
	ended
	foreign
)

// stand applies the rules of ownership, and says whose the session is to the identity. A nil rec is none.
func (s *state) stand(c *call, rec *record) (standing, int) {
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
	st, customer := s.stand(c, rec)
	switch {
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
