// Package postgresserver runs a real PostgreSQL for a test: a cluster of its own, on a free
// loopback port, in a folder of its own. It stops the process by its id. It is for tests only.
package postgresserver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout is how long a server may take until it answers.
const startTimeout = 60 * time.Second

// Start starts a server that trusts everybody on the loopback interface, and returns the URL of its
// database postgres for the user postgres. It keeps nothing through a crash of the machine. args
// are those of the command line of postgres, such as "-c", "max_connections=20". The server ends
// with the test. If there is no PostgreSQL the test is skipped; under REQUIRE_SERVERS=1 it fails.
//
// postgres refuses to run as root: a test that does starts it as the user postgres, whom Debian's
// package makes.
func Start(t testing.TB, args ...string) (url string) {
	t.Helper()
	programs := map[string]string{}
	for _, name := range []string{"initdb", "postgres", "pg_isready"} {
		program, err := find(name)
		if err != nil {
			if os.Getenv("REQUIRE_SERVERS") == "1" {
				t.Fatalf("REQUIRE_SERVERS=1, but there is no %s: %v", name, err)
			}
			t.Skipf("NOT TESTED: there is no %s (Debian's package postgresql): %v", name, err)
		}
		programs[name] = program
	}
	dir, err := os.MkdirTemp("", "postgres-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the folder of the server is not removed: %v", err)
		}
	})
	as, err := unprivileged(dir)
	require.NoError(t, err, "postgres does not run as root")
	data := filepath.Join(dir, "data")
	initialize := exec.Command(programs["initdb"], "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initialize.SysProcAttr, initialize.Dir = as, dir
	out, err := initialize.CombinedOutput()
	require.NoError(t, err, "initdb: %s", out)
	const tries = 10 // another process may take the port first
	for range tries {
		port := strconv.Itoa(freePort(t))
		server := exec.Command(programs["postgres"], append([]string{
			"-D", data, "-h", "127.0.0.1", "-p", port, "-k", dir, "-F", "-c", "shared_buffers=16MB",
		}, args...)...)
		server.SysProcAttr, server.Dir = as, dir
		if err = run(t, server, programs["pg_isready"], port); err == nil {
			return "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
		}
	}
	require.NoError(t, err, "postgres does not start")
	return ""
}

// find returns the path of a program. Debian keeps those of the server out of everybody's path, in
// a folder for each version.
func find(name string) (string, error) {
	versions, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(versions) == 0 {
		return exec.LookPath(name)
	}
	return slices.MaxFunc(versions, func(a, b string) int { return version(a) - version(b) }), nil
}

// version returns the version in a path that find has found.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// run starts the process, which ends with the test, and waits until it answers. run asks by the
// socket, because another process may have the port.
func run(t testing.TB, server *exec.Cmd, isReady, port string) error {
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		server.Wait()
		close(ended)
	}()
	stop := func() {
		server.Process.Signal(syscall.SIGQUIT) // at once: nobody needs the data any more
		<-ended
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		if exec.CommandContext(ctx, isReady, "-q", "-h", server.Dir, "-p", port).Run() == nil {
			t.Cleanup(stop)
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("postgres has exited:\n%s", log.String())
		case <-ctx.Done():
			stop()
			return fmt.Errorf("postgres does not answer within %v:\n%s", startTimeout, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
