package scale

import "container/list"

// item is what a simulated near-cache holds: an entry of a session, or of a customer's generation.
type item struct {
	id         uint64
	generation bool
}

// remembered is what an entry was loaded under, and for a session what its memo was made under.
type remembered struct {
	item
	word, epoch           uint64
	memo                  bool
	sitesWord, ownersWord uint64
}

// nearCache is the near-cache of one process: bounded, the least recently used gives way, and nothing is believed that was
// not loaded under the words and the epoch of now.
type nearCache struct {
	room    int
	words   []uint64 // of the stripes that are simulated
	epoch   uint64
	entries map[item]*list.Element
	recent  *list.List
}

func newNearCache(room, stripes int) *nearCache {
	return &nearCache{room: max(room, 1), words: make([]uint64, stripes), entries: make(map[item]*list.Element), recent: list.New()}
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

// usable returns whether i is remembered and good.
func (n *nearCache) usable(i item, stripe int) bool {
	r := n.get(i)
	return r != nil && r.word == n.words[stripe] && r.epoch == n.epoch
}

// fill remembers i as it is now.
func (n *nearCache) fill(i item, stripe int) {
	if r := n.get(i); r != nil {
		r.word, r.epoch = n.words[stripe], n.epoch
		return
	}
	n.entries[i] = n.recent.PushFront(&remembered{item: i, word: n.words[stripe], epoch: n.epoch})
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
func (n *nearCache) read(s *session) (o Outcome) {
	self := item{id: s.id}
	old := n.get(self)
	if old != nil && old.memo && old.word == n.words[s.stripe] && old.epoch == n.epoch && old.sitesWord == n.words[s.sites] &&
		(!s.owned || old.ownersWord == n.words[s.customer]) {
		return Outcome{Warm: true, Hit: true, Generation: true}
	}
	if o.Hit = n.usable(self, s.stripe); !o.Hit {
		n.fill(self, s.stripe)
	}
	if o.Generation = true; s.owned {
		owner := item{s.id, true}
		if o.Generation = n.usable(owner, s.customer); !o.Generation {
			n.fill(owner, s.customer)
		}
	}
	if r := n.get(self); r != nil {
		r.memo, r.sitesWord, r.ownersWord = true, n.words[s.sites], n.words[s.customer]
	}
	return o
}
