package middleware

import (
	"net/http"
	"net/url"
	"strings"
)

// What browsers say of a request by Sec-Fetch headers (Fetch Metadata, W3C). Browsers from before
// 2023, and pages over plain HTTP, send none.

// withheld reports whether the browser that sent r withholds its SameSite=Lax cookies from it: the
// request comes from another site, and is no top-level navigation by GET (RFC 6265bis, section
// 5.6.7.2). A request without Sec-Fetch headers counts as such if it has an unsafe method and a
// foreign Origin.
func withheld(r *http.Request) bool {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "same-site", "none":
		return false
	case "":
		origin := r.Header.Get("Origin")
		return !safe && r.Method != http.MethodOptions && origin != "" && !ofHost(origin, r.Host)
	}
	return !safe || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

func ofHost(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// isPrefetch reports whether the browser fetches a page that nobody has asked for yet.
func isPrefetch(r *http.Request) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if strings.HasPrefix(r.Header.Get(name), "prefetch") {
			return true
		}
	}
	return false
}

// isNavigation reports whether r opens a page in a tab.
func isNavigation(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if mode := r.Header["Sec-Fetch-Mode"]; len(mode) > 0 {
		return mode[0] == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" && !isPrefetch(r)
	}
	accept := r.Header["Accept"]
	return len(accept) > 0 && strings.Contains(accept[0], "text/html") && !isPrefetch(r)
}

// hasAPICredentials reports whether r has credentials in its Authorization header that no browser
// sends by itself, such as a bearer token.
func hasAPICredentials(r *http.Request) bool {
	for _, v := range r.Header["Authorization"] {
		switch scheme, _, _ := strings.Cut(v, " "); strings.ToLower(scheme) {
		case "", "basic", "digest", "negotiate", "ntlm":
		default:
			return true
		}
	}
	return false
}
