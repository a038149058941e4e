package sessionctx

import (
	"context"
	"time"
)

// Store keeps records. Package storetest checks an implementation against these rules:
//
//   - Load returns the record under key, tombstones included, and the zero Record, without an error, where there is none.
//   - Save is an atomic compare and set: it stores rec if what is stored now has the revision base
//     (the zero Revision: nothing is stored), and returns rec. Otherwise it changes nothing and returns
//     what is stored now (the zero Record if nothing is) with an error for which errors.Is(err, ErrConflict) holds.
//   - Save with rec.Revision() equal to base is a touch: of rec the expiry alone is taken, all else stays as it is stored.
//   - A record is gone at its ExpiresAt: Load and Save treat it as not stored from then on.
//   - Both are linearizable: a Load that begins after a Save has returned sees it.
//   - A record is returned as it was saved, every field and every byte of it; times to the millisecond.
//   - Keys that differ in any part never meet.
//   - Records are immutable: neither side changes one, or what it refers to, once it was handed over.
//   - ErrFull, ErrConflict and ErrUnavailable, the last for a system that could not be reached, say that nothing was written.
//     After any other error of Save, or a panic, the outcome is unknown. No other error is expected but that of a system that fails.
//   - Both honour the context's end, which for a load of the Resolver is Config.Timeout, and both are safe for concurrent use by multiple goroutines.
type Store interface {
	Load(ctx context.Context, key Key) (Record, error)
	Save(ctx context.Context, key Key, rec Record, base Revision) (Record, error)
}

// Watcher is what a Store offers so that its records may be cached: it says what changed and how long
// nothing can have changed unseen. Records of a Store without it are reused for Config.MaxStale at most.
//
//   - Watch starts to report to sink and returns a function that stops it; after stop has returned, sink is not called again.
//   - Every applied Save, by anybody, is reported by Invalidate or Lost before sink's lease ends,
//     unless the only writer is the process that owns sink.
//   - When all is lost without a Save, as by a server that is flushed, and only then, Lost comes before a Load returns that misses
//     something of it: else a session of before would be read with the lack of what had ended it.
//   - A store that nobody else can write grants one endless lease, at once: the zero time.
type Watcher interface {
	Watch(sink Sink) (stop func())
}

// Sink receives what a Watcher has to say. Its methods return quickly, do not call the Store, and are safe for
// concurrent use by multiple goroutines.
type Sink interface {
	// Invalidate says that the record named by h may have changed.
	Invalidate(h KeyHash)
	// Lost says that messages may be missing: nothing that was read so far may be reused.
	Lost()
	// Lease says that, until then, every change will have been reported by Invalidate or Lost.
	// The zero time is endless. A lease never ends earlier than one granted before.
	Lease(until time.Time)
}
