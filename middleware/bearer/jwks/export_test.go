package jwks

import "time"

// SetNow makes the Set read another clock.
func (s *Set) SetNow(now func() time.Time) { s.now = now }

// Wait returns when no fetch is under way.
func (s *Set) Wait() {
	s.mu.Lock()
	f := s.running
	s.mu.Unlock()
	if f != nil {
		<-f.done
	}
}
