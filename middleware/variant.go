package middleware

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/sessionctx"
)

// variantHeader is the request header to which a proxy copies the variant cookie, and the response
// header that names the variant of the response. The cookie has the same name, after "__Host-"
// unless Config.InsecureCookie is set. A session cookie never has this name, because its name ends
// with a tenant, which begins with a small letter.
const variantHeader = "Session-Variant"

// maxVariantAge is the longest life of the variant cookie.
const maxVariantAge = 30 * time.Minute

// variant tells proxies and browsers which variant of a page is this visitor's: see Config.Variant.
type variant struct {
	on     bool
	cookie http.Cookie // without a value
}

func newVariant(cfg *Config) (variant, error) {
	if !cfg.Variant {
		return variant{}, nil
	}
	v := variant{on: true, cookie: http.Cookie{
		Name: "__Host-" + variantHeader, Path: "/", MaxAge: int(maxVariantAge / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}}
	if cfg.InsecureCookie {
		v.cookie.Name, v.cookie.Secure = variantHeader, false
	}
	if cfg.Resolver != nil {
		// A page from a cache does not use the session. Within half of the idle time one request of
		// the visitor must come through, or the session of a busy shopper would expire.
		for _, customer := range [...]bool{false, true} {
			if idle := cfg.Resolver.IdleTime(customer); idle > 0 {
				v.cookie.MaxAge = min(v.cookie.MaxAge, int(max(time.Second, idle/2)/time.Second))
			}
		}
	}
	if cfg.NoCookie || cfg.Partitioned {
		return v, mistake("Variant", "true", "cannot be set together with NoCookie or Partitioned")
	}
	return v, nil
}

// written tells which variant the session has after a write. After an error that is not known: the
// write may have been applied, or the session may have ended.
func (v *variant) written(h http.Header, r *http.Request, s *sessionctx.Session, err error) {
	if !v.on {
		return
	}
	key := s.Variant()
	if err != nil || key == "" {
		v.forget(h, r)
		return
	}
	h[variantHeader] = []string{key}
	v.keep(h, r, key)
}

// keep makes the browser keep the key, if it has another one.
func (v *variant) keep(h http.Header, r *http.Request, key string) {
	if !v.isBrowsers(r) {
		return
	}
	v.take(h)
	if v.sent(r) != key {
		v.set(h, key, v.cookie.MaxAge)
	}
}

// forget makes the browser's next request come through the caches.
func (v *variant) forget(h http.Header, r *http.Request) {
	delete(h, variantHeader)
	if v.isBrowsers(r) && (v.take(h) || len(r.CookiesNamed(v.cookie.Name)) > 0) {
		v.set(h, "", -1)
	}
}

// isBrowsers reports whether the variant of r is the one that the browser is to ask for next. A
// token that a script sends says nothing of the pages that the browser opens, and a request without
// the cookies says nothing of the session.
func (v *variant) isBrowsers(r *http.Request) bool { return !hasAPICredentials(r) && !withheld(r) }

// take takes the variant cookie out of the response, and reports whether there was one.
func (v *variant) take(h http.Header) bool {
	lines := h["Set-Cookie"]
	n := len(lines)
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, v.cookie.Name+"=") })
	if len(lines) == n {
		return false
	}
	if h["Set-Cookie"] = lines; len(lines) == 0 {
		delete(h, "Set-Cookie")
	}
	return true
}

func (v *variant) set(h http.Header, key string, age int) {
	c := v.cookie
	c.Value, c.MaxAge = key, age
	h.Add("Set-Cookie", c.String())
	h["Cache-Control"] = []string{noStore}
}

// sent returns the key that the browser has sent, as the proxy has read it, or else by its cookie.
// It is empty if there are several cookies with different keys.
func (v *variant) sent(r *http.Request) string {
	if lines := r.Header[variantHeader]; len(lines) == 1 && lines[0] != "" {
		return lines[0]
	}
	key := ""
	for i, c := range r.CookiesNamed(v.cookie.Name) {
		if i > 0 && c.Value != key {
			return ""
		}
		key = c.Value
	}
	return key
}
