package middleware

import (
	"errors"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/defaults"
)

// hinter reads what a request suggests, as far as the configuration believes it.
type hinter struct {
	any            bool
	acceptLanguage bool
	countryHeader  string // canonical; empty: off
	trusted        []netip.Prefix
}

func newHinter(cfg *Config) (hinter, error) {
	h := hinter{
		any:            cfg.AcceptLanguage || cfg.CountryHeader != "",
		acceptLanguage: cfg.AcceptLanguage,
		countryHeader:  textproto.CanonicalMIMEHeaderKey(cfg.CountryHeader),
		trusted:        make([]netip.Prefix, 0, len(cfg.TrustedProxies)),
	}
	var errs []error
	switch {
	case cfg.CountryHeader == "":
		if len(cfg.TrustedProxies) != 0 {
			errs = append(errs, &ConfigError{Field: "Config.TrustedProxies", Reason: ReasonNoEffect, Rule: "it says whose CountryHeader is believed"})
		}
	case !isFieldName(cfg.CountryHeader):
		errs = append(errs, &ConfigError{Field: "Config.CountryHeader", Value: cfg.CountryHeader, Reason: ReasonMalformed, Rule: "must be the name of a header field"})
	case len(cfg.TrustedProxies) == 0:
		errs = append(errs, &ConfigError{Field: "Config.CountryHeader", Value: cfg.CountryHeader, Reason: ReasonNoEffect, Rule: "TrustedProxies says whose is believed"})
	}
	for _, p := range cfg.TrustedProxies {
		switch {
		case !p.IsValid() || p.Addr().Is4In6():
			errs = append(errs, &ConfigError{Field: "Config.TrustedProxies", Value: p.String(), Reason: ReasonMalformed, Rule: "must be a prefix of IPv4 or IPv6 addresses, such as 192.0.2.0/24"})
		case p.Bits() == 0:
			errs = append(errs, &ConfigError{Field: "Config.TrustedProxies", Value: p.String(), Reason: ReasonEveryone})
		default:
			h.trusted = append(h.trusted, p)
		}
	}
	return h, errors.Join(errs...)
}

// isFieldName reports whether s is a field name of letters, digits and '-', a subset of RFC 9110, section 5.1.
func isFieldName(s string) bool {
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func (h *hinter) read(r *http.Request, hints *defaults.Hints) {
	if h.countryHeader != "" {
		// Two values would mean that the proxy adds to what the client sent instead of replacing it.
		if v := r.Header[h.countryHeader]; len(v) == 1 && h.trusts(r.RemoteAddr) {
			hints.Country = textproto.TrimString(v[0])
		}
	}
	if h.acceptLanguage {
		v := r.Header["Accept-Language"]
		switch {
		case len(v) == 1:
			hints.AcceptLanguage = v[0]
		case len(v) > 1:
			hints.AcceptLanguage = strings.Join(v, ",") // RFC 9110, section 5.3
		}
	}
}

// trusts reports whether remote, "address:port", is a trusted proxy's. Anything else, such as the "@" of a
// Unix socket, is not.
func (h *hinter) trusts(remote string) bool {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	// A listener on "::" sees IPv4 peers as ::ffff:a.b.c.d; a zone says which interface, not who.
	addr := ap.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(h.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}
