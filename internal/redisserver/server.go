// Package redisserver runs a real redis-server for a test: a process of its own, on a free loopback
// port, in a folder of its own. It stops the process by its id. It is for tests only.
package redisserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Server is one redis-server. Its methods are for one goroutine.
type Server struct {
	port    int
	args    []string
	dir     string
	process *os.Process // nil: not running
	ended   chan struct{}
}

// Start starts a server that keeps nothing on disk and evicts nothing, unless args say otherwise.
// args are those of the command line of redis-server. The server ends with the test. If there is no
// redis-server the test is skipped; under REQUIRE_SERVERS=1 it fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	for _, program := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("REQUIRE_SERVERS") == "1" {
				t.Fatalf("REQUIRE_SERVERS=1, but there is no %s: %v", program, err)
			}
			t.Skipf("NOT TESTED: there is no %s (Debian's package redis-server): %v", program, err)
		}
	}
	dir, err := os.MkdirTemp("", "redis-server-")
	require.NoError(t, err)
	s := &Server{dir: dir, args: append([]string{"--save", ""}, args...)}
	t.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the folder of the server is not removed: %v", err)
		}
	})
	const tries = 10 // another process may take the port first
	for range tries {
		s.port = freePort(t)
		if err = s.run(t.Context()); err == nil {
			return s
		}
	}
	require.NoError(t, err, "redis-server does not start")
	return nil
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startTimeout is how long a server may take until it answers. It is long, because the server may
// have to load a large file.
const startTimeout = 30 * time.Second

// run starts the process and waits until it answers.
func (s *Server) run(ctx context.Context) error {
	var log bytes.Buffer
	cmd := exec.Command("redis-server", append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no",
	}, s.args...)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	s.process, s.ended = cmd.Process, ended
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		if out, err := s.cli(ctx, "PING"); err == nil && (out == "PONG" || strings.HasPrefix(out, "NOAUTH")) {
			return nil
		}
		select {
		case <-ended:
			s.process = nil
			return fmt.Errorf("redis-server has exited:\n%s", log.String())
		case <-ctx.Done():
			s.Kill()
			return fmt.Errorf("redis-server does not answer within %v:\n%s", startTimeout, log.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Addr returns where the server listens, as host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Dir returns the folder of the server. Kill does not remove it.
func (s *Server) Dir() string { return s.dir }

// Kill kills the process with SIGKILL, if it runs, and waits for its end. Its files stay.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	s.process.Kill()
	<-s.ended
	s.process = nil
}

// Restart kills the process if it runs, and starts it again with the same port and folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	require.NoError(t, s.run(context.WithoutCancel(t.Context())))
}

// Do sends a command as the default user to database 0, and returns the answer as redis-cli prints
// it. It returns an answer that is an error in the same way.
func (s *Server) Do(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.cli(context.WithoutCancel(t.Context()), args...)
	require.NoError(t, err, "redis-cli %s", strings.Join(args, " "))
	return out
}

func (s *Server) cli(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"-p", strconv.Itoa(s.port)}, args...)...).Output()
	return strings.TrimSuffix(string(out), "\n"), err
}
