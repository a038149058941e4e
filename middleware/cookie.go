package middleware

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// cookie reads and writes the cookies, whose values are ids of sessions: knowing one is the proof.
type cookie struct {
	off         bool
	prefixes    [numCookies]string        // the names up to the tenant
	ages        [numCookies]time.Duration // of an anonymous and of a customer's session; 0: until the browser closes
	insecure    bool
	partitioned bool
	// renewedAfter is how long after the last write to its session a use may set the cookie again, for
	// the kind of session that is renewed first: see renewedByUse.
	renewedAfter time.Duration
}

// The cookies. Without Config.Customer every session is in the first.
const (
	guestCookie = iota
	customerCookie
	numCookies
)

const (
	defaultCookieName = "session"
	maxCookieName     = 64

	// What a session id in the cookie may look like. Today's ids are 43 characters of base64url,
	// 256 bits. The rest leaves room for another alphabet, such as that of crypto/rand.Text, and
	// still refuses most of what a browser may send.
	minSecret = 26
	maxSecret = 64
)

func newCookie(cfg *Config) (cookie, error) {
	name := cfg.CookieName
	if name == "" {
		name = defaultCookieName
	}
	prefix := "__Host-" + name + "-"
	if cfg.InsecureCookie {
		prefix = name + "-"
	}
	if cfg.Partitioned {
		prefix += "embedded-"
	}
	c := cookie{
		off:         cfg.NoCookie,
		prefixes:    [...]string{prefix, prefix + "customer-"},
		insecure:    cfg.InsecureCookie,
		partitioned: cfg.Partitioned,

		renewedAfter: math.MaxInt64,
	}
	if cfg.Resolver != nil && cfg.CookieMaxAge != untilClose {
		for kind := range c.ages {
			c.ages[kind] = cookieAge(cfg.CookieMaxAge, cfg.Resolver.IdleTime(kind == customerCookie))
			c.renewedAfter = min(c.renewedAfter, c.ages[kind]/4)
		}
	}
	var errs []error
	if len(name) > maxCookieName || slices.ContainsFunc([]byte(name), func(c byte) bool { return secretBytes[c] == 0 }) {
		errs = append(errs, mistake("CookieName", name, fmt.Sprintf("must have 1 to %d ASCII letters, digits, '-' or '_'", maxCookieName)))
	}
	if cfg.CookieMaxAge < untilClose || cfg.CookieMaxAge > 0 && cfg.CookieMaxAge%time.Second != 0 || cfg.CookieMaxAge > maxCookieAge {
		errs = append(errs, mistake("CookieMaxAge", cfg.CookieMaxAge.String(), fmt.Sprintf("must be whole seconds, 1s to %v, or -1 for until the browser closes", maxCookieAge)))
	}
	if cfg.NoCookie {
		excluded := func(field, value string, set bool) {
			if set {
				errs = append(errs, mistake(field, value, "cannot be set together with NoCookie"))
			}
		}
		excluded("CookieName", cfg.CookieName, cfg.CookieName != "")
		excluded("CookieMaxAge", cfg.CookieMaxAge.String(), cfg.CookieMaxAge != 0)
		excluded("InsecureCookie", "true", cfg.InsecureCookie)
	}
	if cfg.Partitioned && (cfg.InsecureCookie || cfg.NoCookie) {
		errs = append(errs, mistake("Partitioned", "true", "cannot be set together with InsecureCookie or NoCookie"))
	}
	return c, errors.Join(errs...)
}

// untilClose is the Config.CookieMaxAge of a cookie that ends with the browser.
const untilClose = -1

// cookieAge returns how long a browser keeps the cookie of a session with this idle time.
func cookieAge(given, idle time.Duration) time.Duration {
	if idle < 0 || idle > maxCookieAge {
		return maxCookieAge
	}
	age := max(given, 2*idle)
	if given == 0 {
		age = 4 * idle
	}
	return min(age, maxCookieAge).Round(time.Second)
}

// secretBytes marks the alphabets of base32 and base64url (RFC 4648), in either case. It is a
// table, because comparisons are branches that no processor predicts on random text.
var secretBytes = func() (t [256]uint8) {
	for c := range t {
		if isAlphanumeric(byte(c)) || c == '-' || c == '_' {
			t[c] = 1
		}
	}
	return t
}()

func isSecret(s string) bool {
	if len(s) < minSecret || len(s) > maxSecret {
		return false
	}
	all := uint8(1)
	for ; len(s) >= 4; s = s[4:] { // in fours, so that fewer results wait for one another
		all &= secretBytes[s[0]] & secretBytes[s[1]] & secretBytes[s[2]] & secretBytes[s[3]]
	}
	for i := range len(s) {
		all &= secretBytes[s[i]]
	}
	return all == 1
}

// maxCookies is how many cookies net/http reads of one request, whatever their names. Where a
// request has more, net/http reads none.
const maxCookies = 3000

// sent is what a request carries under the name of a cookie.
type sent struct {
	id      string // empty: no id that could be ours
	present bool   // a cookie of the name exists
}

// read returns what the lines of the Cookie header carry under the name of the tenant's cookie. The
// id is empty if the cookie has two different values, or one that set could not have written. It
// reads as http.Request.CookiesNamed does, without the allocations.
func (c *cookie) read(lines []string, which int, tenant string) (found sent) {
	if tooMany(lines) {
		return found
	}
	prefix, first := c.prefixes[which], ""
	for _, line := range lines {
		for len(line) > 0 {
			part := line
			if i := strings.IndexByte(line, ';'); i >= 0 {
				part, line = line[:i], line[i+1:]
			} else {
				line = ""
			}
			value, ok := cookieValue(textproto.TrimString(part), prefix, tenant)
			if !ok {
				continue
			}
			secret := isSecret(value)
			if !secret && !isCookieValue(value) {
				continue
			}
			if found.present {
				if value != first {
					// Somebody planted a second cookie, and no rule says which of the two is ours.
					return sent{present: true}
				}
				continue
			}
			found.present, first = true, value
			if secret {
				found.id = value
			}
		}
	}
	return found
}

// cookieValue returns the value of the "name=value" in part, without quotes, if the name is that of
// the tenant's cookie.
func cookieValue(part, prefix, tenant string) (string, bool) {
	n := len(prefix) + len(tenant)
	if len(part) < n || part[:len(prefix)] != prefix || part[len(prefix):n] != tenant {
		return "", false
	}
	rest := part[n:]
	if len(rest) == 0 || rest[0] != '=' {
		if rest = textproto.TrimString(rest); rest == "" {
			return "", true // a name alone is a cookie without value
		}
		if rest[0] != '=' {
			return "", false // a longer name
		}
	}
	value := rest[1:]
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return value, true
}

// isCookieValue reports whether net/http accepts value (nearly RFC 6265, section 4.1.1). A cookie
// with any other value counts as not sent.
func isCookieValue(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < 0x20 || b >= 0x7f || b == '"' || b == ';' || b == '\\' {
			return false
		}
	}
	return true
}

func tooMany(lines []string) bool {
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	if size <= maxCookies { // too short for so many: nothing to count
		return false
	}
	count := 0
	for _, line := range lines {
		count += strings.Count(line, ";") + 1
	}
	return count > maxCookies
}

// name returns the name of the tenant's cookie.
func (c *cookie) name(which int, tenant string) string { return c.prefixes[which] + tenant }

// inBrowser returns what the browser has under the name of the cookie once it has the response with
// header w, which may be nil.
func (c *cookie) inBrowser(r *http.Request, w http.Header, which int, tenant string) sent {
	if lines := w["Set-Cookie"]; len(lines) > 0 {
		name := c.name(which, tenant) + "="
		for _, line := range lines {
			if rest, found := strings.CutPrefix(line, name); found {
				id, _, _ := strings.Cut(rest, ";")
				return sent{id, true}
			}
		}
	}
	return c.read(r.Header["Cookie"], which, tenant)
}

// set makes the response carry the cookie with id, in place of one that the response carries
// already. customer is the kind of session. With an empty id the response deletes the cookie.
func (c *cookie) set(h http.Header, which int, tenant, id string, customer bool) {
	name := c.name(which, tenant)
	isOurs := func(line string) bool { return strings.HasPrefix(line, name+"=") }
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], isOurs)
	ck := http.Cookie{
		Name:        name,
		Value:       id,
		Path:        "/",
		MaxAge:      int(c.age(customer) / time.Second),
		Secure:      !c.insecure,
		HttpOnly:    true,
		SameSite:    http.SameSiteLaxMode,
		Partitioned: c.partitioned,
	}
	if c.partitioned {
		ck.SameSite = http.SameSiteNoneMode
	}
	if id == "" {
		ck.MaxAge = -1
	}
	h.Add("Set-Cookie", ck.String())
	h.Set("Cache-Control", "private, no-store")
}

// isIn reports whether the response with header h sets or deletes a session cookie.
func (c *cookie) isIn(h http.Header) bool {
	return slices.ContainsFunc(h["Set-Cookie"], func(line string) bool { return strings.HasPrefix(line, c.prefixes[guestCookie]) })
}

// age returns how long a browser keeps the cookie of a session, 0 for until the browser closes.
func (c *cookie) age(customer bool) time.Duration {
	if customer {
		return c.ages[customerCookie]
	}
	return c.ages[guestCookie]
}

// The server does not know when it last set a cookie, so it uses the times of the record. Quarters
// of a cookie's life are counted from the creation of the session, and the first write in each
// quarter sets the cookie. So at each write the cookie is younger than a quarter of its life. A use
// sets the cookie again once the last write is a quarter of that life ago.

// renewedByWrite reports whether the write after before sets the cookie of s again.
func (c *cookie) renewedByWrite(s *sessionctx.Session, before time.Time) bool {
	quarter := c.age(s.CustomerID != "") / 4
	return quarter > 0 && !before.IsZero() && before.Sub(s.CreatedAt)/quarter != s.ModifiedAt.Sub(s.CreatedAt)/quarter
}

// renewedByUse reports whether a use of s sets its cookie again.
func (c *cookie) renewedByUse(s *sessionctx.Session) bool {
	quarter := c.age(s.CustomerID != "") / 4
	return quarter > 0 && !s.ModifiedAt.IsZero() && time.Since(s.ModifiedAt) >= quarter
}
