package sessionctx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// budget is the time of one call that writes: Config.Timeout, or less if the caller has less. The
// first half is for loading and saving. The rest is kept for finding out whether a Save that has
// not answered was applied.
type budget struct {
	context.Context                 // ends with the whole time, or with the caller
	firstHalf       context.Context // also ends with the first half of the time
	caller          context.Context
	end             time.Time // of Config.Timeout, whatever time the caller has
	wrote           bool      // a Save of the call was applied
}

func (r *Resolver) newBudget(ctx context.Context) (b budget, cancel func()) {
	limit := time.Now().Add(r.cfg.Timeout)
	end := limit
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	whole, cancelWhole := context.WithDeadline(ctx, end)
	firstHalf, cancelHalf := context.WithDeadline(whole, time.Now().Add(time.Until(end)/2))
	return budget{Context: whole, firstHalf: firstHalf, caller: ctx, end: limit}, func() { cancelHalf(); cancelWhole() }
}

// afterwards returns the context of what follows a write that was applied: the caller's end does
// not end it, and the time of the call does.
func (b *budget) afterwards() (context.Context, context.CancelFunc) {
	return context.WithDeadline(context.WithoutCancel(b.caller), b.end)
}

var (
	errNothingWritten = errors.New("nothing was written")
	errPartWritten    = errors.New("a part was written")
)

// written says what was written before a write that was not applied.
func (b *budget) written() error {
	if b.wrote {
		return errPartWritten
	}
	return errNothingWritten
}

// notWritten is the error of a write that has not set out.
func (b *budget) notWritten(cause error) error {
	if err := b.caller.Err(); err != nil {
		return chain(b.written(), err)
	}
	if errors.Is(cause, context.DeadlineExceeded) && b.firstHalf.Err() != nil { // of the budget
		cause = errors.New("no time is left for the write")
	}
	return chain(ErrUnavailable, b.written(), cause)
}

// final returns the error of a whole call. A DeadlineExceeded that is not the caller's comes from
// the budget, and becomes ErrUnavailable. Where a part was written the error says so, whatever has
// failed after it.
func (b *budget) final(err error) error {
	if err == nil || errors.Is(err, ErrUnknownOutcome) {
		return err
	}
	ofBudget := errors.Is(err, context.DeadlineExceeded) && b.caller.Err() == nil && b.firstHalf.Err() != nil
	if ofBudget && !errors.Is(err, ErrUnavailable) {
		err = b.notWritten(context.DeadlineExceeded)
	}
	if b.wrote && !errors.Is(err, errPartWritten) {
		return chain(errPartWritten, err)
	}
	return err
}

// saving is one write under way. While it is, reads of its key go to the store.
type saving struct {
	r     *Resolver
	b     *budget
	key   nearcache.Key
	near  *nearcache.Write[resolution]
	bumps uint64 // of all stamps, when the record was read
	// pending has the outcome of a Save when it comes; nil: no outcome is awaited.
	pending chan saveResult
	// unknown: the Save has returned, and may still take effect.
	unknown bool
}

// saveResult is what a Save has returned.
type saveResult struct {
	stored store.Record
	err    error
}

// quarantine is how many timeouts long a write with an unknown outcome counts as under way.
const quarantine = 4

func (r *Resolver) beginSave(b *budget, key nearcache.Key) (*saving, error) {
	if err := r.store.ready(); err != nil {
		return nil, b.notWritten(err)
	}
	w := &saving{r: r, b: b, key: key, bumps: r.near.Stamps().Bumps()}
	var err error
	if w.near, err = r.near.BeginWrite(key); err != nil {
		return nil, b.notWritten(err)
	}
	return w, nil
}

// end counts the write out. It must be deferred, so that a panic in a hook does not leave it
// counted.
func (w *saving) end() {
	switch {
	case w.pending != nil: // the caller does not wait any longer, but the write may take effect
		pending := w.pending
		w.r.spawn(func() {
			if got := <-pending; mayBeApplied(got.err) {
				w.near.EndLater(quarantine * w.r.cfg.Timeout)
			} else {
				w.near.End()
			}
		})
	case w.unknown:
		w.near.EndLater(quarantine * w.r.cfg.Timeout)
	default:
		w.near.End()
	}
}

// mayBeApplied reports whether a Save with this error may have been applied.
func mayBeApplied(err error) bool {
	return err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrFull) && !errors.Is(err, ErrUnavailable)
}

// decision returns the record that takes the place of cur. It may be called several times. If write
// is false, nothing is saved. err is the error of the call. If write is true and err is not nil,
// the call fails with err, and next is saved all the same, as far as possible: a write that meets a
// session that EndAll has ended is refused, and makes the record a tombstone.
type decision func(cur *store.Record) (next store.Record, write bool, err error)

// saveTries bounds how often a write is tried against others. Each try that fails means that
// another write has succeeded.
const saveTries = 256

var errOtherWrites = fmt.Errorf("%d tries met other writes", saveTries)

// compareAndSet replaces the record under key by what decide makes of it. It returns the record
// before and after.
func (r *Resolver) compareAndSet(b *budget, key nearcache.Key, decide decision) (before, after store.Record, err error) {
	cached := r.near.Peek(key)
	w, err := r.beginSave(b, key)
	if err != nil {
		return before, after, err
	}
	defer w.end()
	var cur store.Record
	if cached != nil {
		cur = cached.Record()
	} else if cur, err = w.load(); err != nil {
		return before, after, err
	}
	return w.compareAndSet(cur, cached != nil, decide)
}

// create saves what decide makes of no record under a new id, where nothing can be stored yet.
func (r *Resolver) create(b *budget, key nearcache.Key, decide decision) error {
	w, err := r.beginSave(b, key)
	if err != nil {
		return err
	}
	defer w.end()
	_, _, err = w.compareAndSet(store.Record{}, false, decide)
	return err
}

// compareAndSet is the loop, from cur on. cached: cur was not read from the store just now.
func (w *saving) compareAndSet(cur store.Record, cached bool, decide decision) (before, after store.Record, err error) {
	for range saveTries {
		next, write, err := decide(&cur)
		if write {
			save := w.save
			if err != nil {
				save = w.saveBeside
			}
			now, applied, failed := save(next, cur.Revision())
			if applied || failed != nil {
				return cur, now, cmp.Or(err, failed)
			}
			cur, cached = now, false
			continue
		}
		// A refusal, and a write that changes nothing, are not followed by a compare-and-set that
		// would notice an outdated record. So a refusal needs a fresh read. Both also need to know
		// that the store has lost nothing since the record was read: it could have lost an EndAll
		// that decide did not see.
		if (err == nil || !cached) && !w.lost(&cur) {
			return cur, cur, err
		}
		cached = false
		if cur, err = w.load(); err != nil {
			return cur, cur, err
		}
	}
	return cur, cur, w.b.notWritten(errOtherWrites)
}

// lost reports whether the record may have been lost since it was read.
func (w *saving) lost(cur *store.Record) bool {
	return cur.Exists() && w.r.near.Stamps().Bumps() != w.bumps
}

// load reads the record under the key of the write.
func (w *saving) load() (store.Record, error) {
	if err := w.b.firstHalf.Err(); err != nil {
		return store.Record{}, w.b.notWritten(err)
	}
	w.bumps = w.r.near.Stamps().Bumps()
	rec, err := w.r.near.Reload(w.b.firstHalf, w.key)
	if err != nil {
		return rec, w.b.notWritten(err)
	}
	return rec, nil
}

// save writes rec over base. It returns what is stored then, and whether that is rec.
//
// A Save that has set out is not called back when the caller gives up, because nobody would know
// its outcome.
func (w *saving) save(rec store.Record, base Revision) (now store.Record, applied bool, err error) {
	if err := w.b.firstHalf.Err(); err != nil {
		return rec, false, w.b.notWritten(err)
	}
	rec.WriteID = randomNonZero()
	start := w.r.near.Now()
	w.bumps = w.r.near.Stamps().Bumps()
	w.pending = w.r.startSave(w.b, w.key.Store(), rec, base)
	var got saveResult
	select {
	case got = <-w.pending:
		w.pending = nil
	case <-w.b.firstHalf.Done():
		if w.b.caller.Err() != nil {
			return rec, false, w.unknownOutcome(w.b.caller.Err())
		}
		got.err = errors.New("the store has not answered in time")
	}
	switch {
	case got.err == nil, errors.Is(got.err, ErrConflict) && got.stored.WriteID == rec.WriteID: // a retry below the store met its own write
	case errors.Is(got.err, ErrConflict):
		w.r.stats.conflicts.Add(1)
		return got.stored, false, nil
	case !mayBeApplied(got.err):
		return rec, false, chain(w.b.written(), got.err)
	default:
		return w.findOut(rec, base, start, got.err)
	}
	w.stored(&rec, start)
	return rec, true, nil
}

// saveBeside is save for a change that is no part of the caller's write, such as a tombstone. It
// takes at most half of the time that is left for saving. It does not count as a write of the call,
// so no error says "a part was written" because of it.
func (w *saving) saveBeside(rec store.Record, base Revision) (now store.Record, applied bool, err error) {
	b := *w.b
	end, _ := b.firstHalf.Deadline()
	ctx, cancel := context.WithDeadline(b.firstHalf, time.Now().Add(time.Until(end)/2))
	defer cancel()
	b.Context, b.firstHalf = ctx, ctx
	defer func(ofCall *budget) { w.b = ofCall }(w.b)
	w.b = &b
	return w.save(rec, base)
}

// startSave calls Save on a goroutine of its own. The call has a timer of its own, and its outcome
// comes even if nobody waits for it.
func (r *Resolver) startSave(ctx context.Context, key store.Key, rec store.Record, base Revision) chan saveResult {
	done := make(chan saveResult, 1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Timeout)
	r.spawn(func() {
		defer cancel()
		got := saveResult{err: errors.New("Store.Save has ended its goroutine")}
		defer func() { done <- got }()
		got.stored, got.err = r.store.Save(ctx, key, rec, base)
	})
	return done
}

func (w *saving) stored(rec *store.Record, start int64) {
	w.r.stats.writes.Add(1)
	w.b.wrote = true
	w.near.Stored(rec, start)
}

// findOut reads the record after a Save with an unknown outcome, with the time that was kept for
// it. A late answer to the Save itself counts, too.
func (w *saving) findOut(rec store.Record, base Revision, start int64, cause error) (now store.Record, applied bool, err error) {
	w.unknown = w.pending == nil
	now, err = w.r.near.Reload(w.b, w.key)
	switch {
	case err != nil:
	case now.WriteID == rec.WriteID:
		w.pending, w.unknown = nil, false
		w.stored(&rec, start)
		return rec, true, nil
	case now.Incarnation == base.Incarnation && now.Version == base.Version+1 && base != Revision{}:
		// Another write took the place: this one can never be applied.
		w.pending, w.unknown = nil, false
		return now, false, nil
	}
	if w.pending != nil {
		select {
		case got := <-w.pending:
			w.pending = nil
			switch {
			case got.err == nil:
				w.stored(&rec, start)
				return rec, true, nil
			case !mayBeApplied(got.err) && !errors.Is(got.err, ErrConflict):
				return rec, false, chain(w.b.written(), got.err)
			case errors.Is(got.err, ErrConflict) && got.stored.WriteID != rec.WriteID:
				w.r.stats.conflicts.Add(1)
				return got.stored, false, nil
			}
			w.unknown = true
		case <-w.b.Done():
		}
	}
	return rec, false, w.unknownOutcome(cause)
}

// unknownOutcome returns the error of a write that may have been applied, or may still be.
func (w *saving) unknownOutcome(cause error) error {
	w.r.stats.unknown.Add(1)
	return chain(ErrUnknownOutcome, cause)
}
