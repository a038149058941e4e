package middleware

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// siteMap is Config.Sites by host, in lower case and without a last dot.
type siteMap map[string]hostSites

type hostSites struct {
	site string // for every path of the host; empty: none
	// below holds the path prefixes, longest first: "/de/shop", "/de".
	below []pathSite
}

type pathSite struct {
	prefix, site string
}

func newSiteMap(sites map[string]string) (siteMap, error) {
	if len(sites) == 0 {
		return nil, nil
	}
	m := make(siteMap, len(sites))
	var errs []error
	refuse := func(key, rule string) { errs = append(errs, mistake("Sites", key, rule)) }
	for _, key := range slices.Sorted(maps.Keys(sites)) {
		host, prefix := key, ""
		if i := strings.IndexByte(key, '/'); i >= 0 {
			host, prefix = key[:i], strings.TrimSuffix(key[i:], "/")
		}
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if !isHost(host) || prefix != "" && path.Clean(prefix) != prefix || strings.ContainsAny(prefix, "%?#") {
			refuse(key, "must be a host, or a host and a path, such as shop.example/de: ASCII, no scheme, no port")
			continue
		}
		if sites[key] == "" {
			refuse(key, "must have the code of a site")
			continue
		}
		hs := m[host]
		switch {
		case prefix == "" && hs.site != "",
			slices.ContainsFunc(hs.below, func(p pathSite) bool { return p.prefix == prefix }):
			refuse(key, "must not stand for the same host and path as another key")
		case prefix == "":
			hs.site = sites[key]
		default:
			hs.below = append(hs.below, pathSite{prefix, sites[key]})
			slices.SortFunc(hs.below, func(a, b pathSite) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
		}
		m[host] = hs
	}
	return m, errors.Join(errs...)
}

// isHost reports whether s is a name of lower-case letters, digits, '-', '_' and inner dots, or an
// IP literal (RFC 3986, section 3.2.2): no port, nothing outside of ASCII.
func isHost(s string) bool {
	if literal, ok := strings.CutPrefix(s, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		addr, err := netip.ParseAddr(literal)
		return ok && err == nil && addr.Is6() && addr.Zone() == ""
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" {
			return false
		}
		for _, c := range []byte(label) {
			if !isAlphanumeric(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return len(s) <= maxHost
}

// find returns the request site of r, and the empty text if r has none.
func (m siteMap) find(r *http.Request) string {
	hs, ok := m[r.Host] // most hosts arrive in lower case and without a port
	if !ok {
		if hs, ok = m.findHost(r.Host); !ok {
			return ""
		}
	}
	for _, p := range hs.below {
		if rest, ok := strings.CutPrefix(r.URL.Path, p.prefix); ok && (rest == "" || rest[0] == '/') {
			return p.site
		}
	}
	return hs.site
}

// maxHost is the longest name that DNS can carry, as text and without its last dot (RFC 1035,
// section 2.3.4).
const maxHost = 253

// findHost looks up a Host header that has a port, capitals or a last dot.
func (m siteMap) findHost(host string) (hostSites, bool) {
	host, ok := cutPort(host)
	host = strings.TrimSuffix(host, ".")
	if !ok || len(host) > maxHost {
		return hostSites{}, false
	}
	var lower [maxHost]byte
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	hs, ok := m[string(lower[:len(host)])]
	return hs, ok
}

// cutPort returns host without ":port", and false for a host that RFC 3986, section 3.2, does not
// allow.
func cutPort(host string) (string, bool) {
	name, port := host, ""
	if end := strings.LastIndexByte(host, ']'); end >= 0 {
		name, port = host[:end+1], host[end+1:]
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	if port == "" {
		return name, true
	}
	if port[0] != ':' {
		return "", false
	}
	for _, c := range []byte(port[1:]) {
		if c < '0' || c > '9' {
			return "", false
		}
	}
	return name, true
}
