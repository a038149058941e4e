package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// redisProgram is the least that a user of redisstore writes.
const redisProgram = `package main

import (
	"log"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
)

func main() {
	sessions, err := redisstore.New(redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	log.Println(sessionctx.New(sessionctx.Config{Store: sessions}))
}
`

// TestRelease_OfThisRepositoryInstalls is a user of the next release: with an empty module cache,
// in empty modules, with a proxy of files and without the repository.
func TestRelease_OfThisRepositoryInstalls(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	version := nextVersion(t, root)
	proxy := t.TempDir()
	require.NoError(t, writeRelease(t.Context(), root, proxy, version, io.Discard))
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	user, err := newConsumer(t.Context(), t.TempDir(), proxy)
	require.NoError(t, err)

	t.Run("README's program", func(t *testing.T) {
		t.Parallel()
		dir, err := user.module(t.Context())
		require.NoError(t, err)
		get := strings.Fields(readmeCommands.FindString(string(readme)))
		require.Len(t, get, 3)
		_, err = command(t.Context(), dir, user.env, get[0], get[1:]...)
		require.NoError(t, err)
		program, transcript := readmeProgram(t, string(readme))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o644))
		_, err = command(t.Context(), dir, slices.Concat(user.env, []string{"GOFLAGS=-modcacherw -trimpath"}), "go", "build", "-o", filepath.Join(dir, "shop.exe"), ".")
		require.NoError(t, err, "README gets all that its program needs, without go mod tidy")
		const address = "localhost:8080"
		require.Contains(t, program, `ListenAndServe("`+address+`"`)
		started := startOnFreePort(t, func(free string) string {
			file, err := user.build(t.Context(), dir, strings.ReplaceAll(program, address, free))
			require.NoError(t, err)
			return file
		})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+started+"/", nil)
		require.NoError(t, err)
		req.Header.Set("Accept-Language", "en") // as in the transcript
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, transcript, string(body))
	})

	t.Run("programs of the pages", func(t *testing.T) {
		t.Parallel()
		pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
		require.NoError(t, err)
		built := 0
		for _, page := range pages {
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			for _, program := range wholeProgram.FindAllStringSubmatch(string(text), -1) {
				dir, err := user.module(t.Context())
				require.NoError(t, err)
				_, err = user.build(t.Context(), dir, program[1])
				require.NoError(t, err, page)
				built++
			}
		}
		assert.Positive(t, built, "there are programs on the pages")
	})

	t.Run("README's commands", func(t *testing.T) {
		t.Parallel()
		lines := readmeCommands.FindAllString(string(readme), -1)
		require.NotEmpty(t, lines)
		for _, line := range lines {
			dir, err := user.module(t.Context())
			require.NoError(t, err)
			words := strings.Fields(line)
			_, err = command(t.Context(), dir, user.env, words[0], words[1:]...)
			require.NoError(t, err, line)
		}
	})

	t.Run("every module", func(t *testing.T) {
		t.Parallel()
		var out strings.Builder
		require.NoError(t, user.checkModules(t.Context(), root, version, &out))
		assert.Contains(t, out.String(), "go install github.com/sessionctx/storefront/examples/storefront@"+version)
	})

	t.Run("redisstore's program", func(t *testing.T) {
		t.Parallel()
		dir, err := user.module(t.Context())
		require.NoError(t, err)
		_, err = command(t.Context(), dir, user.env, "go", "get", "github.com/sessionctx/storefront/sessionctx/redisstore")
		require.NoError(t, err)
		_, err = user.build(t.Context(), dir, redisProgram)
		require.NoError(t, err)
	})
}

// wholeProgram is a program of a page.
var wholeProgram = regexp.MustCompile("(?ms)^```go\n((?:// [^\n]*\n)*package main\n.*?)^```$")

// readmeCommands are the lines of README that get or install a module of ours.
var readmeCommands = regexp.MustCompile(`(?m)^go (?:get|install) github\.com/sessionctx/storefront\S*`)

// nextVersion returns the version after the newest release of the CHANGELOG.
func nextVersion(t *testing.T, root string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	require.NoError(t, err)
	version, err := requiredVersion(root)
	require.NoError(t, err)
	if !releasedSection.Match(text) {
		return version
	}
	var major, minor, patch int
	_, err = fmt.Sscanf(version, "v%d.%d.%d", &major, &minor, &patch)
	require.NoError(t, err)
	return fmt.Sprintf("v%d.%d.0", major, minor+1)
}

// readmeProgram returns the program of README, and what it answers there to the first request.
func readmeProgram(t *testing.T, readme string) (program, answer string) {
	t.Helper()
	_, rest, found := strings.Cut(readme, "```go\n")
	require.True(t, found, "README has no program")
	program, rest, found = strings.Cut(rest, "```\n")
	require.True(t, found)
	_, rest, found = strings.Cut(rest, "$ curl -H 'Accept-Language: en' http://localhost:8080/\n")
	require.True(t, found, "README has no transcript of the program")
	answer, _, found = strings.Cut(rest, "\n")
	require.True(t, found)
	return program, answer + "\n"
}

// startOnFreePort runs the program that build makes for an address, and returns the address once it
// accepts connections. Another process may take the port first; then the program ends, and
// startOnFreePort takes another port.
func startOnFreePort(t *testing.T, build func(address string) string) string {
	t.Helper()
	const tries = 5
	for range tries {
		l, err := net.Listen("tcp", "localhost:0")
		require.NoError(t, err)
		address := l.Addr().String()
		require.NoError(t, l.Close())
		if start(t, build(address), address) {
			return address
		}
	}
	require.FailNow(t, "the program ends at once, on every port")
	return ""
}

// start runs a program until the end of the test. It returns true once address accepts connections,
// and false if the program ended before.
func start(t *testing.T, file, address string) bool {
	t.Helper()
	ctx, ended := context.WithCancel(t.Context())
	cmd := exec.Command(file)
	require.NoError(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // it is killed
		ended()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // an error: it has ended
		<-ctx.Done()
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp", address); err == nil {
			require.NoError(t, conn.Close())
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}
