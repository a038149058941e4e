package redisstore

// MaxLoads is for tests.
const MaxLoads = maxLoads

// Loading returns how many loads are under way.
func (s *Store) Loading() int { return len(s.loads) }
