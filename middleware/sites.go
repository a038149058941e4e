package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/defaults/codes"
)

// SiteLanguage is what a URL says: the request site and the request language of package sessionctx.
// They outrank the shopper's choices on that URL and are never persisted.
type SiteLanguage struct {
	Site     string // code of a site; empty: the URL says none
	Language string // BCP 47; empty: the URL says none
}

// or returns p, with what p leaves empty taken from q.
func (p SiteLanguage) or(q SiteLanguage) SiteLanguage {
	return SiteLanguage{Site: cmp.Or(p.Site, q.Site), Language: cmp.Or(p.Language, q.Language)}
}

// siteMap is Config.Sites and Config.SiteOf.
type siteMap struct {
	hosts   map[string]hostSites // by host, in lower case and without a last dot
	anyHost hostSites            // the keys without a host
	of      func(*http.Request, string) (SiteLanguage, error)
}

// hostSites is what the URLs of one host say. A longer prefix has taken over what it does not say
// itself from the shorter ones.
type hostSites struct {
	all SiteLanguage // for every path of the host
	// below holds the path prefixes, longest first: "/de/shop", "/de".
	below []pathSite
}

type pathSite struct {
	prefix string
	SiteLanguage
}

func newSiteMap(cfg *Config) (*siteMap, error) {
	if len(cfg.Sites) == 0 && cfg.SiteOf == nil {
		return nil, nil
	}
	p := &siteMap{hosts: make(map[string]hostSites, len(cfg.Sites)), of: cfg.SiteOf}
	var errs []error
	refuse := func(key, rule string) { errs = append(errs, mistake("Sites", key, rule)) }
	for _, key := range slices.Sorted(maps.Keys(cfg.Sites)) {
		host, prefix := key, ""
		if i := strings.IndexByte(key, '/'); i >= 0 {
			host, prefix = key[:i], strings.TrimSuffix(key[i:], "/")
		}
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		hostless := host == "" && strings.HasPrefix(key, "/") && prefix != ""
		if !hostless && !isHost(host) || prefix == "/" || prefix != "" && path.Clean(prefix) != prefix || strings.ContainsAny(prefix, "%?#") {
			refuse(key, "must be a host, a path, or both, such as shop.example/de: ASCII, no scheme, no port")
			continue
		}
		found := cfg.Sites[key]
		if found == (SiteLanguage{}) {
			refuse(key, "must have a site or a language")
			continue
		}
		if found.Language != "" {
			canonical, ok := codes.Language(found.Language)
			if !ok {
				refuse(key, fmt.Sprintf("must have a language of BCP 47, not %q", found.Language))
				continue
			}
			found.Language = canonical
		}
		hp := p.anyHost
		if !hostless {
			hp = p.hosts[host]
		}
		switch {
		case prefix == "" && hp.all != SiteLanguage{},
			slices.ContainsFunc(hp.below, func(b pathSite) bool { return b.prefix == prefix }):
			refuse(key, "must not stand for the same host and path as another key")
			continue
		case prefix == "":
			hp.all = found
		default:
			hp.below = append(hp.below, pathSite{prefix, found})
		}
		if hostless {
			p.anyHost = hp
		} else {
			p.hosts[host] = hp
		}
	}
	p.anyHost.inherit()
	for _, hp := range p.hosts {
		hp.inherit()
	}
	return p, errors.Join(errs...)
}

// inherit sorts the prefixes and completes each one from the shorter ones.
func (hp hostSites) inherit() {
	slices.SortFunc(hp.below, func(a, b pathSite) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	for i := range hp.below {
		b := &hp.below[i]
		for _, shorter := range hp.below[i+1:] {
			if isBelow(b.prefix, shorter.prefix) {
				b.SiteLanguage = b.or(shorter.SiteLanguage)
			}
		}
		b.SiteLanguage = b.or(hp.all)
	}
}

// isBelow reports whether path is prefix or below it.
func isBelow(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// at returns what a path of the host says.
func (hp *hostSites) at(path string) SiteLanguage {
	for i := range hp.below {
		if isBelow(path, hp.below[i].prefix) {
			return hp.below[i].SiteLanguage
		}
	}
	return hp.all
}

// find returns what the URL of r says. The error is one of Config.SiteOf.
func (p *siteMap) find(r *http.Request) (found SiteLanguage, err error) {
	hp, ok := p.hosts[r.Host] // most hosts arrive in lower case and without a port
	if !ok {
		var buf [maxHost]byte
		host, valid := lowerHost(&buf, r.Host)
		if valid {
			hp, ok = p.hosts[string(host)]
		}
		if !ok && p.of != nil {
			name := string(host)
			if !valid || !isHost(name) {
				name = ""
			}
			if found, err = p.of(r, name); err != nil {
				return SiteLanguage{}, fmt.Errorf("middleware: Config.SiteOf: %w", err)
			}
		}
	}
	if ok {
		found = hp.at(r.URL.Path)
	}
	if len(p.anyHost.below) > 0 {
		found = found.or(p.anyHost.at(r.URL.Path))
	}
	return found, nil
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

// maxHost is the longest name that DNS can carry, as text and without its last dot (RFC 1035,
// section 2.3.4).
const maxHost = 253

// lowerHost writes a Host header to buf: without port and last dot, in lower case. It returns false
// for a header that RFC 3986, section 3.2, does not allow, and for one that is too long.
func lowerHost(buf *[maxHost]byte, header string) ([]byte, bool) {
	host, ok := cutPort(header)
	host = strings.TrimSuffix(host, ".")
	if !ok || len(host) > maxHost {
		return nil, false
	}
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf[:len(host)], true
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
