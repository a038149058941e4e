package pagecache

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// place is where visitors come from: the address says the country, see the recipes.
type place struct{ address, country string }

var places = []place{{"127.0.0.9", ""}, {"127.0.0.2", "AT"}, {"127.0.0.3", "FR"}}

// network sends requests to the cache from each place.
type network struct {
	addr       string
	transports map[place]*http.Transport
}

func newNetwork(addr string) *network {
	n := &network{addr, map[place]*http.Transport{}}
	for _, p := range places {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(p.address)}}
		n.transports[p] = &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 16}
	}
	return n
}

func (n *network) close() {
	for _, t := range n.transports {
		t.CloseIdleConnections()
	}
}

// browser is a visitor's. It is used by one goroutine.
type browser struct {
	net      *network
	from     place
	language string            // Accept-Language, empty: none
	jar      map[string]string // of cookies, which are Secure: a client of net/http would keep them to itself
}

// answer is a response that was read whole.
type answer struct {
	code   int
	header http.Header
	body   string
}

// send sends a request, and takes in the cookies of the answer.
func (b *browser) send(ctx context.Context, method, path string, form url.Values, more http.Header) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+b.net.addr+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	b.dress(r)
	r.Header.Set("X-Country", "JP") // what a client says does not count
	for name, values := range more {
		r.Header[name] = values
	}
	res, err := b.net.transports[b.from].RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else {
			b.jar[c.Name] = c.Value
		}
	}
	return answer{res.StatusCode, res.Header, string(body)}, err
}

// dress puts what the browser says of itself into a request.
func (b *browser) dress(r *http.Request) {
	for name, value := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if b.language != "" {
		r.Header.Set("Accept-Language", b.language)
	}
}

// expected is what the shop, asked by itself, would show the visitor who sends this request.
func (b *browser) expected(ctx context.Context, s *shop, path string) (public, own string, err error) {
	r := httptest.NewRequest(http.MethodGet, path, nil).WithContext(ctx)
	b.dress(r)
	r.RemoteAddr = "127.0.0.1:1" // the proxy's
	r.Header.Set("X-Country", b.from.country)
	req, err := s.mw.Request(r)
	if err != nil {
		return "", "", err
	}
	req.Fresh = true
	session, err := s.resolver.Resolve(ctx, req)
	if err != nil {
		return "", "", err
	}
	return shown(&session, path), private(&session), nil
}

// look gets a page and says what is wrong with it, empty: nothing.
func (b *browser) look(ctx context.Context, s *shop, path string, seen func(answer) (again bool)) (wrong string, err error) {
	public, own, err := b.expected(ctx, s, path)
	if err != nil {
		return "", err
	}
	a, err := b.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return "", err
	}
	if a.code != http.StatusOK {
		return "", fmt.Errorf("GET %s: %d %s", path, a.code, a.body)
	}
	body, personal, isPersonal := strings.Cut(a.body, separator)
	again := seen(a)
	switch {
	case body != public:
		return fmt.Sprintf("%q instead of %q", body, public), nil
	case isPersonal && personal != own:
		return fmt.Sprintf("%s: %q instead of %q", path, personal, own), nil
	case again && (isPersonal || len(a.header["Set-Cookie"]) > 0):
		return fmt.Sprintf("%q with the cookies %q came from the cache", a.body, a.header["Set-Cookie"]), nil
	}
	return "", nil
}
