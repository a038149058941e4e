// Package redisstore keeps session records in Redis or Valkey, so that many processes serve one
// shop.
//
// # Promises
//
// A Save is one Lua script, which compares and sets on the primary. Of two processes that write on
// the same base one gets a conflict. No applied write is lost while the server keeps what it has
// acknowledged. Load and Save are linearizable.
//
// A [github.com/sessionctx/storefront/sessionctx.Resolver] may reuse what it has read. A read from
// its cache is never older than a write by its own process. After a write by another process it is
// stale by less than Config.Lease, whatever breaks between the processes. Only the clock of the
// reading machine matters for that.
//
// The mechanism: the server reports every write to a key with the prefix on a connection that
// serves no other purpose (CLIENT TRACKING with BCAST). Four times in each lease the Store sends
// HELLO and PING on that connection. Messages and answers come in order, so the answer says that
// every change before the question has been reported. It extends the lease to the time of the
// question plus Lease. PING is there because a server that runs a script for too long answers HELLO
// and holds its messages back. After a new connection messages may be missing, so everything that
// was read earlier is invalidated. Without a lease nothing is answered from the cache.
//
// # What a server can lose
//
// Redis acknowledges a write before its replicas have it, and before it is on disk unless
// appendfsync is always. A failover, or a crash with appendfsync everysec, can lose the last second
// of writes. The library cannot prevent that, but it detects it. Every record has a random
// incarnation, so a record that was lost and created again is never taken for the lost one. A write
// that is based on a lost version is a conflict, and a read with AtLeast
// ([github.com/sessionctx/storefront/sessionctx.Request]) finds that the version is gone: it
// returns ErrNotFound.
//
// # Servers
//
// Redis 6.2 or newer, or Valkey; one primary. New refuses a cluster, a sentinel and a replica: the
// promises were not tested with them. The Store notices within the lease that its primary has
// become a replica, and fails all calls from then on. It connects again four times a second, and
// goes on when the address leads to a primary. With each new invalidation connection it also gives
// up the connection for data, which may lead to the server before.
//
// New refuses a server whose maxmemory-policy is not noeviction. Any other policy evicts tombstones
// with the rest, and an evicted tombstone revives an ended session until its token expires. At
// maxmemory a write fails with ErrFull. If the user has no permission for INFO, New cannot check
// the policy, and logs a warning. The Store checks again on every new connection, but does not
// notice a change in between. With Config.LazyConnect New refuses no server: all calls fail
// instead.
//
// # Keys and values
//
// A key is
//
//	prefix{tag}tenant:k:hash
//
// k is s for a session and c for a customer. The hash has 43 characters of SHA-256: a key never
// shows a session id or a customer id. SCAN with MATCH sessionctx:{*}demoshop:s:* lists the
// sessions of a tenant. The tag fixes the slot that Redis Cluster computes for the key. It follows
// from the hash.
//
// The value is the expiry in eight bytes, and the binary form of the record. The server removes a
// record at its expiry. A visit that writes nothing leaves no key.
//
// # Erase
//
// There is no index of customers. Erase scans the keys of the whole server, and reads every session
// of the tenant: at ten million keys that is minutes and gigabytes. It does not block other calls.
// Values that were erased remain in append-only files until the next rewrite, in snapshots, and in
// the memory of replicas that are cut off.
//
// # Traps
//
//   - The address must lead to one server at a time, for every connection. A balancer, or a name
//     that moves while the old primary still answers, may lead the two connections to different
//     servers. Then records come from one server and invalidations from another, and the lease
//     continues.
//   - The server does not report SWAPDB: caches stay as they are until their records expire. It
//     reports FLUSHALL and FLUSHDB.
//   - The server reports every write and every touch to every process. See docs/scale.md for the
//     effect of more than a hundred processes.
//   - A record expires on the server by the clock of the server, and in a process by the clock of
//     the process. Keep both clocks correct.
package redisstore
