package middleware

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Middleware. New copies what it needs and never writes to it; a zero field is
// its documented default.
type Config struct {
	_ [0]func()

	// Resolver resolves the sessions. Required; its owner closes it.
	Resolver *sessionctx.Resolver

	// Tenant decides which tenant a request is for, from what the server knows: a constant (see the
	// function Tenant), the host, the path. Required. It is asked more than once per request, so it
	// must give the same answer outside and inside of a mux. It must be safe for concurrent use by
	// multiple goroutines, like the other functions here.
	//
	// An empty answer leaves the decision to Identify; a request without an identity is then for an
	// unknown tenant. When both name a tenant, the two must agree, else the request fails with
	// ErrWrongTenant.
	//
	// Security: derive the tenant from an exact list of hosts, never from a part of an unlisted
	// Host header.
	Tenant func(*http.Request) string

	// Identify says who is asking, before the anonymous cookie does. For JSON Web Tokens it is the
	// Identify of a bearer.Verifier, see package middleware/bearer. Default: the cookie alone.
	//
	//   - The zero Identity says nothing: then the cookie decides.
	//   - Any other identity is final, also one without a session id: the cookie is not read. With
	//     Customer an identity without a session id decides the tenant alone, and the cookies name
	//     the session. An empty tenant stands for the tenant of the request. The identity is
	//     Asserted, unless its Proof says otherwise.
	//   - An error refuses the request: ErrUnauthenticated is for bad credentials. The cookie is
	//     not read.
	//
	// Security: BySecret and Management are for hosts that have checked what these say. Where
	// Identify or Customer reads another header than Authorization and Cookie, add that header to
	// Vary, and do not call Shareable for such a page.
	Identify func(*http.Request) (sessionctx.Identity, error)

	// Customer says who is logged in at the host, for a host with a login of its own: the customer
	// id that the host's session names, unique over all issuers, or the empty text for nobody. The
	// cookies of this package then say which session. For tokens that name a customer and no
	// session it is a function that verifies the token. See docs/login.md. Default: none; the host
	// calls Login and Logout.
	//
	//   - Nobody is the answer for guests, and for staff who act for somebody.
	//   - An error refuses the request; it never stands for nobody. While the login cannot be
	//     looked up, return an error and not the empty text: a customer would be taken for a guest.
	//   - An anonymous session becomes the customer's, under a new id, on the first request that is
	//     no prefetch. While nobody is logged in, no customer's session is read or written.
	//   - Identify comes first, and is final where it names a session.
	//
	// Wrap and Attach ask Identify and Customer once for each request.
	Customer func(*http.Request) (customerID string, err error)

	// NoCookie turns the anonymous cookie off: it is neither read nor set. A guest then sees
	// defaults and cannot choose.
	NoCookie bool

	// CookieName is the middle part of the cookie's name, which is "__Host-" + CookieName + "-" +
	// tenant. With Customer, a customer's session has the cookie "__Host-" + CookieName +
	// "-customer-" + tenant. The tenant is a part of it so that two tenants on one host do not
	// overwrite each other's cookie. Permitted: 1 to 64 ASCII letters, digits, '-' and '_'. Default
	// "session".
	CookieName string

	// CookieMaxAge is how long a browser keeps the cookie. Default: four times the idle time of the
	// kind of session, see sessionctx.Config.AnonymousIdle and CustomerIdle. A value below twice
	// the idle time is raised to that, so that the cookie outlives the session. -1: until the
	// browser closes. Permitted: whole seconds up to 400 days, the limit of RFC 6265bis, section
	// 5.5. CookieMaxAge does not end a session; the idle time does.
	//
	// The cookie is set again by the first write of each quarter of its life, and by top-level
	// navigations once the last write is a quarter of its life ago.
	CookieMaxAge time.Duration

	// Partitioned is for a shop inside of another site's page, such as the preview of a CMS, where
	// browsers keep no SameSite=Lax cookie: the cookies are "SameSite=None; Partitioned" (CHIPS),
	// under names of their own with "-embedded" after CookieName. It cannot be combined with
	// InsecureCookie. Without SameSite, other sites' forms carry the cookie. So Update, Login,
	// Logout and Start refuse cross-origin requests with ErrCrossSite, as
	// http.CrossOriginProtection does.
	Partitioned bool

	// InsecureCookie drops Secure and the "__Host-" prefix, for development over plain HTTP.
	//
	// Security: without the prefix a neighbouring subdomain, or anybody on the network, can plant a
	// session of their own choice. Never use it in production.
	InsecureCookie bool

	// Sites maps hosts, path prefixes, and hosts with a path prefix to what they stand for: the
	// request site, the request language, or both. "shop.example" matches that host alone;
	// "shop.example/de" matches the path /de and what is below it, not /deutschland; "/de" does so
	// on every host. The longest prefix wins. What its SiteLanguage leaves empty comes from the next
	// shorter key of the host, and last from the keys without a host. Ports, letter case and one
	// trailing dot of a request's host do not count. A key is written without scheme and port, and
	// an internationalized name in its ASCII form (RFC 5890, section 2.3.2.1). The path is the
	// http.Request.URL.Path that Wrap gets, so wrap outside of http.StripPrefix.
	//
	// A language that the site does not offer decides nothing. Default: neither site nor language.
	// Security: the list is exact, so a host that is not in it says nothing; X-Forwarded-Host and
	// Forwarded are never read.
	Sites map[string]SiteLanguage

	// SiteOf says what a host stands for that no key of Sites names: for a marketplace whose hosts
	// are in a database. host is that of the request, in lower case, without port and last dot, and
	// empty where the request has no valid one. What the SiteLanguage leaves empty comes from the
	// keys of Sites without a host, such as "/de". Look at nothing but host and path: caches know
	// pages by their URLs.
	//
	// SiteOf is asked once by Wrap and once by each Request, Update, Start, Login and Logout, and
	// several times by Switch and Alternates, so it must answer from memory. An error refuses the
	// request: sessionctx.ErrUnknownTenant for a host that is nobody's (404),
	// sessionctx.ErrUnavailable while the database cannot be asked (503). The zero SiteLanguage
	// lets the shopper's choice and the defaults decide.
	SiteOf func(r *http.Request, host string) (SiteLanguage, error)

	// CountryHeader names the header in which a proxy or CDN puts the visitor's country, an ISO
	// 3166-1 alpha-2 code: "CF-IPCountry", "CloudFront-Viewer-Country". It needs TrustedProxies or
	// TrustUnixSocket. Default: no country hint.
	CountryHeader string

	// TrustedProxies are the addresses from which CountryHeader is believed: those of the proxy's
	// side of the connection, http.Request.RemoteAddr. Prefixes of length 0 are refused.
	//
	// Security: the proxy must replace what a client sent under that name. Run nothing before this
	// middleware that rewrites RemoteAddr from X-Forwarded-For or similar headers: then a client
	// could forge its address, and with it its country.
	TrustedProxies []netip.Prefix

	// TrustUnixSocket believes CountryHeader also where the connection came over a Unix socket,
	// which has no address: http.Request.RemoteAddr is then "@" or empty.
	//
	// Security: everybody who may open the socket's file is believed.
	TrustUnixSocket bool

	// Country returns the visitor's country, an ISO 3166-1 alpha-2 code, or "" if it is not known:
	// from a GeoIP database, say. It is asked where CountryHeader gives nothing. Default: no country
	// hint. A page whose country depends on more than headers is not Shareable.
	//
	// Security: behind a proxy only the proxy knows where the client is. If you believe
	// X-Forwarded-For from every address, the client says where it is.
	Country func(*http.Request) string

	// AcceptLanguage makes the Accept-Language header a hint for the language. It needs no trusted
	// proxy, since the header is the user agent's own statement, which proxies pass through.
	AcceptLanguage bool

	// Variant lets shared caches keep one page for each variant of the shop, see
	// sessionctx.Session.Variant, for guests, shoppers with choices and customers alike. Each
	// response of Wrap names its variant in the header Session-Variant. The browser gets it in the
	// cookie "__Host-Session-Variant" ("Session-Variant" with InsecureCookie), by GET and HEAD, and
	// by Update, Start, Login and Logout, where it has another one. The proxy copies the cookie to
	// the request header of the same name, Session-Variant, whatever the client sent there. No other
	// rule is needed. Call Shareable for the pages to keep, and see docs/page-caches.md. Default:
	// false. It cannot be combined with NoCookie or Partitioned.
	//
	//   - What the client sends is never believed. The server always resolves the session, and a
	//     page is shareable only where the header names the variant that the session has. So the
	//     first page of a visitor is not kept, and nobody can have a page kept under the name of
	//     another variant.
	//   - The cookie lives for half of the shorter one of AnonymousIdle and CustomerIdle of
	//     sessionctx.Config, 30 minutes at most. Then a request reaches the server, which also
	//     keeps the session alive. Until then a browser may see pages of the variant that it had
	//     before: after a write whose response goes elsewhere, such as to another device, and after
	//     a change of the sites.
	//   - A response that sets a cookie, or is of another variant than the request's header names,
	//     becomes private, no-store before it is written, whatever the handler has said. For that
	//     Wrap wraps the ResponseWriter: use http.ResponseController for what it does not implement.
	//     Middleware around Wrap that sets a cookie later is out of its sight.
	//
	// Security: whoever sends a key sees the public pages of that variant. Do not call Shareable
	// for the site of a closed group of customers. A request with a token changes no variant
	// cookie.
	Variant bool

	// Skip says which requests pass untouched, without a session in their context: assets, health
	// checks. Default: none.
	Skip func(*http.Request) bool

	// OnError answers a request for which no session could be resolved. Default: RenderEnded.
	OnError ErrorPolicy
}

// maxCookieAge is the upper limit of RFC 6265bis, section 5.5: a browser shortens anything longer.
const maxCookieAge = 400 * 24 * time.Hour

// New returns a Middleware. An error joins one *sessionctx.ConfigError per mistake.
func New(cfg Config) (*Middleware, error) {
	m := &Middleware{
		resolver: cfg.Resolver,
		tenant:   cfg.Tenant,
		identify: cfg.Identify,
		customer: cfg.Customer,
		skip:     cfg.Skip,
		onError:  cfg.OnError,
		caching:  newCaching(&cfg),
	}
	var errs []error
	if cfg.Resolver == nil {
		errs = append(errs, mistake("Resolver", "", "is required"))
	}
	if cfg.Tenant == nil {
		errs = append(errs, mistake("Tenant", "", "is required"))
	}
	if m.onError == nil {
		m.onError = RenderEnded
	}
	var err error
	if m.cookie, err = newCookie(&cfg); err != nil {
		errs = append(errs, err)
	}
	if m.variant, err = newVariant(&cfg); err != nil {
		errs = append(errs, err)
	}
	if m.sites, err = newSiteMap(&cfg); err != nil {
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

// mistake returns the error of one field of a Config.
func mistake(field, value, rule string) error {
	return &sessionctx.ConfigError{Field: "middleware.Config." + field, Value: value, Rule: rule}
}

// Tenant returns a Config.Tenant for a server of one tenant. It panics if name is not a tenant:
// ^[a-z][a-z0-9]+$, 3 to 16 characters.
func Tenant(name string) func(*http.Request) string {
	if !tenants.Valid(name) {
		panic((&sessionctx.ConfigError{
			Field: "middleware.Tenant", Value: name, Rule: tenants.Rule,
		}).Error())
	}
	return func(*http.Request) string { return name }
}
