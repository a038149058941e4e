package redisstore

import "time"

// Stats are what an operator asks of a Store: counters since New, and its present state.
type Stats struct {
	// Connected says that the invalidation connection stands. Without it nothing is answered from a
	// cache.
	Connected bool
	// Unusable is why all calls fail at once: the server was not connected yet (Config.LazyConnect),
	// must not be used, or the Store is closed. It is nil while calls are sent to the server, also if
	// the server does not answer them.
	Unusable error
	// LastHeartbeat is when the last question was sent on the invalidation connection that the server
	// has answered in full. While all is well it is less than Config.Lease ago. Zero: none was
	// answered, or the Store is closed.
	LastHeartbeat time.Time
	// Reconnects counts how often the invalidation connection was made again after it was lost.
	Reconnects int64
	// DataConnections counts the attempts to connect for data, the first one included.
	DataConnections int64
	// Invalidations counts the keys that the server has reported as changed, by this process or
	// another one.
	Invalidations int64
	// InvalidatedAll counts how often everything was invalidated: the invalidation connection was
	// made again, the server was flushed, or it may have been.
	InvalidatedAll int64
	// Loads and Saves are the calls in flight, 0 to 256 each. A call that its caller has left is in
	// flight until the server answers or the connection is given up. At 256 others wait.
	Loads, Saves int
}

// Stats returns the counters and the state. It asks the server nothing. It is safe for concurrent
// use by multiple goroutines, also after Close.
func (s *Store) Stats() Stats {
	st := Stats{
		Connected: s.connected.Load(), Reconnects: s.reconnects.Load(), DataConnections: s.dials.Load(),
		Loads: len(s.loads), Saves: len(s.saves),
	}
	if err := s.unusable.Load(); err != nil {
		st.Unusable = *err
	}
	s.sinks.mu.Lock()
	defer s.sinks.mu.Unlock()
	st.Invalidations, st.InvalidatedAll = s.sinks.invalidations, s.sinks.invalidatedAll
	if !s.sinks.lease.IsZero() {
		st.LastHeartbeat = s.sinks.lease.Add(-s.cfg.Lease)
	}
	return st
}
