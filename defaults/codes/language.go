package codes

import "github.com/sessionctx/storefront/internal/languages"

// Language returns the canonical spelling of a BCP 47 language tag (RFC 5646 section 4.5, and
// CLDR's replacements for deprecated languages): en_gb is en-GB, iw is he. Not accepted are tags
// that are longer than 35 bytes, as given or as they would be returned, tags with a subtag that
// golang.org/x/text does not know, and tags that name no language of a person: und, mul, mis, zxx,
// tags of private use alone, and a country of three letters, as in de-CHE. Safe for concurrent use
// by multiple goroutines.
func Language(s string) (tag string, ok bool) {
	tag, _, ok = languages.Canonical(s)
	return tag, ok
}
