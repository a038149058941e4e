//go:build unix

package redisserver

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Freeze stops the process without ending it: it accepts connections, and answers nothing.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	require.NoError(t, s.process.Signal(syscall.SIGSTOP))
}

// Thaw continues a frozen process.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	require.NoError(t, s.process.Signal(syscall.SIGCONT))
}
