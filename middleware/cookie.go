package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// cookie reads and writes the anonymous cookie, whose value is the id of a session: knowing it is
// the proof.
type cookie struct {
	off      bool
	prefix   string // the name up to the tenant
	maxAge   int    // seconds, 0: until the browser closes
	insecure bool
}

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
	c := cookie{
		off:      cfg.NoCookie,
		prefix:   "__Host-" + name + "-",
		maxAge:   int(cfg.CookieMaxAge / time.Second),
		insecure: cfg.InsecureCookie,
	}
	if cfg.InsecureCookie {
		c.prefix = name + "-"
	}
	var errs []error
	if len(name) > maxCookieName || slices.ContainsFunc([]byte(name), func(c byte) bool { return secretBytes[c] == 0 }) {
		errs = append(errs, mistake("CookieName", name, fmt.Sprintf("must have 1 to %d ASCII letters, digits, '-' or '_'", maxCookieName)))
	}
	if cfg.CookieMaxAge < 0 || cfg.CookieMaxAge > maxCookieAge || cfg.CookieMaxAge%time.Second != 0 {
		errs = append(errs, mistake("CookieMaxAge", cfg.CookieMaxAge.String(), fmt.Sprintf("must be whole seconds, 1s to %v", maxCookieAge)))
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
	return c, errors.Join(errs...)
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
	for i := range len(s) {
		all &= secretBytes[s[i]]
	}
	return all == 1
}

// maxCookies is how many cookies net/http reads of one request, whatever their names. Where a
// request has more, net/http reads none.
const maxCookies = 3000

// read returns the session id in the lines of the Cookie header. It returns the empty text if the
// tenant's cookie does not exist exactly once, or if set could not have written its value. It reads
// as http.Request.CookiesNamed does, without the allocations.
func (c *cookie) read(lines []string, tenant string) string {
	if tooMany(lines) {
		return ""
	}
	found, seen := "", false
	for _, line := range lines {
		for len(line) > 0 {
			part := line
			if i := strings.IndexByte(line, ';'); i >= 0 {
				part, line = line[:i], line[i+1:]
			} else {
				line = ""
			}
			value, ok := c.value(textproto.TrimString(part), tenant)
			if !ok {
				continue
			}
			secret := isSecret(value)
			if !secret && !isCookieValue(value) {
				continue
			}
			if seen {
				// Somebody planted a second cookie, and no rule says which of the two is ours.
				return ""
			}
			seen = true
			if secret {
				found = value
			}
		}
	}
	return found
}

// value returns the value of the "name=value" in part, without quotes, if the name is that of the
// tenant's cookie.
func (c *cookie) value(part, tenant string) (string, bool) {
	n := len(c.prefix) + len(tenant)
	if len(part) < n || part[:len(c.prefix)] != c.prefix || part[len(c.prefix):n] != tenant {
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
func (c *cookie) name(tenant string) string { return c.prefix + tenant }

// pending returns the session id that this response sets already, empty if it deletes the cookie.
func (c *cookie) pending(h http.Header, tenant string) (id string, ok bool) {
	for _, line := range h["Set-Cookie"] {
		if rest, found := strings.CutPrefix(line, c.name(tenant)+"="); found {
			id, _, _ = strings.Cut(rest, ";")
			return id, true
		}
	}
	return "", false
}

// set makes the response carry the cookie with id, in place of one that the response carries
// already. With an empty id the response deletes the cookie.
func (c *cookie) set(h http.Header, tenant, id string) {
	name := c.name(tenant)
	isOurs := func(line string) bool { return strings.HasPrefix(line, name+"=") }
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], isOurs)
	ck := http.Cookie{
		Name:     name,
		Value:    id,
		Path:     "/",
		MaxAge:   c.maxAge,
		Secure:   !c.insecure,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
	if id == "" {
		ck.MaxAge = -1
	}
	h.Add("Set-Cookie", ck.String())
	h.Set("Cache-Control", "private, no-store")
}
