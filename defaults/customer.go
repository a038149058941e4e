package defaults

import (
	"slices"
	"strings"
)

// Customer is what the shop knows of a customer's preferences, in whatever spelling it was stored.
// Surrounding blanks do not count. A country may also be written with three letters, or as UK or
// EL. The country in a language may have three letters, too. A tail of a language that cannot be
// parsed is cut off, as in de_DE.UTF-8. A preference that cannot be used is rejected and never an
// error: the data is older than the rules. The zero Customer prefers nothing: it stands for a
// customer who is not known.
type Customer struct {
	Site      string // code of the preferred site
	Currency  string // preferred currency, ISO 4217
	Language  string // preferred language, BCP 47
	Addresses []Address
}

// Address is one address of a customer. One address may be of several kinds. An address without a
// country decides nothing.
type Address struct {
	Country string // ISO 3166-1 alpha-2
	// Tags are the kinds: "shipping", "billing". Case, surrounding blanks, the usual prefixes and
	// the word "address" at the end do not count, as in "DEFAULT_SHIPPING", "address.billing" and
	// "billingAddress". Other tags are ignored.
	Tags    []string
	Default bool // tried first among the addresses of its kind
}

const (
	shipping = "shipping"
	billing  = "billing"
)

func (a *Address) is(kind string) bool {
	for _, tag := range a.Tags {
		tag = trimSeparators(tag)
		if name := len(tag) - len("address"); name > 0 && strings.EqualFold(tag[name:], "address") {
			tag = trimSeparators(tag[:name])
		}
		before := len(tag) - len(kind)
		if before >= 0 && strings.EqualFold(tag[before:], kind) && isTagPrefix(tag[:before]) {
			return true
		}
	}
	return false
}

// tagPrefixes are what shop systems write in front of the kind of an address. A longer prefix goes
// before one that it begins with.
var tagPrefixes = [...]string{"default", "is", "primary", "preferred", "main", "address", "addr", "customer", "type", "kind", "role", "tag"}

// isTagPrefix reports whether s consists of the usual prefixes and of separators alone. An empty s
// does.
func isTagPrefix(s string) bool {
	for s = trimSeparators(s); s != ""; s = trimSeparators(s) {
		i := slices.IndexFunc(tagPrefixes[:], func(prefix string) bool {
			return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
		})
		if i < 0 {
			return false
		}
		s = s[len(tagPrefixes[i]):]
	}
	return true
}

func trimSeparators(tag string) string { return strings.Trim(tag, blanks+"_-.:/=#") }
