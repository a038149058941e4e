//go:build !unix

package redisserver

import "testing"

// Freeze skips the test: a process cannot be stopped without ending it here.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	t.Skip("NOT TESTED: a process cannot be frozen on this system")
}

// Thaw does nothing: Freeze has skipped the test.
func (s *Server) Thaw(testing.TB) {}
