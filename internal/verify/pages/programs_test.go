package pages

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
)

// listening is how the programs of the pages listen, and shopAddress where.
const (
	listening   = `http.ListenAndServe("localhost:8080", `
	shopAddress = "http://localhost:8080"
)

// onFreePort takes the place of http.ListenAndServe, and says which port it has taken.
const onFreePort = `
func onFreePort(h http.Handler) error {
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	return http.Serve(l, h)
}
`

// TestPages_ProgramsAnswerAsThePagesSay runs each program of the documentation that is followed by
// requests of curl, makes these requests, and compares the answers with those of the page. In an
// answer that the page shows with its header (-i), lines may be left out.
func TestPages_ProgramsAnswerAsThePagesSay(t *testing.T) {
	t.Parallel()
	root := evidence.Root(t)
	asked := 0
	for page, text := range evidence.Pages(t) {
		blocks := blocksOf(t, page, text)
		for i, b := range blocks {
			if b.language != "go" || !strings.Contains(b.text, listening) {
				continue
			}
			var answers []exchange
			for _, next := range blocks[i+1:] {
				if next.language == "go" {
					break
				}
				answers = append(answers, exchangesOf(next.text)...)
			}
			asked += len(answers)
			if len(answers) > 0 {
				t.Run(path.Base(page), func(t *testing.T) {
					v := visitor{address: "http://" + serve(t, root, b.text), cookies: map[string]*http.Cookie{}}
					for _, a := range answers {
						v.check(t, a)
					}
				})
			}
		}
	}
	assert.Greater(t, asked, 5, "there are programs on the pages")
}

// serve runs a program until the end of the test, and returns its address.
func serve(t *testing.T, root, program string) string {
	t.Helper()
	program = strings.Replace(program, listening, "onFreePort(", 1)
	program = strings.Replace(program, `"net/http"`, "\"net\"\n\t\"net/http\"", 1)
	dir := built(t, root, map[string]string{"main.go": program + onFreePort}, "build")
	ctx, stop := context.WithCancel(context.Background())
	shop := exec.CommandContext(ctx, filepath.Join(dir, binary))
	said, err := shop.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, shop.Start())
	t.Cleanup(func() {
		stop()
		_ = shop.Wait() // it was killed
	})
	address, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(address)
}

// binary is the name of what built builds.
const binary = "shop.exe"

// built builds a package of these files with a command such as "test", "-c", and returns the folder
// that has the binary. What has not changed since an earlier run it does not build again.
func built(t *testing.T, root string, files map[string]string, command ...string) (dir string) {
	t.Helper()
	evidence.Kept(t, "pages", func(all string) {
		dir = filepath.Join(all, strings.ReplaceAll(t.Name(), "/", "-"))
		require.NoError(t, os.MkdirAll(dir, 0o700))
		args := append(command, "-ldflags=-s -w", "-o", filepath.Join(dir, binary))
		for name, text := range files {
			name = filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
			args = append(args, name)
		}
		build := exec.CommandContext(t.Context(), "go", args...)
		build.Dir = root
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	})
	return dir
}

// runTests runs tests that the pages show, in a folder of their own, with what is added to the
// environment, and returns what they print.
func runTests(t *testing.T, root string, files map[string]string, env ...string) string {
	t.Helper()
	dir := built(t, root, files, "test", "-c")
	run := exec.CommandContext(t.Context(), filepath.Join(dir, binary), "-test.v", "-test.timeout=5m")
	run.Dir, run.Env = dir, append(os.Environ(), env...)
	out, err := run.CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// exchange is a command of a page, and the lines that follow it.
type exchange struct {
	command string
	answer  []string
}

// exchangesOf returns the requests of curl to a program of the page.
func exchangesOf(block string) (all []exchange) {
	asked := false
	for line := range strings.Lines(block) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "$ curl ") && strings.Contains(line, shopAddress):
			all, asked = append(all, exchange{command: line[len("$ curl "):]}), true
		case strings.HasPrefix(line, "$ "):
			asked = false
		case asked:
			all[len(all)-1].answer = append(all[len(all)-1].answer, line)
		}
	}
	return all
}

// visitor is the curl of the pages with its cookie jar. Like curl it sends Secure cookies to
// localhost over HTTP.
type visitor struct {
	address string
	cookies map[string]*http.Cookie
}

var word = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)

func (v *visitor) check(t *testing.T, want exchange) {
	t.Helper()
	method, target := http.MethodGet, ""
	body := url.Values{}
	header := http.Header{}
	var withHeader, follow, send, keep bool
	words := word.FindAllString(want.command, -1)
	for i := 0; i < len(words); i++ {
		argument := func() string {
			i++
			require.Less(t, i, len(words), want.command)
			return strings.Trim(words[i], `'"`)
		}
		switch words[i] {
		case "-s":
		case "-i":
			withHeader = true
		case "-L":
			follow = true
		case "-b":
			send = argument() != ""
		case "-c":
			keep = argument() != ""
		case "-d":
			name, value, _ := strings.Cut(argument(), "=")
			body.Add(name, value)
			method = http.MethodPost
		case "-H":
			name, value, _ := strings.Cut(argument(), ": ")
			header.Add(name, value)
		default:
			require.Empty(t, target, "%s: this curl does not know %s", want.command, words[i])
			target = strings.Replace(strings.Trim(words[i], `'"`), shopAddress, v.address, 1)
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for {
		var form io.Reader
		if method == http.MethodPost {
			form = strings.NewReader(body.Encode())
		}
		req, err := http.NewRequestWithContext(t.Context(), method, target, form)
		require.NoError(t, err)
		req.Header = header.Clone()
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if send {
			for _, c := range v.cookies {
				req.AddCookie(c)
			}
		}
		res, err := client.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		for _, c := range res.Cookies() {
			if v.cookies[c.Name] = c; !keep || c.MaxAge < 0 {
				delete(v.cookies, c.Name)
			}
		}
		if to, err := res.Location(); err == nil && follow {
			method, target = http.MethodGet, to.String()
			continue
		}
		got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
		if !withHeader {
			assert.Equal(t, want.answer, got, want.command)
			return
		}
		for name, values := range res.Header {
			for _, value := range values {
				got = append(got, name+": "+value)
			}
		}
		got = append(got, fmt.Sprintf("%s %s", res.Proto, res.Status))
		for _, line := range want.answer {
			assert.True(t, line == "..." || slices.Contains(got, line), "%s: %q is not in %q", want.command, line, got)
		}
		return
	}
}

// TestPages_TestsPass runs the tests that the documentation shows. The files of one package on one
// page belong together.
func TestPages_TestsPass(t *testing.T) {
	t.Parallel()
	root := evidence.Root(t)
	ran := 0
	for page, text := range evidence.Pages(t) {
		for _, s := range sourcesOf(t, path.Base(page), text, nil) {
			if !s.whole || !slices.ContainsFunc(s.forms[0], isTest) {
				continue
			}
			ran++
			t.Run(s.name, func(t *testing.T) {
				files := map[string]string{}
				for i, file := range s.forms[0] {
					name := fmt.Sprintf("file%d.go", i)
					if isTest(file) {
						name = fmt.Sprintf("file%d_test.go", i)
					}
					files[name] = file
				}
				assert.Contains(t, runTests(t, root, files), "--- PASS: ", "there are tests")
			})
		}
	}
	assert.Positive(t, ran, "there are tests on the pages")
}

func isTest(file string) bool { return strings.Contains(file, "\t\"testing\"\n") }
