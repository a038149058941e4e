package middleware

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Middleware. New copies what it needs and never writes to it; a zero field is its
// documented default.
type Config struct {
	_ [0]func()

	// Resolver resolves the sessions. Required; its owner closes it.
	Resolver *sessionctx.Resolver

	// Tenant decides which tenant a request is for, from what the server knows: a constant (see the function
	// Tenant), the host, the path. Required. It is asked more than once per request, so it must give the same
	// answer outside and inside of a mux. It must be safe for concurrent use by multiple goroutines, as the other functions here.
	//
	// An empty answer leaves the decision to a bearer token; a request without one is then for an unknown
	// tenant. When both speak they must agree, else the request fails with ErrWrongTenant.
	//
	// Security: derive the tenant from an exact list of hosts, never from any part of an unlisted Host header.
	Tenant func(*http.Request) string

	// Identify says who is asking, before the anonymous cookie does: Bearer.Identify, or the host's own login.
	// Default: nothing but the cookie.
	//
	//   - The zero Identity says that it has nothing to say: then the cookie decides.
	//   - Any other identity is final, one without a session id too: the cookie is not read. An empty tenant
	//     stands for the tenant of the request.
	//   - An error refuses the request: ErrUnauthenticated is for bad credentials. The cookie is not read.
	Identify func(*http.Request) (sessionctx.Identity, error)

	// NoCookie turns the anonymous cookie off: it is neither read nor set. A visitor without any other identity
	// then sees defaults and cannot choose.
	NoCookie bool

	// CookieName is the middle part of the cookie's name, which is "__Host-" + CookieName + "-" + tenant.
	// The tenant is in it so that two tenants on one host do not overwrite each other's cookie. Default "session".
	// Permitted: 1 to 64 ASCII letters, digits, '-' and '_'.
	CookieName string

	// CookieMaxAge is how long a browser keeps the cookie after a session's first write, its login and its logout;
	// no other answer renews it. Default: until the browser closes. Permitted: whole seconds up to 400 days, the
	// limit of RFC 6265bis, section 5.5. What ends a session is not this but the resolver's idle time.
	CookieMaxAge time.Duration

	// InsecureCookie drops Secure and the "__Host-" prefix, for development over plain HTTP.
	//
	// Security: without the prefix a neighbouring subdomain, or anybody on the network, can plant a session of
	// their own choice. Never use it in production.
	InsecureCookie bool

	// Sites maps hosts, or hosts with a path prefix, to the code of the site that they show: the request site.
	// "shop.example" matches that host alone, "shop.example/de" the path /de and what is below it, not /deutschland;
	// the longest prefix wins. Ports, letter case and one trailing dot of a request's host do not count. A key is
	// written without scheme and port, and an internationalized name in its ASCII form (RFC 5890, section 2.3.2.1).
	// The path is http.Request.URL.Path as the middleware gets it, so wrap outside of http.StripPrefix.
	//
	// Default: no request site. Security: the list is exact, so a host that is not in it has no request site;
	// X-Forwarded-Host and Forwarded are never read.
	Sites map[string]string

	// CountryHeader names the header in which a proxy or CDN puts the visitor's country, an ISO 3166-1 alpha-2 code:
	// "CF-IPCountry", "CloudFront-Viewer-Country". Default: no country hint. It needs TrustedProxies.
	CountryHeader string

	// TrustedProxies are the addresses from which CountryHeader is believed: those of the proxy's side of the
	// connection, http.Request.RemoteAddr. Prefixes of length 0 are refused.
	//
	// Security: the proxy must replace what a client sent under that name. Run nothing before this middleware that
	// rewrites RemoteAddr from X-Forwarded-For and the like: it would let a client say where it comes from.
	TrustedProxies []netip.Prefix

	// AcceptLanguage makes the Accept-Language header a hint for the language. It needs no trusted proxy, since the
	// header is the user agent's own statement, passed through by proxies; but a page then depends on it, so a cache
	// must be told: Vary: Accept-Language.
	AcceptLanguage bool

	// Skip says which requests pass untouched, without a session in their context: assets, health checks.
	// Default: none.
	Skip func(*http.Request) bool

	// OnError answers a request for which no session could be resolved. Default: RenderEnded.
	OnError ErrorPolicy
}

// maxCookieAge is the upper limit of RFC 6265bis, section 5.5: a browser shortens anything longer.
const maxCookieAge = 400 * 24 * time.Hour

// New returns a Middleware. An error joins one *ConfigError per mistake.
func New(cfg Config) (*Middleware, error) {
	m := &Middleware{
		resolver: cfg.Resolver,
		tenant:   cfg.Tenant,
		identify: cfg.Identify,
		skip:     cfg.Skip,
		onError:  cfg.OnError,
	}
	var errs []error
	if cfg.Resolver == nil {
		errs = append(errs, &ConfigError{Field: "Config.Resolver", Reason: ReasonMissing})
	}
	if cfg.Tenant == nil {
		errs = append(errs, &ConfigError{Field: "Config.Tenant", Reason: ReasonMissing})
	}
	if m.onError == nil {
		m.onError = RenderEnded
	}
	var err error
	if m.cookie, err = newCookie(&cfg); err != nil {
		errs = append(errs, err)
	}
	if m.sites, err = newSiteMap(cfg.Sites); err != nil {
		errs = append(errs, err)
	}
	if m.hints, err = newHinter(&cfg); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return m, nil
}

// Tenant returns a Config.Tenant for a server of one tenant. It panics if name is not a tenant:
// ^[a-z][a-z0-9]+$, 3 to 16 characters.
func Tenant(name string) func(*http.Request) string {
	if !defaults.ValidTenant(name) {
		panic((&ConfigError{Field: "Tenant", Value: name, Reason: ReasonMalformed, Rule: ruleTenant}).Error())
	}
	return func(*http.Request) string { return name }
}
