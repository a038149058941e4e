// Package postgresserver runs a real PostgreSQL for a test: a cluster of its own, on a free
// loopback port, in a folder of its own. It stops the process by its id. It is for tests only.
package postgresserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
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
	s, err := start(programs(t), args...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.stop()) })
	return s.url("postgres")
}

// Main runs the tests of a package that calls Database. TestMain calls it, and os.Exit with what it
// returns.
func Main(m *testing.M) (code int) {
	code = m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return code
	}
	if err := shared.server.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// shared is the server of Database.
var shared struct {
	sync.Mutex
	server *server // nil: nobody has asked for it
	number int     // of the last database
}

// Database returns the URL of a new database, on a server that all tests of the package share. A
// server takes seconds to start, and a database does not. The server is as that of Start, and ends
// with Main.
func Database(t testing.TB) (url string) {
	t.Helper()
	found := programs(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := start(found)
		require.NoError(t, err)
		shared.server = s
	}
	shared.number++
	name := "test" + strconv.Itoa(shared.number)
	create := exec.CommandContext(t.Context(), found["createdb"], "-h", shared.server.dir, "-p", shared.server.port, "-U", "postgres", name)
	out, err := create.CombinedOutput()
	require.NoError(t, err, "createdb: %s", out)
	return shared.server.url(name)
}

// programs returns the paths of PostgreSQL's programs, by their names.
func programs(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range []string{"initdb", "postgres", "pg_isready", "createdb"} {
		program, err := find(name)
		if err != nil {
			if os.Getenv("REQUIRE_SERVERS") == "1" {
				t.Fatalf("REQUIRE_SERVERS=1, but there is no %s: %v", name, err)
			}
			t.Skipf("NOT TESTED: there is no %s (Debian's package postgresql): %v", name, err)
		}
		all[name] = program
	}
	return all
}

// server is a postgres that runs.
type server struct {
	dir, port string
	process   *os.Process
	ended     chan struct{}
}

// url returns the URL of a database for the user postgres.
func (s *server) url(database string) string {
	return "postgres://postgres@127.0.0.1:" + s.port + "/" + database + "?sslmode=disable"
}

// stop ends the process, at once, because nobody needs the data any more, and removes its folder.
func (s *server) stop() error {
	if s.process != nil {
		if err := s.process.Signal(syscall.SIGQUIT); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-s.ended
	}
	return os.RemoveAll(s.dir)
}

// start starts a server in a new folder.
func start(programs map[string]string, args ...string) (s *server, err error) {
	dir, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		return nil, err
	}
	s = &server{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	as, err := unprivileged(dir)
	if err != nil {
		return nil, fmt.Errorf("postgres does not run as root: %w", err)
	}
	data := filepath.Join(dir, "data")
	initialize := exec.Command(programs["initdb"], "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initialize.SysProcAttr, initialize.Dir = as, dir
	if out, err := initialize.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	const tries = 10 // another process may take the port first
	for range tries {
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		cmd := exec.Command(programs["postgres"], append([]string{
			"-D", data, "-h", "127.0.0.1", "-p", s.port, "-k", dir, "-F", "-c", "shared_buffers=16MB",
		}, args...)...)
		cmd.SysProcAttr, cmd.Dir = as, dir
		if err = s.run(cmd, programs["pg_isready"]); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("postgres does not start: %w", err)
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

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// run starts the process and waits until it answers. run asks by the socket, because another
// process may have the port.
func (s *server) run(cmd *exec.Cmd, isReady string) error {
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, make(chan struct{})
	go func() {
		cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		if exec.CommandContext(ctx, isReady, "-q", "-h", s.dir, "-p", s.port).Run() == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("postgres has exited:\n%s", log.String())
		case <-ctx.Done():
			cmd.Process.Signal(syscall.SIGQUIT)
			<-s.ended
			return fmt.Errorf("postgres does not answer within %v:\n%s", startTimeout, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
