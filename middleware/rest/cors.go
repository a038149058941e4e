package rest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/sessionctx"
)

// origins are those of Config.AllowedOrigins.
type origins []string

// newOrigins checks and copies a list. An error joins one *sessionctx.ConfigError per mistake.
func newOrigins(list []string) (origins, error) {
	var errs []error
	for _, o := range list {
		if !isOrigin(o) {
			errs = append(errs, &sessionctx.ConfigError{
				Field: "rest.Config.AllowedOrigins", Value: o,
				Rule: `must be an origin as browsers write it, "https://shop.example": small letters, no path, no default port, no "*"`,
			})
		}
	}
	return slices.Clone(origins(list)), errors.Join(errs...)
}

// isOrigin reports whether s is the serialization of an origin: RFC 6454, section 6.2.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || s != u.Scheme+"://"+u.Host {
		return false
	}
	defaultPort := u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
	// "%", "*" and letters beyond ASCII are in no host that a browser sends.
	return s == strings.ToLower(s) && !defaultPort && !strings.HasSuffix(s, ":") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '*' || r == '%' })
}

// What scripts of another origin may send and read, besides what the Fetch Standard permits anyway.
// The service's clients send headers of their own that say nothing here, so "*" permits the others;
// it never stands for Authorization.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Saas-Token, *"
	corsExposed = "*"    // without credentials it stands for every header of the answer
	corsMaxAge  = "7200" // seconds; no browser keeps it longer than a day, Chromium 2 hours
)

// answer sets the headers of CORS for a request of an allowed origin. It reports whether the
// request was a preflight, which is then answered.
func (o origins) answer(w http.ResponseWriter, r *http.Request) bool {
	if len(o) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin") // also without an Origin: a cache must not give that answer to other requests
	origin := r.Header["Origin"]
	if len(origin) != 1 || !slices.Contains(o, origin[0]) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin[0])
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Expose-Headers", corsExposed)
		return false
	}
	h.Set("Access-Control-Allow-Methods", corsMethods)
	h.Set("Access-Control-Allow-Headers", corsHeaders)
	h.Set("Access-Control-Max-Age", corsMaxAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// CORS wraps next. For an origin in Config.AllowedOrigins it answers preflights, and adds the
// headers that let the origin read the other responses. For every other origin it adds nothing. It
// is for what clients of the interface call besides it, such as the endpoints that issue tokens. It
// refuses nothing: a browser does.
func (h *Handler) CORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.origins.answer(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}
