package middleware

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// caching is what a Middleware tells caches of the pages that it has attached a session to. All
// responses share the slices, which have no spare capacity: http.Header.Add copies them.
type caching struct {
	private, noStore []string // values of Cache-Control
	// vary names the request's headers on which a session depends; varyByURL those on which it
	// depends where the URL says the language; varyByKey those on which a shareable page depends
	// with Config.Variant. Each has one line, or none.
	vary, varyByURL, varyByKey []string
}

const noStore = "private, no-store"

func newCaching(cfg *Config) caching {
	tokens := cfg.Identify != nil || cfg.Customer != nil
	var names []string
	add := func(used bool, name string) {
		if used {
			names = append(names, name)
		}
	}
	line := func() []string {
		if len(names) == 0 {
			return nil
		}
		return []string{strings.Join(names, ", ")}
	}
	add(cfg.Variant, variantHeader)
	// The host may know its customers by a cookie of its own.
	add(!cfg.NoCookie || tokens, "Cookie")
	add(tokens, "Authorization")
	add(cfg.CountryHeader != "", textproto.CanonicalMIMEHeaderKey(cfg.CountryHeader))
	c := caching{private: []string{"private"}, noStore: []string{noStore}, varyByURL: line(), varyByKey: []string{variantHeader}}
	if tokens { // a client with a token may have the cookie of a guest
		c.varyByKey = []string{variantHeader + ", Authorization"}
	}
	add(cfg.AcceptLanguage, "Accept-Language")
	c.vary = line()
	return c
}

// set marks the response as one shopper's. A Cache-Control that the host has set stays, unless the
// page must not be stored.
func (c *caching) set(h http.Header, transient bool) {
	control, vary := h["Cache-Control"], h["Vary"]
	switch {
	case transient:
		h["Cache-Control"] = c.noStore
	case len(control) == 0:
		h["Cache-Control"] = c.private
	}
	switch {
	case len(c.vary) == 0:
	case len(vary) == 0:
		h["Vary"] = c.vary
	default:
		h["Vary"] = addNames(vary, c.vary[0])
	}
}

// addNames returns the lines of a Vary header (RFC 9110, section 12.5.5) with those names that the
// lines do not have yet.
func addNames(lines []string, names string) []string {
	var missing []string
	for name := range strings.SplitSeq(names, ", ") {
		if !hasMember(lines, name) && !hasMember(lines, "*") {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return lines
	}
	return append(slices.Clip(lines), strings.Join(missing, ", "))
}

// hasMember reports whether a list of tokens has one, in any letter case.
func hasMember(lines []string, token string) bool {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(member), token) {
				return true
			}
		}
	}
	return false
}

// Shareable lets a shared cache, such as a CDN, keep the page for age, in whole seconds, and give
// it to every visitor for whom it is the same. Cache-Control becomes public, with age for shared
// caches and 0 for browsers: a browser would still show its copy after the shopper has chosen
// another currency. Vary still names what the page depends on; Accept-Language is left out where
// the URL says the language. Call it before the response is written:
//
//	mw.Shareable(w, r, 5*time.Minute) // an error: the page stays private
//
// The page must be made of the URL and of the session's site, currency, country and language, and
// of nothing else of the request. What is stored is a page of the defaults. Therefore a cache that
// ignores Vary: Cookie must hand each request that carries the session cookie to the server: see
// docs/behind-a-proxy.md.
//
// Shareable changes nothing and returns an error that says why if the page is not everybody's: the
// session has an id, a customer or a cart, is Degraded or has ProfileMissing; the response sets a
// cookie or may not be stored; the request is neither GET nor HEAD; Wrap has attached no session;
// Config.Country is set, because no header tells a cache what that function looks at; or age is
// less than a second; or the request has an Authorization header and there is neither Identify nor
// Customer, as in a shop behind a password. A later Update, Login or Logout makes the response
// private again.
//
// With Config.Variant the page is that of everybody who has the session's variant, so the session
// may have an id, a customer and a cart, and Config.Country may be set. The page must show nothing
// of id, customer, cart and attributes. Vary then names the header Session-Variant, and
// Authorization with an Identify or a Customer. It is an error if the request's header does not
// name the session's variant: a cache would keep the page for visitors of another one. See
// docs/page-caches.md.
func (m *Middleware) Shareable(w http.ResponseWriter, r *http.Request, age time.Duration) error {
	h := w.Header()
	s, ok := sessionctx.FromContext(r.Context())
	guests := !m.variant.on // the page is one of guests alone
	var why string
	switch {
	case !ok:
		why = "the request has no session, Wrap has not seen it"
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		why = fmt.Sprintf("the method is %q, neither GET nor HEAD", r.Method)
	case guests && s.ID != "":
		why = "the session has an id, the page is one shopper's"
	case guests && s.CustomerID != "":
		why = "the session has a customer, the page is one shopper's"
	case guests && s.CartID != "":
		why = "the session has a cart, the page is one shopper's"
	case s.Degraded:
		why = "the session is degraded"
	case s.ProfileMissing:
		why = "the customer's profile is missing"
	case len(h["Set-Cookie"]) > 0:
		why = "the response sets a cookie"
	case hasMember(h["Cache-Control"], "no-store"):
		why = fmt.Sprintf("the response has Cache-Control %q", strings.Join(h["Cache-Control"], ", "))
	case guests && m.hints.country != nil:
		why = "Config.Country is set, and no header tells a cache what that function looks at"
	case age < time.Second:
		why = fmt.Sprintf("the age is %q, less than a second", age)
	case m.variant.on && !confirmed(r.Header[variantHeader], h):
		why = fmt.Sprintf("the request has %s %q and the response %q: the proxy must copy the cookie %s to that header",
			variantHeader, r.Header[variantHeader], h[variantHeader], m.variant.cookie.Name)
	case len(r.Header["Authorization"]) > 0 && m.identify == nil && m.customer == nil:
		// Without the word public no shared cache would give the page to others: RFC 9111, section 3.5.
		why = "the request has the header Authorization, and nothing here reads it: the page may need a password"
	default:
		h.Set("Cache-Control", "public, max-age=0, s-maxage="+strconv.FormatInt(int64(age/time.Second), 10))
		m.caching.share(h, &s, m.variant.on)
		return nil
	}
	return fmt.Errorf("middleware: the page is not shareable: %s", why)
}

// unshare makes a response private again that Shareable has made public.
func unshare(h http.Header) {
	if hasMember(h["Cache-Control"], "public") {
		h.Set("Cache-Control", noStore)
	}
}

// share leaves in Vary what a shareable page depends on. What the host has added stays.
func (c *caching) share(h http.Header, s *sessionctx.Session, byKey bool) {
	switch {
	case byKey:
		hosts := slices.DeleteFunc(slices.Clone(h["Vary"]), func(line string) bool { return line == c.vary[0] })
		h["Vary"] = addNames(hosts, c.varyByKey[0])
	case s.Source(defaults.FieldLanguage) == defaults.SourceRequestLanguage && slices.Equal(h["Vary"], c.vary):
		if h["Vary"] = c.varyByURL; len(h["Vary"]) == 0 {
			h.Del("Vary")
		}
	}
}
