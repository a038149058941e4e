// Package intern keeps equal values once, for as long as somebody holds them.
package intern

import (
	"runtime"
	"sync"
	"weak"
)

// Values are distinct values of one type. The zero Values is empty and ready to use. It is safe for concurrent use by multiple
// goroutines.
//
// It is package unique but for one thing: a unique.Handle gives its value as a copy, which costs 8 % of a warm read
// where the value is as large as what the sessions of a shop share.
type Values[T comparable] struct {
	known sync.Map // T: weak.Pointer[T]
}

// Pointer returns the one pointer to a value equal to v, which nobody may change. own returns what is kept of v: v without
// the larger memory that its strings may be parts of.
func (vs *Values[T]) Pointer(v T, own func(T) T) *T {
	for {
		if known, ok := vs.known.Load(v); ok {
			if p := known.(weak.Pointer[T]).Value(); p != nil {
				return p
			}
			vs.known.CompareAndDelete(v, known) // its cleanup is on the way
		}
		p := new(own(v))
		key, w := *p, weak.Make(p)
		if _, met := vs.known.LoadOrStore(key, w); met {
			continue
		}
		runtime.AddCleanup(p, func(w weak.Pointer[T]) { vs.known.CompareAndDelete(key, w) }, w)
		return p
	}
}

// Len returns how many values are known. Those that nobody holds any more are forgotten some time after a garbage collection.
func (vs *Values[T]) Len() (n int) {
	vs.known.Range(func(any, any) bool { n++; return true })
	return n
}
