package directory

// Len returns the number of keys in the table.
func (c *Cache[K, V]) Len() (n int) {
	for i := range c.shards {
		c.shards[i].mu.RLock()
		n += len(c.shards[i].entries)
		c.shards[i].mu.RUnlock()
	}
	return n
}

// Groups returns the number of groups.
func (c *Cache[K, V]) Groups() int {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	return len(c.groups.byName)
}
