package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// readOrigins returns the origins that -cors names, spelled as browsers send them.
func readOrigins(list string) (origins []string, err error) {
	var errs []error
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); list == "" {
			continue
		}
		u, err := url.Parse(item)
		rule := ""
		switch {
		case item == "*":
			rule = "must name each origin: there is no wildcard"
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
			rule = "must be an origin: https://host or https://host:port"
		case item != u.Scheme+"://"+u.Host:
			rule = "must be scheme, host and port alone, in small letters: no path, no slash at the end"
		case item != strings.ToLower(item) || strings.ContainsFunc(item, func(r rune) bool { return r > '~' }):
			rule = "must be spelled as browsers send it: in small letters, other scripts as xn--..."
		case u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" || strings.HasSuffix(u.Host, ":"):
			rule = "must not have the port that its scheme stands for: browsers leave it out"
		}
		if rule != "" {
			errs = append(errs, fmt.Errorf("storefront: -cors %q: %s", item, rule))
		}
		origins = append(origins, item)
	}
	return origins, errors.Join(errs...)
}

// What a client of another origin may send and read (Fetch Standard, section 3.3). It is the same
// for all paths: the clients are the same.
const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Emporix-Tenant, X-Version, saas-token, session-id"
	corsExposed = "ETag, Retry-After, WWW-Authenticate, X-Count"
	corsMaxAge  = "7200" // seconds; Chromium keeps none for longer
)

// cors lets scripts of the given origins call next, without what the browser has stored: they bring
// a bearer token. Without origins it is next.
func cors(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	allowed := make(map[string]bool, len(origins))
	for _, origin := range origins {
		allowed[origin] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		ok := len(r.Header["Origin"]) == 1 && allowed[r.Header.Get("Origin")]
		if ok {
			h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			if ok {
				h.Set("Access-Control-Allow-Methods", corsMethods)
				h.Set("Access-Control-Allow-Headers", corsHeaders)
				h.Set("Access-Control-Max-Age", corsMaxAge)
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if ok {
			h.Set("Access-Control-Expose-Headers", corsExposed)
		}
		next.ServeHTTP(w, r)
	})
}
