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

	"github.com/sessionctx/storefront/defaults"
)

// Place is what a URL stands for: the request site and the request language of package sessionctx.
// They outrank the shopper's choices on that URL and are never persisted.
type Place struct {
	Site     string // code of a site; empty: the URL says none
	Language string // BCP 47; empty: the URL says none
}

// or returns p, with what p leaves empty taken from q.
func (p Place) or(q Place) Place {
	return Place{Site: cmp.Or(p.Site, q.Site), Language: cmp.Or(p.Language, q.Language)}
}

// places are Config.Sites and Config.SiteOf.
type places struct {
	hosts   map[string]hostPlaces // by host, in lower case and without a last dot
	anyHost hostPlaces            // the keys without a host
	of      func(*http.Request, string) (Place, error)
}

// hostPlaces are the places of one host. A longer prefix has taken over what it does not say itself
// from the shorter ones.
type hostPlaces struct {
	place Place // for every path of the host
	// below holds the path prefixes, longest first: "/de/shop", "/de".
	below []pathPlace
}

type pathPlace struct {
	prefix string
	Place
}

func newPlaces(cfg *Config) (*places, error) {
	if len(cfg.Sites) == 0 && cfg.SiteOf == nil {
		return nil, nil
	}
	p := &places{hosts: make(map[string]hostPlaces, len(cfg.Sites)), of: cfg.SiteOf}
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
		place := cfg.Sites[key]
		if place == (Place{}) {
			refuse(key, "must have a site or a language")
			continue
		}
		if place.Language != "" {
			canonical, ok := defaults.CanonicalLanguage(place.Language)
			if !ok {
				refuse(key, fmt.Sprintf("must have a language of BCP 47, not %q", place.Language))
				continue
			}
			place.Language = canonical
		}
		hp := p.anyHost
		if !hostless {
			hp = p.hosts[host]
		}
		switch {
		case prefix == "" && hp.place != Place{},
			slices.ContainsFunc(hp.below, func(b pathPlace) bool { return b.prefix == prefix }):
			refuse(key, "must not stand for the same host and path as another key")
			continue
		case prefix == "":
			hp.place = place
		default:
			hp.below = append(hp.below, pathPlace{prefix, place})
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
func (hp hostPlaces) inherit() {
	slices.SortFunc(hp.below, func(a, b pathPlace) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	for i := range hp.below {
		b := &hp.below[i]
		for _, shorter := range hp.below[i+1:] {
			if isBelow(b.prefix, shorter.prefix) {
				b.Place = b.or(shorter.Place)
			}
		}
		b.Place = b.or(hp.place)
	}
}

// isBelow reports whether path is prefix or below it.
func isBelow(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// at returns the place of a path.
func (hp *hostPlaces) at(path string) Place {
	for i := range hp.below {
		if isBelow(path, hp.below[i].prefix) {
			return hp.below[i].Place
		}
	}
	return hp.place
}

// find returns the place of r. The error is one of Config.SiteOf.
func (p *places) find(r *http.Request) (place Place, err error) {
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
			if place, err = p.of(r, name); err != nil {
				return Place{}, fmt.Errorf("middleware: Config.SiteOf: %w", err)
			}
		}
	}
	if ok {
		place = hp.at(r.URL.Path)
	}
	if len(p.anyHost.below) > 0 {
		place = place.or(p.anyHost.at(r.URL.Path))
	}
	return place, nil
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
