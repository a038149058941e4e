// Package store is the contract between the resolver of package sessionctx and what keeps its
// records.
//
// Programs that use a ready store need this package only to name its types. Whoever writes a store
// implements [Store], and [Watcher] if its records are to be cached. Package storetest checks it.
//
// [Record] has a binary form, the same for every store. It is versioned by fields: a program keeps
// the fields that a newer program has written, byte for byte, so that a fleet may run two versions
// at once.
package store
