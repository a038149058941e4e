// Package nearcache is the in-process cache in front of a store: records, and what each last
// resolved to. It knows no rule of sessions.
//
// # The algorithm
//
// What the cache holds are hints. Every hit is validated when it is read, so a value that comes
// late, or comes back, is a miss and never a wrong answer. Four questions decide whether an entry
// is valid:
//
//   - Stamp: has anything under this key changed since before the record was loaded? A write of
//     this process bumps the stamp of the key before and after; a Watcher bumps it for the writes
//     of other processes.
//   - All: may reports be missing? Then all stamps are bumped at once (package stamp, BumpAll).
//   - Lease: until when would the Watcher have reported every change? After the lease has ended
//     nothing is valid.
//   - Deadline: has the record expired, or is it older than MaxStale? The deadline is compared with
//     the monotonic clock. When the wall clock has jumped, all entries are invalidated.
//
// A read takes the stamps first, and then loads. What it finds is valid for these stamps: if they
// are still current when the entry is read, nothing has changed since. While a writer is under way
// a stamp says nothing, so the reads of that key go to the store, share nothing and keep nothing.
//
// A write counts itself in (BeginWrite) before it touches the store, and out (End) when it knows
// the outcome. If the writer was alone, it keeps what it wrote. A write with an unknown outcome
// stays counted for a while: it may still take effect.
//
// # The front
//
// A small table in front of ristretto has the entries of sessions that are read again and again. It
// exists for speed alone: ristretto's lock and map, our own lock that lets Close free ristretto,
// and waiting for the entry to learn where its stamps are took a third of a warm read. What it
// holds are hints, too, so it cannot make an answer wrong. It has an entry only while ristretto has
// one of the same hash, so it needs no bound of its own.
//
// # The view
//
// Another process may have logged a customer in, and this process may not know it yet. If this
// process then ends all sessions of the customer, the stamp of the session does not move. So a
// session that is read as a customer's, because a token says so, is cached for that view: the
// customer is a part of the key, and the entry is valid only while the customer's stamp is current,
// too.
//
// # Sharing
//
// Loads are shared by key and stamps, so a reader never joins a load that began before a change
// that the reader may know of. Across processes a reader joins a load for a quarter of the lease
// only: what such a load finds may be as old as its beginning.
//
// A fresh read finds every write that had finished when it began, so it joins only fresh reads that
// began after it. When it has read the store, and before it returns, it moves the stamp on. So
// nothing that was read or written before, and is kept later, can take the place of what the fresh
// read has found.
package nearcache
