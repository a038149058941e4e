package scale

import "container/list"

// item is what a simulated near-cache holds: an entry of a session, or of a customer's generation.
type item struct {
	id         uint64
	generation bool
}

// remembered is what an entry was loaded under.
type remembered struct {
	item
	stamp, customer, all uint64
}

// nearCache is the near-cache of one process: bounded, the least recently used entry is evicted first, and an entry is
// valid only under the stamps that it was loaded under.
type nearCache struct {
	room    int
	stamps  []uint64 // of the stripes that are simulated
	all     uint64   // how often all stamps were bumped
	entries map[item]*list.Element
	recent  *list.List
}

func newNearCache(room, stripes int) *nearCache {
	return &nearCache{room: max(room, 1), stamps: make([]uint64, stripes), entries: make(map[item]*list.Element), recent: list.New()}
}

// get returns what is remembered of i, good or not.
func (n *nearCache) get(i item) *remembered {
	e, ok := n.entries[i]
	if !ok {
		return nil
	}
	n.recent.MoveToFront(e)
	return e.Value.(*remembered)
}

// valid returns whether i is remembered and valid. customer is the stripe of the customer that it hangs on; negative: none.
func (n *nearCache) valid(i item, stripe, customer int) bool {
	r := n.get(i)
	return r != nil && r.stamp == n.stamps[stripe] && r.all == n.all && (customer < 0 || r.customer == n.stamps[customer])
}

// fill remembers i as it is now.
func (n *nearCache) fill(i item, stripe, customer int) {
	now := remembered{item: i, stamp: n.stamps[stripe], all: n.all}
	if customer >= 0 {
		now.customer = n.stamps[customer]
	}
	if r := n.get(i); r != nil {
		*r = now
		return
	}
	n.entries[i] = n.recent.PushFront(&now)
	for len(n.entries) > n.room {
		last := n.recent.Back()
		delete(n.entries, n.recent.Remove(last).(*remembered).item)
	}
}

// Outcome is what a request found.
type Outcome struct {
	Warm       bool // the whole answer
	Hit        bool // the session's record
	Generation bool // the customer's generation, or it was not needed
}

// read serves a request as sessionctx.Resolver.Resolve does.
func (n *nearCache) read(s *session) Outcome {
	self, customer := item{id: s.id}, -1
	if s.owned {
		customer = s.customer
	}
	if n.valid(self, s.stripe, customer) {
		return Outcome{Warm: true, Hit: true, Generation: true}
	}
	n.fill(self, s.stripe, customer)
	o := Outcome{Generation: true}
	if s.owned {
		generation := item{s.id, true}
		if o.Generation = n.valid(generation, s.customer, -1); !o.Generation {
			n.fill(generation, s.customer, -1)
		}
	}
	return o
}
