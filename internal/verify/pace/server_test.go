//go:build unix

package pace

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// servedPage names the page that this process serves instead of running tests; servedWith: with the middleware, not bare.
const (
	servedPage = "PACE_PAGE"
	servedWith = "PACE_MIDDLEWARE"
)

// servedSessions is how many sessions a server has, and a load generator visits.
const servedSessions = 1000

func TestMain(m *testing.M) {
	if page := os.Getenv(servedPage); page != "" {
		if err := serve(page, os.Getenv(servedWith) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serve serves a page on a free port of the loopback interface, until standard input ends. It prints its address and the ids of its
// sessions on one line, and after that, for each line that it reads, how much processor time it has taken.
func serve(page string, with bool) error {
	handler := pageHandler(page, true)
	var ids []string
	if with {
		r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: evidence.Shop(), Logger: evidence.Quiet})
		if err != nil {
			return err
		}
		mw, err := middleware.New(middleware.Config{Resolver: r, Tenant: middleware.Tenant(tenant), AcceptLanguage: true})
		if err != nil {
			return err
		}
		for range servedSessions {
			s, err := r.Update(context.Background(), evidence.BySecret(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			if err != nil {
				return err
			}
			ids = append(ids, s.ID)
		}
		handler = mw.Wrap(pageHandler(page, false))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	fmt.Println(l.Addr(), strings.Join(ids, " "))
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			return err
		}
		fmt.Println(u.Utime.Nano() + u.Stime.Nano())
	}
	return server.Close()
}

// child is a process that serves a page on one processor.
type child struct {
	addr string
	ids  []string
	in   io.WriteCloser
	out  *bufio.Reader
}

// startChild starts one; it ends with the test.
func startChild(t testing.TB, page string, with bool) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", servedPage+"="+page)
	if with {
		cmd.Env = append(cmd.Env, servedWith+"=yes")
	}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	words := strings.Fields(c.line(t))
	require.NotEmpty(t, words)
	c.addr, c.ids = words[0], words[1:]
	return c
}

func (c *child) line(t testing.TB) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	require.NoError(t, err)
	return line
}

// processorTime returns what the child has taken so far.
func (c *child) processorTime(t testing.TB) time.Duration {
	t.Helper()
	_, err := io.WriteString(c.in, "how much?\n")
	require.NoError(t, err)
	ns, err := strconv.ParseInt(strings.TrimSpace(c.line(t)), 10, 64)
	require.NoError(t, err)
	return time.Duration(ns)
}

// bothChildren starts a bare server and one with the middleware, and checks that they answer alike. The ids of the sessions are those of
// the second; the bare one is sent them all the same.
func bothChildren(t testing.TB, page string) (with, bare *child) {
	t.Helper()
	with, bare = startChild(t, page, true), startChild(t, page, false)
	require.Len(t, with.ids, servedSessions)
	get := func(c *child) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.addr+"/", nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", cookieName+"="+with.ids[0])
		r.Header.Set("Accept-Language", acceptLanguage)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return string(body)
	}
	require.Equal(t, get(bare), get(with), "both show the same page")
	return with, bare
}
