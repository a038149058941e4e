package store

import (
	"context"
	"time"
)

// Store keeps records. Package storetest checks an implementation against these rules:
//
//   - Load returns the record under key, tombstones included. Where there is none it returns the
//     zero Record and no error. This holds for a tenant without records, too: the Resolver loads a
//     key of the tenant "probe" to find out whether the Store answers.
//   - Save is an atomic compare-and-set. It stores rec if the stored record has the revision base
//     (the zero Revision: nothing is stored), and returns rec. Otherwise it changes nothing, and
//     returns what is stored (the zero Record if nothing is) with an error for which errors.Is(err,
//     ErrConflict) holds.
//   - Save with rec.Revision() equal to base is a touch: it takes the expiry of rec, and nothing
//     else.
//   - A record is gone at its ExpiresAt: Load and Save treat it as not stored from then on.
//   - Both are linearizable: a Load that begins after a Save has returned sees that Save.
//   - A record is returned as it was saved, every field and every byte; times to the millisecond.
//   - Keys that differ in any part name different records.
//   - Records are immutable: neither side changes one, or what it refers to, after it was handed
//     over.
//   - ErrFull, ErrConflict and ErrUnavailable say that nothing was written. ErrUnavailable is for a
//     system that could not be reached. After any other error of Save, or a panic, the outcome is
//     unknown.
//   - Both return when the context ends, with an error for which errors.Is(err, ctx.Err()) holds.
//     The Resolver does not rely on it: it stops waiting by its own timer.
//   - Both are safe for concurrent use by multiple goroutines.
type Store interface {
	Load(ctx context.Context, key Key) (Record, error)
	Save(ctx context.Context, key Key, rec Record, base Revision) (Record, error)
}

// Watcher is implemented by a Store that reports changes, so that its records may be cached.
// Records of a Store without it are reused for sessionctx.Config.MaxStale at most.
//
//   - Watch starts to report to sink, and returns a function that stops it. After stop has
//     returned, the Store calls sink no more.
//   - Every applied Save, by any process, is reported by Invalidate or InvalidateAll before the
//     lease of sink ends, unless the process that owns sink is the only writer.
//   - Records can vanish before their expiry without a Save: a Store may drop them at its bound, or
//     a server is flushed. A Load returns that such a record is missing only after every sink was
//     told, by Invalidate or InvalidateAll. Otherwise a reader could see a session without the
//     record that has ended it.
//   - A Store that no other process can write calls Exclusive, once for each sink, before Watch
//     returns, and never calls ExtendLease. It need not report the writes of the process that owns
//     the only sink, but it reports what vanishes, what Erase replaces, and a write that takes
//     effect after its Save has returned.
type Watcher interface {
	Watch(sink Sink) (stop func())
}

// Sink receives the reports of a Watcher. Its methods return quickly and do not call the Store.
// They are safe for concurrent use by multiple goroutines.
type Sink interface {
	// Invalidate says that the record with this key hash may have changed.
	Invalidate(h KeyHash)
	// InvalidateAll says that reports may be missing: nothing that was read so far may be reused.
	InvalidateAll()
	// ExtendLease says that every change until then will have been reported by then. until is never
	// the zero time, and a lease never ends earlier than one that was granted before.
	ExtendLease(until time.Time)
	// Exclusive says that only this process writes to the Store, for as long as it watches: the
	// lease never ends.
	Exclusive()
}

// Eraser is implemented by a Store that can find the sessions of a customer.
//
//   - Erase replaces each live KindSession record with this tenant and this CustomerID by what
//     tombstone makes of it, each by a compare-and-set of its own. It changes no other record, and
//     no tombstone.
//   - A record that is written while Erase runs is tried again, unless it is not the customer's any
//     more. A session that becomes the customer's while Erase runs may be missed.
//   - Every sink is told of each replaced record before Erase returns, the sink of an exclusive
//     Store too, by Invalidate or InvalidateAll.
//   - Erase returns how many records it replaced. After an error some of them may be replaced: the
//     caller calls it again. When the context ends Erase stops and returns the error of the
//     context.
//   - An empty customerID is an error: it would stand for all guests.
//   - tombstone is a pure function, and is safe for concurrent use by multiple goroutines. It
//     returns a record with Ended and another revision.
type Eraser interface {
	Erase(ctx context.Context, tenant, customerID string, tombstone func(Record) Record) (n int, err error)
}
