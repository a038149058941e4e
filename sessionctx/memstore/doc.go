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
// At its bound the store first removes what has expired. Then it evicts guests' sessions without a
// cart, first the one that was neither written nor touched for the longest time. All other records
// stay.
//
// A part of MaxBytes is reserved, so that a full store does not refuse a logout:
//
//   - A guest's session with a cart is added only while all records that must stay take at most
//     14/16 of MaxBytes.
//   - A customer's session is added only while all records that must stay take at most 15/16.
//   - Tombstones and the records of customers, which EndAll writes, have no such limit.
//   - Guests' sessions without a cart use all free room, the reserved parts too, and are evicted
//     for anything else.
//
// A write that does not make its record larger is never refused because of the reserved parts. A
// tombstone of End is never larger than the record that it replaces, so a session with a record can
// always be ended. A write for which there is no room fails with sessionctx.ErrFull.
//
// Two floods remain possible. A guest's first write makes a record, so many such writes evict other
// guests' choices. A login, and an End of a session without a record, leave a tombstone, so many of
// them fill the reserved parts, too. Limit the rates of both in front of the store.
package memstore
