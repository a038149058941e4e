// Package memstore keeps session records in memory: the embedded default store, for one process.
//
// What it forgets. A restart of the process forgets everything that the store held: choices, carts and attributes of
// all sessions, and also that sessions were ended. Where the ids come from tokens that outlive the process (asserted
// identities), a session that was ended before the restart answers again until its token expires, and so
// do all sessions that were ended with EndAll. Where that matters, take a durable store.
//
// What gives way. At its bound the store first drops what has expired, then the anonymous sessions without a cart that have
// not been written or touched for the longest time. Sessions of customers, sessions with a cart, tombstones and what is kept of
// customers never give way; when nothing else is left a write fails with sessionctx.ErrFull. A visitor's first write makes
// a record, so whoever can make many of them can push other visitors' choices out: limit the rate of writes in front of it.
package memstore
