package redisstore

// The bounds of calls in flight, for tests.
const (
	MaxLoads = maxLoads
	MaxSaves = maxSaves
)

// Loading returns the number of loads in flight.
func (s *Store) Loading() int { return len(s.loads) }

// Saving returns the number of saves in flight.
func (s *Store) Saving() int { return len(s.saves) }
