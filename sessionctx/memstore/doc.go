// Package memstore keeps session records in memory: the embedded default store, for one process.
//
// # What it forgets
//
// A restart of the process forgets everything that the store held: choices, carts and attributes of
// all sessions, and also that sessions were ended. Where ids come from tokens that outlive the
// process (asserted identities), a session that was ended before the restart answers again until
// its token expires, and so do all sessions that were ended with EndAll. Where that matters, take a
// durable store.
//
// # What it refuses, and what it evicts
//
// At its bound the store first removes what has expired, then it evicts guests' sessions without a
// cart, the one first that was neither written nor touched for the longest time. All other records
// stay. So that these cannot fill the store for a logout, a part of MaxBytes is reserved: guests'
// sessions with a cart are added as long as all records that must stay take at most 14/16 of it,
// customers' sessions as long as they take at most 15/16, tombstones and the records of customers
// (what EndAll writes) without such a limit. Free room, the reserved one too, is used by guests'
// sessions without a cart, which are evicted for anything else. A write that does not make its
// record larger is never refused because of the reserved parts. A tombstone of End is never larger
// than the record that it replaces, so that a session with a record can always be ended. A write
// for which there is no room fails with sessionctx.ErrFull.
//
// What remains is a matter of rates. A guest's first write makes a record, so that many of them
// evict other guests' choices. A login, and an End of a session without a record, leave a
// tombstone, so that many of them fill the reserved parts as well. Limit the rates of both in front
// of the store.
package memstore
