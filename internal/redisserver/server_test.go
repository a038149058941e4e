package redisserver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/redisserver"
)

func TestRestart_KeepsAcknowledgedWrites(t *testing.T) {
	s := redisserver.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	assert.Equal(t, "OK", s.Do(t, "SET", "k", "v"))
	s.Kill()
	s.Restart(t)
	assert.Equal(t, "v", s.Do(t, "GET", "k"))
}

func TestStart_ServersAreSeparate(t *testing.T) {
	a, b := redisserver.Start(t), redisserver.Start(t)
	a.Do(t, "SET", "k", "v")
	assert.NotEqual(t, a.Addr(), b.Addr())
	assert.Empty(t, b.Do(t, "GET", "k"))
}
