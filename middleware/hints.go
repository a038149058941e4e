package middleware

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/sessionctx"
)

// hinter reads the hints of a request that the configuration believes.
type hinter struct {
	any            bool
	acceptLanguage bool
	countryHeader  string // canonical; empty: off
	trusted        []netip.Prefix
	trustUnix      bool
	country        func(*http.Request) string // nil: off
}

func newHinter(cfg *Config) (hinter, error) {
	h := hinter{
		any:            cfg.AcceptLanguage || cfg.CountryHeader != "" || cfg.Country != nil,
		acceptLanguage: cfg.AcceptLanguage,
		countryHeader:  textproto.CanonicalMIMEHeaderKey(cfg.CountryHeader),
		trusted:        make([]netip.Prefix, 0, len(cfg.TrustedProxies)),
		trustUnix:      cfg.TrustUnixSocket,
		country:        cfg.Country,
	}
	var errs []error
	switch {
	case cfg.CountryHeader == "":
		if len(cfg.TrustedProxies) != 0 {
			errs = append(errs, mistake("TrustedProxies", fmt.Sprint(cfg.TrustedProxies), "has no effect without CountryHeader"))
		}
		if cfg.TrustUnixSocket {
			errs = append(errs, mistake("TrustUnixSocket", "true", "has no effect without CountryHeader"))
		}
	case !isFieldName(cfg.CountryHeader):
		errs = append(errs, mistake("CountryHeader", cfg.CountryHeader, "must be the name of a header field: letters, digits, '-'"))
	case len(cfg.TrustedProxies) == 0 && !cfg.TrustUnixSocket:
		errs = append(errs, mistake("CountryHeader", cfg.CountryHeader, "has no effect without TrustedProxies or TrustUnixSocket"))
	}
	for _, p := range cfg.TrustedProxies {
		switch {
		case !p.IsValid() || p.Addr().Is4In6():
			errs = append(errs, mistake("TrustedProxies", p.String(), "must be a prefix of IPv4 or IPv6 addresses, such as 192.0.2.0/24"))
		case p.Bits() == 0:
			errs = append(errs, mistake("TrustedProxies", p.String(), "must not trust every address"))
		default:
			h.trusted = append(h.trusted, p)
		}
	}
	return h, errors.Join(errs...)
}

// isFieldName reports whether s is a field name of letters, digits and '-', a subset of RFC 9110,
// section 5.1.
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

// read fills in what r suggests.
func (h *hinter) read(r *http.Request, req *sessionctx.Request) {
	if h.countryHeader != "" {
		// Two values would mean that the proxy adds to what the client sent instead of replacing
		// it.
		if v := r.Header[h.countryHeader]; len(v) == 1 && h.trusts(r) {
			req.GeoCountry = textproto.TrimString(v[0])
		}
	}
	if h.country != nil && req.GeoCountry == "" {
		req.GeoCountry = h.country(r)
	}
	if h.acceptLanguage {
		v := r.Header["Accept-Language"]
		switch {
		case len(v) == 1:
			req.AcceptLanguage = v[0]
		case len(v) > 1:
			req.AcceptLanguage = strings.Join(v, ",") // RFC 9110, section 5.3
		}
	}
}

// trusts reports whether the other side of the connection is a trusted proxy.
func (h *hinter) trusts(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return h.trustUnix && isUnixSocket(r)
	}
	// A listener on "::" sees IPv4 peers as ::ffff:a.b.c.d; a zone says which interface, not who.
	addr := ap.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(h.trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// isUnixSocket reports whether r came over a Unix socket. net/http calls a peer whose socket has no
// name "@" or "", and another one by its path. The listener's address is certain where the context
// has it.
func isUnixSocket(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		return local.Network() == "unix"
	}
	return r.RemoteAddr == "@" || r.RemoteAddr == ""
}
