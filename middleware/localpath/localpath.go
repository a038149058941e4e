// Package localpath reads the path of this server that a client names for a redirect, and refuses
// all that might lead to another server.
package localpath

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// longest is how many bytes a path may have: longer ones are cut by old browsers and proxies.
const longest = 2048

// Parse reads a path that a client sent and that a redirect is to lead to, such as the field
// "return" of a form. The String of the URL is fit for a Location header. ok is false for
// everything that is no path of this server, and for everything that some browser or proxy might
// not take for one:
//
//   - what does not begin with one slash: a URL with a scheme or a host, "//evil.example", a
//     relative path, the empty text;
//   - "//" anywhere in the path, a backslash, which browsers read as a slash (WHATWG URL, section
//     4.4), and a control character, which they leave out: also where they are percent-encoded;
//   - "." and ".." as segments, also percent-encoded;
//   - what is no URL, no UTF-8, or longer than 2048 bytes.
//
// A query and a fragment may follow the path. The query may hold another URL. Neither may hold a
// backslash or a control character. Safe for concurrent use by multiple goroutines.
func Parse(s string) (u *url.URL, ok bool) {
	if len(s) > longest || !strings.HasPrefix(s, "/") || !utf8.ValidString(s) || hasUnsafe(s) {
		return nil, false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return nil, false
	}
	if hasUnsafe(u.Path) || !utf8.ValidString(u.Path) || !cleanPath(u.Path) || hasUnsafe(u.Fragment) {
		return nil, false
	}
	u.RawQuery = escapeQuery(u.RawQuery)
	return u, true
}

// hasUnsafe reports whether s has a backslash or a control character.
func hasUnsafe(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r < ' ' || 0x7f <= r && r < 0xa0 })
}

// cleanPath reports whether a path has no empty segment, and none of dots.
func cleanPath(p string) bool {
	return p == "/" || p != "//" && path.Clean(p) == strings.TrimSuffix(p, "/")
}

// escapeQuery percent-encodes what no URL has unencoded.
func escapeQuery(query string) string {
	if !strings.ContainsFunc(query, unencoded) {
		return query
	}
	var b strings.Builder
	for _, r := range query {
		if unencoded(r) {
			b.WriteString(url.QueryEscape(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unencoded(r rune) bool {
	return r >= utf8.RuneSelf || strings.ContainsRune(` "<>`, r)
}
