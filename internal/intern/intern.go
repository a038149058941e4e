// Package intern keeps equal values once, for as long as somebody holds them.
package intern

import (
	"runtime"
	"sync"
	"weak"
)

// Values are distinct values. The zero Values is empty and ready to use. It is safe for concurrent use by multiple
// goroutines.
//
// It is package unique but for one thing: a unique.Handle gives its value as a copy, which costs a third of a warm read where the value is as
// large as what the sessions of a shop share.
type Values[V comparable] struct {
	known sync.Map // V: weak.Pointer[V]
}

// Pointer returns the one pointer to a value that equals v, which nobody may change. If there is none, own makes what is kept: v
// without the larger memory that its strings may be parts of.
func (vs *Values[V]) Pointer(v V, own func(V) V) *V {
	for {
		if known, ok := vs.known.Load(v); ok {
			if p := known.(weak.Pointer[V]).Value(); p != nil {
				return p
			}
			vs.known.CompareAndDelete(v, known) // its cleanup is on the way
		}
		p := new(V)
		*p = own(v)
		key, w := any(*p), weak.Make(p)
		if _, met := vs.known.LoadOrStore(key, w); met {
			continue
		}
		runtime.AddCleanup(p, func(w weak.Pointer[V]) { vs.known.CompareAndDelete(key, w) }, w)
		return p
	}
}

// Len returns how many values are known. Those that nobody holds any more are forgotten some time after a garbage collection.
func (vs *Values[V]) Len() (n int) {
	vs.known.Range(func(any, any) bool { n++; return true })
	return n
}
