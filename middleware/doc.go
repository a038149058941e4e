// Package middleware attaches the shopper's session to the requests of a net/http server: it finds
// out who is asking, resolves the session, and sets the cookie where a write changes it.
//
// The rest of this page is about the software around it.
//
// # Caches and CDNs
//
// A page that shows a session is one shopper's page. Wrap therefore sets Cache-Control: private
// before the handler runs, unless the host has set another one, and adds to Vary what the session
// depends on. Cache-Control is private, no-store where a cookie is set or deleted, where a session
// is degraded or the customer's profile is missing, and where Config.OnError answers.
//
// A page that is the same for all guests may go to a shared cache: call Middleware.Shareable. With
// Config.Variant a page may also be the same for all who see one site, currency, country and
// language, customers among them: docs/page-caches.md has recipes for nginx and Varnish.
//
// Never write Cache-Control: public by hand. Many caches drop Set-Cookie from responses that they
// store, or store the cookie with the response, so that strangers share a session. Where Wrap
// itself sets the cookie, the response stays private, no-store, whatever the handler writes. After
// an Update, Login or Logout of the handler no code of this package sees the response again, unless
// Config.Variant is set: set no other Cache-Control then, and answer no file, because
// http.ServeContent, http.ServeFile and http.FileServer delete Cache-Control from their errors.
// Shareable refuses a response with a cookie.
//
// Many CDNs ignore Vary: Cookie. Such a CDN must hand every request with the session cookie to the
// server, and have host, path, country and language in its key.
//
// # Proxies
//
// The host of a request is what the client says, unless a proxy checks it. Config.Sites is
// therefore an exact list, and X-Forwarded-Host, Forwarded and similar headers are never read. Let
// the proxy pass Host on. Config.CountryHeader is read from Config.TrustedProxies alone, by
// http.Request.RemoteAddr. Middleware that overwrites RemoteAddr with what a header says (chi's
// deprecated RealIP and others) must not run before this one. Behind a Unix socket RemoteAddr is no
// address: see Config.TrustUnixSocket.
//
// docs/behind-a-proxy.md has recipes for nginx that a test runs.
//
// # Browsers
//
// A browser accepts a cookie whose name begins with __Host- only if the cookie is Secure, has
// Path=/ and has no Domain. net/http enforces none of that, on the server or on the client: a
// client that is no browser may send what it likes. So the name proves nothing; the 256 random bits
// of the value do. Two cookies of the name count as none, unless they are equal.
//
// Over plain HTTP, browsers drop a Secure cookie (some make an exception of localhost): see
// Config.InsecureCookie for development.
//
// SameSite=Lax does not stop requests that a neighbouring subdomain makes, nor top-level
// navigations by GET. A handler that calls Update, Login or Logout must not answer to GET, and
// belongs behind [net/http.CrossOriginProtection]. The protection accepts a request that has
// neither an Origin nor a Sec-Fetch-Site header. Browsers since 2023 always send one of the two. So
// a handler of JSON should also insist on its content type, which no cross-site form can send.
//
// SameSite=Lax also means that browsers withhold the cookie from a form that another site posts: a
// payment provider's return, an identity provider's form_post. A new cookie would replace the one
// that the browser has. So Update, Login and Start refuse with ErrCrossSite to begin a session
// there: answer with 303 to a GET, which has the cookie.
//
// # Logins
//
// A host with a login of its own says who is logged in (Config.Customer), or calls Login and
// Logout. docs/login.md has the table of what to configure for which login.
//
// # Tokens
//
// If a request has a bearer token and a cookie, the token counts, even if it is bad. Package
// middleware/bearer verifies JSON Web Tokens; Config.Identify takes any other proof of identity.
package middleware
