// Package intern keeps equal values once, for as long as somebody holds them.
package intern

import (
	"runtime"
	"sync"
	"weak"
)

// Values are distinct values, by their keys. The zero Values is empty and ready to use. It is safe for concurrent use by multiple
// goroutines.
//
// It is package unique but for two things: a unique.Handle gives its value as a copy, which costs a third of a warm read
// where the value is as large as what the sessions of a shop share; and a value may hold more than its key.
type Values[K comparable, V any] struct {
	known sync.Map // K: weak.Pointer[V]
}

// Pointer returns the one pointer to the value of k, which nobody may change. If there is none, make makes it, and returns what is kept of k too: k
// without the larger memory that its strings may be parts of.
func (vs *Values[K, V]) Pointer(k K, make func(K) (K, *V)) *V {
	for {
		if known, ok := vs.known.Load(k); ok {
			if p := known.(weak.Pointer[V]).Value(); p != nil {
				return p
			}
			vs.known.CompareAndDelete(k, known) // its cleanup is on the way
		}
		key, p := make(k)
		w := weak.Make(p)
		if _, met := vs.known.LoadOrStore(key, w); met {
			continue
		}
		runtime.AddCleanup(p, func(w weak.Pointer[V]) { vs.known.CompareAndDelete(key, w) }, w)
		return p
	}
}

// Len returns how many values are known. Those that nobody holds any more are forgotten some time after a garbage collection.
func (vs *Values[K, V]) Len() (n int) {
	vs.known.Range(func(any, any) bool { n++; return true })
	return n
}
