package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	// pageRecords is how many records a transaction of Erase looks at, so that none is open for
	// long.
	pageRecords = 1000
	// pageSessions is how many sessions of a page are replaced at the same time: they share a
	// commit.
	pageSessions = 64
)

// Erase implements store.Eraser. It reads every record, because there is no index by customer. A
// damaged record may be the customer's, so Erase returns an error, after it has erased everything
// else. Free pages of the file, and copies of it, may hold the erased data until they are
// overwritten.
func (s *Store) Erase(
	ctx context.Context, tenant, customerID string, tombstone func(store.Record) store.Record,
) (n int, err error) {
	if customerID == "" {
		return 0, errors.New(`boltstore: erase: customer id "": must not be empty`)
	}
	n, err = s.erase(ctx, owner{tenant, customerID}, tombstone)
	if err != nil {
		return n, fmt.Errorf("boltstore: erase: %w", s.count(err))
	}
	return n, nil
}

func (s *Store) erase(
	ctx context.Context, o owner, tombstone func(store.Record) store.Record,
) (n int, err error) {
	var unreadable int
	var why error
	for after, more := []byte(nil), true; more; {
		p, err := inTime(ctx, s, func() (p page, err error) {
			err = s.view(func(tx *bbolt.Tx) error {
				p, err = o.page(tx.Bucket(recordsBucket), after)
				return err
			})
			return p, err
		})
		if err != nil {
			return n, err
		}
		after, more = p.last, p.more
		if p.unreadable > 0 {
			unreadable, why = unreadable+p.unreadable, p.why
		}
		erased, err := s.eraseSessions(ctx, o, p.sessions, tombstone)
		if n += erased; err != nil {
			return n, err
		}
	}
	if unreadable > 0 {
		return n, fmt.Errorf("%d records cannot be read, and may be the customer's: %w", unreadable, why)
	}
	return n, nil
}

// owner is whose sessions are erased.
type owner struct{ tenant, customerID string }

func (o owner) has(rec *store.Record) bool {
	return rec.Exists() && !rec.Ended && rec.Tenant == o.tenant && rec.CustomerID == o.customerID
}

// session is a record and its key.
type session struct {
	hash store.KeyHash
	rec  store.Record
}

// page is a part of the records.
type page struct {
	sessions   []session // the owner's
	unreadable int
	why        error // of one that is unreadable
	last       []byte
	more       bool
}

// page returns the owner's sessions among the records that follow the key after.
func (o owner) page(records *bbolt.Bucket, after []byte) (p page, err error) {
	if records == nil {
		return p, errNoBucket
	}
	// Keys are hashes and do not tell a customer's own record from a session, which Erase must not
	// touch.
	account := store.Key{Tenant: o.tenant, Kind: store.KindCustomer, ID: o.customerID}.Hash()
	now, id, c := time.Now(), []byte(o.customerID), records.Cursor()
	k, v := c.Seek(after)
	if after != nil && bytes.Equal(k, after) {
		k, v = c.Next()
	}
	for seen := 0; k != nil; k, v = c.Next() {
		if seen == pageRecords || len(p.sessions) == pageSessions {
			p.more = true
			return p, nil
		}
		seen++
		p.last = bytes.Clone(k)
		if intact(k, v) && !bytes.Contains(v, id) { // spares decoding it
			continue
		}
		rec, err := unseal(k, v)
		switch {
		case err != nil:
			p.unreadable, p.why = p.unreadable+1, err
		case len(k) == len(account) && o.has(&rec) && !rec.Expired(now) && !bytes.Equal(k, account[:]):
			p.sessions = append(p.sessions, session{store.KeyHash(k), rec})
		}
	}
	return p, nil
}

// eraseSessions replaces the sessions by their tombstones, all at the same time, and returns how
// many it has replaced.
func (s *Store) eraseSessions(
	ctx context.Context, o owner, sessions []session, tombstone func(store.Record) store.Record,
) (n int, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, x := range sessions {
		all.Go(func() {
			erased, eraseErr := s.eraseSession(ctx, o, x, tombstone)
			mu.Lock()
			defer mu.Unlock()
			if erased {
				n++
			}
			if err == nil {
				err = eraseErr
			}
		})
	}
	all.Wait()
	return n, err
}

// eraseSession replaces one session by its tombstone, as often as another write comes first. It
// reports whether it did: the session may have become somebody else's.
func (s *Store) eraseSession(
	ctx context.Context, o owner, x session, tombstone func(store.Record) store.Record,
) (bool, error) {
	for cur := x.rec; o.has(&cur); {
		rec := tombstone(cur)
		if !rec.Ended || !rec.Exists() || rec.Revision() == cur.Revision() {
			return false, errors.New("tombstone must return a record with Ended and another revision")
		}
		stored, err := s.save(ctx, &write{hash: x.hash, rec: rec, base: cur.Revision()})
		if !errors.Is(err, store.ErrConflict) {
			return err == nil, err
		}
		cur = stored
	}
	return false, nil
}
