package browsertest_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/server"
)

// browser is the one that all tests share; each shopper has cookies of their own in it.
var browser context.Context

// missing says why there is no browser.
var missing string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	program, err := chromium()
	if err != nil {
		missing = err.Error()
		fmt.Fprintf(os.Stderr, "BROWSER TESTS SKIPPED: %s\n", missing)
		if os.Getenv("REQUIRE_SERVERS") == "1" {
			fmt.Fprintln(os.Stderr, "REQUIRE_SERVERS=1: this is a failure")
			return 1
		}
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program), chromedp.UserDataDir(dir), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-extensions", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", "Translate,OptimizationHints,MediaRouter"), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("accept-lang", "en"), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("password-store", "basic"),
	)
	defer stop()
	browser, stop = chromedp.NewContext(ctx)
	defer stop()
	if err := chromedp.Do(browser); err != nil {
		fmt.Fprintln(os.Stderr, program, err)
		return 1
	}
	return m.Run()
}

func chromium() (string, error) {
	if program := os.Getenv("CHROMIUM"); program != "" {
		return exec.LookPath(program)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", fmt.Errorf("no chromium, chromium-browser or google-chrome on the path")
}

// open starts a storefront on a free port and returns its address.
func open(t *testing.T) string {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	s, err := server.New(server.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	ts := httptest.NewServer(s.Handler())
	t.Cleanup(ts.Close)
	return ts.URL
}

// tab is a tab of a shopper's browser.
type tab struct {
	t        *testing.T
	ctx      context.Context
	shop     string
	noScript bool
}

// stepTimeout ends a step of the browser that hangs. It is long because the machine may be busy; no
// step waits for it.
const stepTimeout = 30 * time.Second

// device is what a shopper looks at the shop with.
type device struct {
	width, height int64
	language      string // Accept-Language; default: en
	noScript      bool
	dark          bool
}

var desktop = device{width: 1280, height: 900}

// visit opens the shop in a browser without any cookies.
func visit(t *testing.T, shop string, d device) *tab {
	t.Helper()
	return newTab(t, browser, shop, d, chromedp.WithNewBrowserContext())
}

// another opens another tab of the same browser.
func (b *tab) another(d device) *tab {
	b.t.Helper()
	return newTab(b.t, b.ctx, b.shop, d)
}

func newTab(t *testing.T, parent context.Context, shop string, d device, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, opts...)
	t.Cleanup(cancel)
	b := &tab{t, ctx, shop, d.noScript}
	b.complain()
	b.do(chromedp.EmulateViewport(d.width, d.height))
	headers := network.Headers{"Accept-Language": cmp.Or(d.language, "en")}
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: headers})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: d.noScript})
	if d.dark {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
		})
	}
	b.open("/")
	return b
}

// complain fails the test for whatever the browser has to complain about: policies, scripts,
// missing files.
func (b *tab) complain() {
	b.t.Helper()
	var mu sync.Mutex
	var complaints []string
	add := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, text)
	}
	require.NoError(b.t, chromedp.Listen(b.ctx, func(ev any) {
		switch ev := ev.(type) {
		case *log.EventEntryAdded:
			// The status of a page is the tests' business.
			if !strings.HasPrefix(ev.Entry.Text, "Failed to load resource: the server responded with a status of 4") {
				add(string(ev.Entry.Source) + ": " + ev.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			add(ev.ExceptionDetails.Text)
		}
	}))
	call(b, log.Enable, cdp.Empty{})
	b.t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		assert.Empty(b.t, complaints, "the browser complains")
	})
}

func (b *tab) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, stepTimeout)
}

// call sends the browser a command for the tab.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	_, err := chromedp.Call(ctx, command, params)
	require.NoError(b.t, err)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// open goes to a path of the shop.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.shop + path))
}

// follow clicks on what leads to another page and returns the status of that.
func (b *tab) follow(selector string) int64 {
	b.t.Helper()
	return b.leave(chromedp.Click(chromedp.CSS(selector)))
}

// leave does what leads to another page and returns the status of that.
func (b *tab) leave(steps ...chromedp.Action[chromedp.Void]) int64 {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	res, err := chromedp.RunResponse(ctx, steps...)
	require.NoError(b.t, err)
	return res.Status
}

// text returns the text that a shopper sees in an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	require.NoError(b.t, err, selector)
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }), " ")
}

// eval returns the value of an expression.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := b.limited()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return value
}

func (b *tab) exists(selector string) bool {
	b.t.Helper()
	return eval[bool](b, fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

// context returns what the four lists have selected.
func (b *tab) context() [4]string {
	b.t.Helper()
	return [4]string(eval[[]string](b, `["site", "currency", "country", "language"].map(id => document.getElementById(id).value)`))
}

// choose selects a value in a list, as a click on it does, and leaves it at that.
func (b *tab) choose(field, value string) {
	b.t.Helper()
	require.Equal(b.t, value, eval[string](b, fmt.Sprintf(`(list => {
		list.focus(); list.value = %q; list.dispatchEvent(new Event("change", {bubbles: true})); return list.value;
	})(document.getElementById(%q))`, value, field)))
}

// pick selects a value in a list, waits for what is said about it and applies it.
func (b *tab) pick(field, value string) int64 {
	b.t.Helper()
	b.choose(field, value)
	b.see("#picker-" + field + " .hint .effect")
	return b.follow("#picker-" + field + " .main")
}

// see waits until something is to be seen.
func (b *tab) see(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// why opens the panel.
func (b *tab) why() {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS("#why > summary")))
	b.see("#why .reasons")
}

// shoot leaves a picture of the whole page in the folder that SCREENSHOTS names.
func (b *tab) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := b.limited()
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(dir, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644))
}
