// Package varnish runs a real Varnish for a test: a process of its own, on a free loopback port, in
// a folder of its own. It stops the process by its id. It is for tests only.
package varnish

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout is how long Varnish may take until it serves. It compiles its configuration with a C
// compiler first.
const startTimeout = 2 * time.Minute

// Start starts Varnish with a configuration in VCL, and returns its address as host:port. Varnish
// ends with the test. If there is no Varnish the test is skipped; under REQUIRE_SERVERS=1 it fails.
func Start(t testing.TB, vcl string) (addr string) {
	t.Helper()
	program, err := exec.LookPath("varnishd")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/varnishd") // which only root has in its path
	}
	if err == nil {
		_, err = exec.LookPath("varnishadm")
	}
	if err != nil {
		if os.Getenv("REQUIRE_SERVERS") == "1" {
			t.Fatalf("REQUIRE_SERVERS=1, but there is no Varnish: %v", err)
		}
		t.Skipf("NOT TESTED: there is no Varnish (Debian's package varnish): %v", err)
	}
	dir, err := os.MkdirTemp("", "varnish-")
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("the folder of Varnish is not removed: %v", err)
		}
	})
	file := filepath.Join(dir, "shop.vcl")
	require.NoError(t, os.WriteFile(file, []byte(vcl), 0o600))
	var log bytes.Buffer
	work := filepath.Join(dir, "work")
	cmd := exec.Command(program, "-F", "-j", "none", "-n", work, "-f", file, "-a", "127.0.0.1:0", "-s", "malloc,64M",
		"-p", "thread_pools=1", "-p", "thread_pool_min=20", "-p", "vsl_space=1M")
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil { // else it ends its child
			cmd.Process.Kill()
		}
		<-ended
	})
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for {
		if addr, err = listens(ctx, work); err == nil {
			return addr
		}
		select {
		case <-ended:
			t.Fatalf("Varnish has exited:\n%s\n%s", log.String(), vcl)
		case <-ctx.Done():
			t.Fatalf("Varnish does not serve within %v: %v", startTimeout, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// listens asks the Varnish in the folder work for its address.
func listens(ctx context.Context, work string) (addr string, err error) {
	ask := func(command string) (string, error) {
		out, err := exec.CommandContext(ctx, "varnishadm", "-n", work, command).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("varnishadm %s: %w: %s", command, err, out)
		}
		return string(out), nil
	}
	status, err := ask("status")
	if err != nil {
		return "", err
	}
	if !strings.Contains(status, "running") {
		return "", fmt.Errorf("varnishadm status: %s", status)
	}
	out, err := ask("debug.listen_address") // "a0 127.0.0.1 port"
	if err != nil {
		return "", err
	}
	fields := strings.Fields(out)
	if len(fields) != 3 {
		return "", fmt.Errorf("varnishadm debug.listen_address: %s", out)
	}
	return net.JoinHostPort(fields[1], fields[2]), nil
}
