// Package redisstore keeps session records in Redis or Valkey, so that many processes are one shop.
//
// # What is promised
//
// A Save is one Lua script, which compares and sets on the primary: of two processes that write on one base one is
// refused, and no applied write is lost while the server keeps what it has acknowledged. Load and Save are linearizable. A
// [github.com/sessionctx/storefront/sessionctx.Resolver] may keep what it has read: a read that it answers from its
// cache is staler than a write of another process for less than Config.Lease, whatever breaks between them, judged by the clock of its own
// machine alone; it is never staler than a write of its own process.
//
// How. The server tells of every write to keys with the prefix on one connection that is for nothing else (CLIENT TRACKING with
// BCAST). Each quarter of the lease that connection is asked what the server is (HELLO, and PING, which is not answered while a
// script runs for too long), and the answer, before which all that was told must have come, extends the lease to the time of the
// question and Lease. A connection that is not the one before means that messages may be missing: all that was read so far is
// forgotten. Without a lease nothing is answered from the cache.
//
// # What a server can lose
//
// Redis acknowledges a write before its replicas have it, and before it is on disk unless appendfsync is always. A failover, or a crash with
// appendfsync everysec, can take back the last second of writes. The library cannot prevent that, but does not mistake it: every record has a
// random incarnation, so a version of a record that was lost, and made anew, is never taken for the old one; a write that is based on what
// was lost is a conflict, and [github.com/sessionctx/storefront/sessionctx.AtLeast] says that it is gone.
//
// # One primary
//
// A cluster, a sentinel and a replica are recognised and refused: what is promised was not tested with them. A primary that becomes a replica is
// noticed within the lease, and answers nothing from then on.
//
// # What is kept there
//
// A key is the prefix, the tenant, a colon and 43 characters of SHA-256: never a session id or a customer id. The value is the
// expiry, eight bytes, and the binary form of the record. It expires by itself. A visit that writes nothing leaves nothing.
//
// # Traps
//
//   - maxmemory-policy must be noeviction: any other evicts tombstones with the rest, and an evicted tombstone lets an ended session live
//     again until its token expires. At the bound a write fails with ErrFull.
//   - While a server hangs, a call may outlast its context by up to 3 s: once 1,024 calls are under way the client lets nobody leave the queue.
//   - The address must lead to one server at a time, for every connection: behind a balancer or a name that moves while the old primary still
//     answers as one, records may be read from one server and changes be told by another, and the lease goes on.
//   - SWAPDB is told to nobody: it moves records, and caches stay as they are until their records expire. FLUSHALL and FLUSHDB are told.
//   - Every write and every touch is told to every process. See docs/scale.md for what that means beyond a hundred of them.
//   - The server's clock decides when a record expires there, the process' clock when it does here: keep both in time.
package redisstore
