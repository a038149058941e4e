package directory

// Invalidate says that what is known about the key may be wrong. It starts a question. Get waits up
// to 100 ms for the new answer, and returns the old one then. Nothing happens if nothing is known
// about the key.
func (c *Cache[K, V]) Invalidate(key K) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil {
		return
	}
	e.invalidated = c.numbers.Add(1)
	a := e.answer(c.cfg.Now())
	if a != nil {
		a.invalidate()
	}
	if a != nil || len(e.questions) > 0 {
		// An error needs no answer: the next Get asks.
		_, _ = c.ask(c.ctx, e, e.invalidated)
	}
}

// InvalidateGroup does for all keys of the group what Invalidate does for one, except that the
// question about a key sets out when Get is next called: a group may have a million keys. It takes
// the same time for any number of keys.
func (c *Cache[K, V]) InvalidateGroup(name string) {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	if g := c.groups.byName[name]; g != nil {
		g.invalidated.Store(c.numbers.Add(1))
	}
}

// InvalidateAll does for every group what InvalidateGroup does for one.
func (c *Cache[K, V]) InvalidateAll() {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	number := c.numbers.Add(1)
	for _, g := range c.groups.byName {
		g.invalidated.Store(number)
	}
}

// changed tells Config.Changed that what was made of an older answer is out of date.
func (c *Cache[K, V]) changed(key K) {
	if c.cfg.Changed != nil {
		c.cfg.Changed(key)
	}
}

// Drop forgets the key. What was known about it is never served again, and neither are the answers
// to questions that are under way. The next Get asks again.
func (c *Cache[K, V]) Drop(key K) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[key]; e != nil {
		c.forget(s, e)
		c.changed(key)
	}
}

// DropHash is Drop for a caller who knows only the Config.Hash of the key. It is for the bounded
// form, and drops only an answer that boundedcache shows.
func (c *Cache[K, V]) DropHash(hash uint64) {
	if c.kept == nil {
		return
	}
	k, ok := c.kept.Get(hash)
	if !ok {
		k, ok = c.kept.Recent(hash)
	}
	if ok {
		k.drop()
	}
}
