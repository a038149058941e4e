package memstore

import "github.com/sessionctx/storefront/sessionctx/store"

// yielding reports whether it may give way to others: an anonymous session without a cart, and no tombstone.
func yielding(it *item) bool {
	return it.key.Kind == store.KindSession && !it.rec.Ended && it.rec.CustomerID == "" && len(it.rec.Carts) == 0
}

// yieldList has the items that may give way, in the order in which they were last written or touched.
type yieldList struct {
	oldest, newest *item
	bytes          int64
}

// add puts it, which is not in the list, at the newest end.
func (l *yieldList) add(it *item) {
	it.older = l.newest
	if l.newest != nil {
		l.newest.newer = it
	} else {
		l.oldest = it
	}
	l.newest = it
	l.bytes += it.size
}

// remove takes it out of the list, and reports whether it was there.
func (l *yieldList) remove(it *item) bool {
	if it.older == nil && l.oldest != it {
		return false
	}
	if it.older != nil {
		it.older.newer = it.newer
	} else {
		l.oldest = it.newer
	}
	if it.newer != nil {
		it.newer.older = it.older
	} else {
		l.newest = it.older
	}
	it.older, it.newer = nil, nil
	l.bytes -= it.size
	return true
}
