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
// returned sees that write. It never mixes a record and a profile that were not in force at the
// same time. One shopper never sees another's session: every answer of the cache is compared with
// the full key and the identity that asks. After a write by another process, a read is stale by
// less than the lease of the shared store; during that time it may show the old record with a
// profile that is newer than the write. What a write returns was computed from its own record; site
// and profile may be a moment older.
//
// No caller waits for a value that is known already, except for up to 100 ms after
// [Resolver.Invalidate]. While a Directory is slow or fails, its last answer stays in force. If
// there is no profile to be had, the session is resolved without it ([Session.ProfileMissing]).
// While a store hangs, the first few callers wait for Config.Timeout. After that, reads return
// computed defaults at once, marked Degraded, and writes fail at once.
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
//   - The resolver believes an asserted identity. Verify tokens before you make an [Identity] of
//     them: see package middleware/bearer.
//   - A token outlives the record of its session. [Resolver.End] is remembered for
//     Config.TombstoneLife, which therefore must not be shorter than the longest life of a token
//     that names the session.
package sessionctx
