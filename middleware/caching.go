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
	// vary names the request's headers on which a session depends, and varyByURL those on which it
	// depends where the URL says the language. Each has one line, or none.
	vary, varyByURL []string
}

const noStore = "private, no-store"

func newCaching(cfg *Config) caching {
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
	// The host may know its customers by a cookie of its own.
	add(!cfg.NoCookie || cfg.Identify != nil || cfg.Customer != nil, "Cookie")
	add(cfg.Identify != nil || cfg.Customer != nil, "Authorization")
	add(cfg.CountryHeader != "", textproto.CanonicalMIMEHeaderKey(cfg.CountryHeader))
	c := caching{private: []string{"private"}, noStore: []string{noStore}, varyByURL: line()}
	add(cfg.AcceptLanguage, "Accept-Language")
	c.vary = line()
	return c
}

// set makes the response one shopper's. What the host has said before stays, unless nobody may
// store the page.
func (c *caching) set(h http.Header, transient bool) {
	switch {
	case transient:
		h["Cache-Control"] = c.noStore
	case len(h["Cache-Control"]) == 0:
		h["Cache-Control"] = c.private
	}
	switch have := h["Vary"]; {
	case len(have) == 0 && len(c.vary) > 0:
		h["Vary"] = c.vary
	case len(have) > 0 && len(c.vary) > 0:
		h["Vary"] = addNames(have, c.vary[0])
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
// it to every visitor for whom it is the same: Cache-Control becomes public, with age for shared
// caches and none for browsers, because a browser would go on to show its copy after the shopper
// has chosen another currency. Vary still names what the page depends on; Accept-Language is left
// out where the URL says the language. Call it before the response is written:
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
// Config.Country is set, because no header names for a cache what it looks at; or age is less than
// a second. A later Update, Login or Logout makes the response private again.
func (m *Middleware) Shareable(w http.ResponseWriter, r *http.Request, age time.Duration) error {
	h := w.Header()
	s, ok := sessionctx.FromContext(r.Context())
	var why string
	switch {
	case !ok:
		why = "the request has no session, Wrap has not seen it"
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		why = fmt.Sprintf("the method is %q, neither GET nor HEAD", r.Method)
	case s.ID != "":
		why = "the session has an id, the page is one shopper's"
	case s.CustomerID != "":
		why = "the session has a customer, the page is one shopper's"
	case s.CartID != "":
		why = "the session has a cart, the page is one shopper's"
	case s.Degraded:
		why = "the session is degraded"
	case s.ProfileMissing:
		why = "the customer's profile is missing"
	case len(h["Set-Cookie"]) > 0:
		why = "the response sets a cookie"
	case hasMember(h["Cache-Control"], "no-store"):
		why = fmt.Sprintf("the response has Cache-Control %q", strings.Join(h["Cache-Control"], ", "))
	case m.hints.country != nil:
		why = "Config.Country decides, and no header names for a cache what it looks at"
	case age < time.Second:
		why = fmt.Sprintf("the age is %q, less than a second", age)
	default:
		h.Set("Cache-Control", "public, max-age=0, s-maxage="+strconv.FormatInt(int64(age/time.Second), 10))
		if s.Source(defaults.FieldLanguage) == defaults.SourceRequestLanguage && slices.Equal(h["Vary"], m.caching.vary) {
			if h["Vary"] = m.caching.varyByURL; len(h["Vary"]) == 0 {
				h.Del("Vary")
			}
		}
		return nil
	}
	return fmt.Errorf("middleware: the page is not shareable: %s", why)
}
