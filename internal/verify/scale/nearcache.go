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

// outcome is what a request found.
type outcome struct {
	warm, hit, generation bool // generation: it was there, or was not needed
	gets                  int
}

// read serves a request as sessionctx.Resolver.Resolve does.
func (n *nearCache) read(s *session) (o outcome) {
	self := item{id: s.id}
	if r := n.get(self); r != nil && r.word == n.words[s.stripe] && r.epoch == n.epoch && r.sitesWord == n.words[s.sites] &&
		(!s.owned || r.ownersWord == n.words[s.customer]) {
		return outcome{warm: true, hit: true, generation: true}
	}
	if o.hit = n.usable(self, s.stripe); !o.hit {
		o.gets++
		n.fill(self, s.stripe)
	}
	if o.generation = true; s.owned {
		owner := item{s.id, true}
		if o.generation = n.usable(owner, s.customer); !o.generation {
			o.gets++
			n.fill(owner, s.customer)
		}
	}
	if r := n.get(self); r != nil {
		r.sitesWord, r.ownersWord = n.words[s.sites], n.words[s.customer]
	}
	return o
}
