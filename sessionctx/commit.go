package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// writer is one write in flight. While it is counted in its word, reads of the key go to the store.
type writer struct {
	r      *Resolver
	key    Key
	hash   uint64
	stripe uint16
	word   uint64
	epoch  uint32
	entry  *entry // what is known to be stored, if this write was alone
	// unknown: the write may still take effect after the call has returned.
	unknown bool
}

// quarantine is how many timeouts long a write whose outcome is unknown stays counted.
const quarantine = 4

func (r *Resolver) begin(key Key) (*writer, error) {
	key.ID = strings.Clone(key.ID)
	w := &writer{r: r, key: key, hash: r.near.hash(key.Kind, key.Tenant, key.ID), epoch: r.near.epoch.Load()}
	w.stripe = r.near.words.stripe(key.Hash())
	word, ok := r.near.words.begin(w.stripe)
	if !ok {
		return nil, fmt.Errorf("%w: too many writes in flight", ErrUnavailable)
	}
	w.word = word
	return w, nil
}

// end counts the writer out, also on panic, and keeps what it wrote if nobody else wrote meanwhile.
func (w *writer) end() {
	n := &w.r.near
	switch {
	case w.unknown:
		time.AfterFunc(quarantine*n.timeout, func() { n.words.end(w.stripe) })
	case w.entry == nil:
		n.words.end(w.stripe)
	default:
		word, alone := n.words.endAlone(w.stripe, w.word)
		if !alone || n.window.Load() == 0 {
			return
		}
		w.entry.word = word
		n.flights.put(w.hash, flightKey{key: w.key, word: word, epoch: uint64(w.epoch)}, w.entry)
		n.fill(w.hash, w.entry)
	}
}

// keep has end keep rec, which is stored now by a write that began at start.
func (w *writer) keep(rec *Record, start int64) {
	w.entry = w.r.near.entry(rec, time.Now(), &loading{
		key: w.key, start: start, stripe: w.stripe, epoch: w.epoch, customer: noStripe,
	})
}

// decision turns the record as it is into what it shall be. It may be asked several times. Without an error and with
// write false nothing is to be written.
type decision func(cur *Record) (next Record, write bool, err error)

// commitTries bounds how often a write is tried against others; each try that fails means that another one succeeded.
const commitTries = 256

// commit takes the record under key through decide, by compare and set. It returns the record before and after. customer is as in
// nearCache.read.
func (r *Resolver) commit(ctx context.Context, key Key, customer uint16, decide decision) (before, after Record, err error) {
	e, cached := r.near.peek(key, r.near.hash(key.Kind, key.Tenant, key.ID))
	cached = cached && r.near.covers(e, customer)
	w, err := r.begin(key)
	if err != nil {
		return before, after, err
	}
	defer w.end()
	if cached {
		return w.commit(ctx, e.record(), e.epoch, cached, decide)
	}
	cur, err := w.load(ctx)
	if err != nil {
		return before, after, err
	}
	return w.commit(ctx, cur, w.epoch, cached, decide)
}

// create takes the record under a new id through decide: nothing can be stored there.
func (r *Resolver) create(ctx context.Context, key Key, decide decision) error {
	w, err := r.begin(key)
	if err != nil {
		return err
	}
	defer w.end()
	_, _, err = w.commit(ctx, Record{}, w.epoch, false, decide)
	return err
}

// commit is the loop of compare and set, from cur on, which was read in this epoch. cached: it was not read from the store just now.
func (w *writer) commit(ctx context.Context, cur Record, epoch uint32, cached bool, decide decision) (before, after Record, err error) {
	for range commitTries {
		next, write, err := decide(&cur)
		if err == nil && write {
			epoch = w.r.near.epoch.Load()
			now, applied, err := w.save(ctx, next, cur.Revision())
			if err != nil {
				return cur, cur, err
			}
			if applied {
				return cur, now, nil
			}
			cur, cached = now, false
			continue
		}
		// No compare and set corrects this: a refusal must stand on the newest record, for another process may have moved it, and
		// either on one that was not lost before its customer was looked at.
		if (err == nil || !cached) && !w.lost(&cur, epoch) {
			return cur, cur, err
		}
		epoch, cached = w.r.near.epoch.Load(), false
		if cur, err = w.load(ctx); err != nil {
			return cur, cur, err
		}
	}
	return cur, cur, fmt.Errorf("%w: %d tries met other writes; nothing was written", ErrUnavailable, commitTries)
}

// lost reports whether a record that was read in this epoch may have been lost since.
func (w *writer) lost(cur *Record, epoch uint32) bool {
	return cur.Exists() && w.r.near.epoch.Load() != epoch
}

// load reads the record under the writer's key.
func (w *writer) load(ctx context.Context) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, fmt.Errorf("sessionctx: nothing was written: %w", err)
	}
	rec, err := w.r.near.record(ctx, w.key)
	if err != nil {
		return rec, fmt.Errorf("%w: nothing was written: %w", ErrUnavailable, err)
	}
	return rec, nil
}

// save writes rec over base. It returns what is stored then, and whether that is rec.
//
// A write that has set out is not called back when the caller gives up, for then nobody would know its outcome.
func (w *writer) save(ctx context.Context, rec Record, base Revision) (Record, bool, error) {
	if err := ctx.Err(); err != nil {
		return rec, false, fmt.Errorf("sessionctx: nothing was written: %w", err)
	}
	rec.WriteID = randomNonZero()
	n, stats := &w.r.near, &w.r.stats
	ctx = context.WithoutCancel(ctx)
	start := n.now()
	// Should the store panic, its outcome is unknown too.
	w.unknown = true
	saveCtx, cancel := context.WithTimeout(ctx, n.timeout)
	got, err := n.store.Save(saveCtx, w.key, rec, base)
	cancel()
	switch {
	case err == nil:
	case errors.Is(err, ErrConflict):
		w.unknown = false
		stats.conflicts.Add(1)
		if got.WriteID != rec.WriteID { // else a retry below the store met its own write
			return got, false, nil
		}
	case errors.Is(err, ErrFull), errors.Is(err, ErrUnavailable):
		w.unknown = false
		return rec, false, err
	default:
		now, loadErr := w.load(ctx)
		switch {
		case loadErr == nil && now.WriteID == rec.WriteID:
		case loadErr == nil && now.Incarnation == base.Incarnation && now.Version == base.Version+1 && base != (Revision{}):
			w.unknown = false // somebody else's write took the place: this one can never be applied
			return now, false, nil
		default:
			stats.unknown.Add(1)
			return rec, false, fmt.Errorf("%w: the outcome of the write is unknown: %w", ErrUnavailable, err)
		}
	}
	w.unknown = false
	stats.writes.Add(1)
	w.keep(&rec, start)
	return rec, true, nil
}

func randomNonZero() uint64 {
	for {
		if x := rand.Uint64(); x != 0 {
			return x
		}
	}
}
