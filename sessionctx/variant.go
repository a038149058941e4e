package sessionctx

import (
	"net/url"

	"github.com/sessionctx/storefront/defaults"
)

// Variant returns the key of the variant of the shop that the session sees: two sessions with the
// same key see the same prices and words on a page that is made of nothing but its URL and of
// site, currency, country and language. Page caches use it as a part of their keys, see
// middleware.Config.Variant.
//
//	1-demoshop:main:EUR:DE:de
//
// The parts are the version of the form, tenant, site, currency, country and language. A site or a
// language that the URL decided (a request site, a request language) is marked with '@', as in
// 1-demoshop:@ch:CHF:CH:@fr: a browser that comes from such a URL must not get, on a URL that says
// nothing, the page of those who chose that site or language.
//
// No other value is in the key: neither ids nor customer, cart, attributes and versions. The key
// depends on nothing but the session, so every process makes the same one. All values are spelled
// out, also those that are the site's defaults: a key that left them out would mean something else
// after the site's defaults have changed, while a cache still has the earlier pages.
//
// The key is empty, and no cache may keep the page, for a session that is Degraded or has
// ProfileMissing, because its values are not those that the shopper sees a moment later, and for a
// session without a site. Otherwise each of its bytes is permitted in the value of a cookie (RFC
// 6265, section 4.1.1). It has some 30 bytes, and 300 at most with the data of package defaults.
//
// Security: the key is no secret, and proves nothing. Whoever sends a key sees the public page of
// that variant.
func (s Session) Variant() string {
	if s.Degraded || s.ProfileMissing || s.Site == "" {
		return ""
	}
	var room [128]byte
	b := append(room[:0], "1-"...)
	b = append(b, url.QueryEscape(s.Tenant)...)
	b = appendVariant(b, s.Site, s.sources[defaults.FieldSite] == defaults.SourceRequestSite)
	b = appendVariant(b, s.Currency, false)
	b = appendVariant(b, s.Country, false)
	b = appendVariant(b, s.Language, s.sources[defaults.FieldLanguage] == defaults.SourceRequestLanguage)
	return string(b)
}

// appendVariant appends one part. QueryEscape escapes ':' and '@', so the key is unambiguous.
func appendVariant(b []byte, value string, byURL bool) []byte {
	b = append(b, ':')
	if byURL {
		b = append(b, '@')
	}
	return append(b, url.QueryEscape(value)...)
}
