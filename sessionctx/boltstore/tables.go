package boltstore

import (
	"bytes"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// The buckets of the file.
var (
	recordsBucket = []byte("records") // hash of the key -> sealed record
	dueBucket     = []byte("due")     // expiry and hash -> checksum
	aboutBucket   = []byte("about")   // formatKey -> formatText
	formatKey     = []byte("format")
)

const formatText = "sessionctx/2"

// tables are the two buckets in which a transaction works.
type tables struct{ records, due *bbolt.Bucket }

func tablesOf(tx *bbolt.Tx) (tables, error) {
	t := tables{tx.Bucket(recordsBucket), tx.Bucket(dueBucket)}
	if t.records == nil || t.due == nil {
		return t, errNoBucket
	}
	return t, nil
}

var errNoBucket = fmt.Errorf("%w: a bucket is missing", errDamaged)

// get returns the record under key, expired or not, and the zero Record where there is none.
func get(records *bbolt.Bucket, key []byte) (store.Record, error) {
	if records == nil {
		return store.Record{}, errNoBucket
	}
	c := records.Cursor()
	k, v := c.Seek(key)
	if bytes.Equal(k, key) {
		return unseal(k, v)
	}
	// There is none, unless its key was damaged. Open has checked that keys are in order, so a
	// record with a damaged key is still next to the place of the right key.
	near := fmt.Errorf("%w: a record next to the place of this one has a wrong checksum, and may be it", errDamaged)
	if k != nil && !intact(k, v) {
		return store.Record{}, near
	}
	if k == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	if k != nil && !intact(k, v) {
		return store.Record{}, near
	}
	return store.Record{}, nil
}

// put stores the sealed value of next in the place of cur, and its entry in the index.
func (t tables) put(key []byte, cur, next *store.Record, value []byte) error {
	if !cur.ExpiresAt.IsZero() && !cur.ExpiresAt.Equal(next.ExpiresAt) {
		if err := t.due.Delete(dueOf(key, cur.ExpiresAt)); err != nil {
			return err
		}
	}
	if err := t.index(key, next); err != nil {
		return err
	}
	return t.records.Put(key, value)
}

func (t tables) index(key []byte, rec *store.Record) error {
	if rec.ExpiresAt.IsZero() {
		return nil
	}
	d := dueOf(key, rec.ExpiresAt)
	return t.due.Put(d, d.sum())
}

// sweep removes records that have expired. It looks at no more entries of the index than most, and
// returns how many it has looked at and how many records it has removed. Damage does not stop it. A
// damaged record is removed when an undamaged entry says that its time is over. Until then the
// record stays: Load must return an error for it, and not say that there is none.
func (t tables) sweep(now time.Time, most int) (seen, removed int, err error) {
	type entry struct {
		due
		intact bool
	}
	var entries []entry
	c := t.due.Cursor()
	for k, v := c.First(); k != nil && len(entries) < most; k, v = c.Next() {
		d := due(bytes.Clone(k))
		if len(d) <= dueTime {
			entries = append(entries, entry{d, false})
			continue
		}
		if d.at() > now.UnixMilli() {
			break
		}
		entries = append(entries, entry{d, bytes.Equal(v, d.sum())})
	}
	for _, e := range entries {
		if err := t.due.Delete(e.due); err != nil {
			return seen, removed, err
		}
		if len(e.due) <= dueTime {
			continue
		}
		v := t.records.Get(e.key())
		if v == nil {
			continue
		}
		rec, err := unseal(e.key(), v)
		switch {
		case err == nil && !rec.Expired(now):
			err = t.index(e.key(), &rec) // the entry was damaged
		case err == nil, e.intact:
			removed++
			err = t.records.Delete(e.key())
		default:
			err = nil
		}
		if err != nil {
			return seen, removed, err
		}
	}
	return len(entries), removed, nil
}
