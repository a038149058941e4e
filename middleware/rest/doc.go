// Package rest serves the HTTP interface of the Emporix Session Context Service from a Resolver in
// process, so that a client written for that service works against a Go server that mounts it.
//
// A Handler answers below /session-context/{tenant}/ and reads nothing but the request's own path:
// mount it on any mux under that prefix. Use http.StripPrefix only for a base path before the
// prefix. The interface describes itself at /session-context/{tenant}/openapi.json.
//
// # What the service leaves open
//
//   - Missing or invalid credentials are 401. Valid ones that do not suffice are 403: a token that
//     names no session on a read of /me, and a token without the scope on /context/{sessionId}. A
//     request with a cookie alone is 401 on /context/{sessionId}. A write with credentials that
//     name no session is 401, reason noSession.
//   - Clients send back what they were shown. A value that the session shows now leaves the field
//     alone. Where the site or the country changes, a value that is then the default removes the
//     choice. If a write sends one of currency, targetLocation and language alone, and changes no
//     site, the value is always a choice.
//   - The first version of a record is a random number below 2^30, and each write adds 1. Version 0
//     says that there is no record.
//   - A PATCH with a stale metadata.version is merged where nothing that it touches has changed
//     since, and else 409. Version 0 conflicts with each touched field that has been set. A version
//     that this record never had is 409. Without a version, or with null, the PATCH is merged.
//   - A PUT touches everything, so its version must be the present one. If-Match is never merged:
//     412. Attributes that are posted or deleted state no version; If-Match is for them, too.
//   - Where upsert=true creates a session the version does not count. One that has ended is not
//     revived: 404.
//   - null and the empty text clear a field; context: null removes all attributes. Half a surrogate
//     pair is 400, and so is a number that is infinite as a double: two readers of such JSON would
//     not agree on it.
//   - A session by token that was never written is shown with version 0. A cookie that names no
//     session is 404, because a guest's defaults are for pages. A write with such a cookie begins a
//     new session. If the session that the cookie names has ended less than a minute ago, the write
//     is 404, because the browser may have a newer cookie.
//   - While the store is down a GET shows computed defaults, with "degraded": true and without
//     context, metadata and ETag; any other request is 503, and nothing has changed. A write whose
//     outcome nobody knows is 503 with the type /session-context/problems/unknown-outcome and
//     without Retry-After: get the session before you send the write again.
//   - While a customer's profile cannot be had, the values are computed without it. The answer has
//     "profileMissing": true and no ETag. Writes and If-Match work as usual.
//   - What an operator sees and writes does not depend on the operator's own host, country or
//     language.
//
// # Traps
//
//   - middleware.Middleware.Request decides who is asking. You need not put Wrap around the
//     Handler. If you do, Wrap answers bad credentials itself, by its ErrorPolicy, and the client
//     gets no problem document. So leave the prefix out with middleware.Config.Skip.
//   - http.ServeMux and most routers clean paths: "." and ".." and empty segments in the name of an
//     attribute redirect before the Handler sees them, and browsers resolve "%2e%2e" as well. Such
//     an attribute is removed with PATCH {"context": {"..": null}}. Proxies that unescape "%2F" do
//     no harm: all that follows "attributes/" is one name.
//   - The id of a session by cookie is the secret that makes its bearer the shopper, and the cookie
//     hides it from scripts. So no answer to such a session has a sessionId; only those to bearer
//     tokens do.
//   - Scripts of other origins may call with bearer tokens if Config.AllowedOrigins names the
//     origin. A write by cookie from another origin is refused all the same, unless
//     Config.CrossOrigin trusts it.
//   - A cookie-borne write from a page of another scheme or port of the host is cross-origin, too.
//   - A session id stands in the path of /context/{sessionId} and therefore in access logs. Treat
//     those of sessions by cookie as secrets.
package rest
