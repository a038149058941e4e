package memstore

// evictableList has the items that the Store may evict, in the order in which they were last
// written or touched.
type evictableList struct {
	oldest, newest *item
	bytes          int64
}

// add puts an item that is not in the list at the newest end.
func (l *evictableList) add(it *item) {
	it.older = l.newest
	if l.newest != nil {
		l.newest.newer = it
	} else {
		l.oldest = it
	}
	l.newest = it
	l.bytes += it.size
}

// remove takes an item out of the list, and reports whether it was there.
func (l *evictableList) remove(it *item) bool {
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
