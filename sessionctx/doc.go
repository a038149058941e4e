// Package sessionctx resolves, on every request, who is shopping where: site, currency, country,
// language, cart and customer.
//
// A [Resolver] computes defaults from the tenant's sites and the customer's profile (a
// [Directory]), lays the shopper's explicit choices over them (records in a store, see package
// store), and caches the result in process. Only choices are persisted, so a changed profile or a
// reset choice is in force at once. The rules that decide a value are those of package defaults.
//
// # What is promised
//
// In one process Resolve and the writes are linearizable: a Resolve that begins after a write has
// returned sees it, whatever the cache does, and never a mixture of a record and a profile that
// were not in force together. One shopper never sees another's session: every answer of the cache
// is compared with the full key and the identity that asks. Across processes a shared store bounds
// the staleness by its lease. What a write returns was computed from its own record; site and
// profile may be a moment older.
//
// Nobody waits for what is known. A Directory that is slow or fails leaves its last answer in
// force, and a profile that cannot be had leaves the session without it ([Session.ProfileMissing]).
// A store that hangs costs the first few callers Config.Timeout; after that, reads answer computed
// defaults at once, marked Degraded, and writes fail at once.
//
// # Traps of surrounding software
//
//   - The values of a session are private to it. A CDN or proxy must not store a page that depends
//     on them: package middleware sends Cache-Control: private, and whoever calls the Resolver
//     directly sends it too.
//   - A session id by secret (the anonymous cookie) is a credential. A [Session] prints and encodes
//     redacted; only the JSON of a [Snapshot] shows the id.
//   - Hints (geo country, Accept-Language) are untrusted. They rank below everything that the
//     shopper or the profile says.
//   - An asserted identity is believed: verify tokens before they become an [Identity], see package
//     middleware/bearer.
//   - A token outlives the record of its session. [Resolver.End] is remembered for
//     Config.TombstoneLife, which therefore must not be shorter than the longest life of a token
//     that names the session.
package sessionctx
