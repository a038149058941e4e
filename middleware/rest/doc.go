// Package rest serves the HTTP interface of the Emporix Session Context Service from a Resolver in process, so that a
// client written for that service works against a Go server that mounts it.
//
// A Handler answers below /session-context/{tenant}/ and looks at nothing but the request's own path: mount it on any mux
// under that prefix, without http.StripPrefix. The interface describes itself at /session-context/{tenant}/openapi.json.
//
// # Traps
//
//   - Who is asking is decided by middleware.Middleware.Request. Its Wrap need not be around the Handler; if it is, it answers
//     bad credentials by itself, with its own ErrorPolicy and no problem document. So leave the prefix out with middleware.Config.Skip.
//   - http.ServeMux and most routers clean paths: "." and ".." and empty segments in the name of an attribute redirect before the
//     Handler sees them, and browsers resolve "%2e%2e" as well. Such an attribute is removed with PATCH {"context": {"..": null}}.
//     Proxies that unescape "%2F" do no harm: all that follows "attributes/" is one name.
//   - The id of a session by cookie is the secret that makes its bearer the shopper, and the cookie hides it from scripts.
//     So no answer to such a session has a sessionId; only those to bearer tokens do.
//   - CORS is not served here: where scripts of other origins may call with bearer tokens, put a CORS middleware around the Handler that
//     answers OPTIONS, and lets ETag, If-Match, If-None-Match, Authorization and Content-Type through. A write by cookie from another
//     origin is refused all the same, unless Config.CrossOrigin trusts it.
//   - A cookie-borne write from a page of another scheme or port of the host is cross-origin too.
//   - A session id stands in the path of /context/{sessionId} and therefore in access logs. Treat those of sessions by cookie as secrets.
package rest
