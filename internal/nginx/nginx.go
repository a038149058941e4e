// Package nginx runs a real nginx for a test: a process of its own, on a free loopback port, in a
// folder of its own. It stops the process by its id. It is for tests only.
package nginx

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout is how long nginx may take until it accepts connections.
const startTimeout = 30 * time.Second

// Start starts nginx with one server, and returns its address as host:port.
// httpBlock and serverBlock are directives of these contexts; DIR in them is the folder of this
// nginx, which exists until the test ends. If there is no nginx the test is skipped; under
// REQUIRE_SERVERS=1 it fails.
func Start(t testing.TB, httpBlock, serverBlock string) (addr string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // which only root has in its path
	}
	if err != nil {
		if os.Getenv("REQUIRE_SERVERS") == "1" {
			t.Fatalf("REQUIRE_SERVERS=1, but there is no nginx: %v", err)
		}
		t.Skipf("NOT TESTED: there is no nginx (Debian's package nginx-light): %v", err)
	}
	dir, err := os.MkdirTemp("", "nginx-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the folder of nginx is not removed: %v", err)
		}
	})
	const tries = 10 // another process may take the port first
	for range tries {
		port := freePort(t)
		config := fill(t, dir, port, httpBlock, serverBlock)
		if err = run(t, program, dir, port, config); err == nil {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		}
	}
	require.NoError(t, err, "nginx does not start")
	return ""
}

// fill returns the whole configuration.
func fill(t testing.TB, dir string, port int, httpBlock, serverBlock string) string {
	t.Helper()
	self := ""
	if os.Geteuid() == 0 { // else nginx runs as whoever starts it
		u, err := user.Current()
		require.NoError(t, err)
		self = "user " + u.Username + ";"
	}
	temporary := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	return strings.ReplaceAll(fmt.Sprintf(`daemon off;
worker_processes 1;
pid DIR/nginx.pid;
error_log stderr;
%s
events { worker_connections 256; }
http {
access_log off;
%s%s
server {
listen 127.0.0.1:%d;
%s
}
}
`, self, temporary, httpBlock, port, serverBlock), "DIR", dir)
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// run starts the process, which ends with the test, and waits until it accepts connections.
func run(t testing.TB, program, dir string, port int, config string) error {
	file := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	var log bytes.Buffer
	cmd := exec.Command(program, "-p", dir, "-c", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil { // else the master ends its worker
			cmd.Process.Kill()
		}
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		// nginx writes its process id after it has begun to listen, so that nobody else answers.
		if _, err := os.Stat(filepath.Join(dir, "nginx.pid")); err == nil {
			conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err == nil {
				return conn.Close()
			}
		}
		select {
		case <-ended:
			return fmt.Errorf("nginx has exited:\n%s\n%s", log.String(), config)
		case <-ctx.Done():
			return fmt.Errorf("nginx does not accept connections within %v", startTimeout)
		case <-time.After(5 * time.Millisecond):
		}
	}
}
