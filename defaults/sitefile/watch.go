package sitefile

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// watchers are those who want to hear of changes.
type watchers struct {
	mu      sync.Mutex
	all     []*watcher
	telling atomic.Int64 // the goroutine that is calling watchers now, or 0
	closed  atomic.Bool
}

// watcher is one of them.
type watcher struct {
	changed func(tenant, customerID string)
	stopped atomic.Bool
	// calling is full during a call. It is no Mutex, since waiting for one does not count as
	// blocked in a bubble of testing/synctest.
	calling chan struct{}
}

// Watch makes Files call changed after anything of a tenant has changed, appeared or gone, when the
// new state is already in force. The customerID is always empty: the tenant's sites and all of its
// customers may have changed. No lock of Files is held during the call, so changed may use every
// method. It should be short, since later changes wait for it.
//
// After stop has returned, changed is not called again and no call of it is running: stop waits for
// a call that is under way, so do not call it with a lock that changed needs. A stop that changed
// itself calls does not wait. stop may be called more than once. After Close no watcher is called
// again. Watch and stop are safe for concurrent use by multiple goroutines.
func (f *Files) Watch(changed func(tenant, customerID string)) (stop func()) {
	ws, w := &f.watchers, &watcher{changed: changed, calling: make(chan struct{}, 1)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all = append(ws.all, w)
	return func() {
		w.stopped.Store(true)
		if !ws.inside() {
			w.calling <- struct{}{}
			defer func() { <-w.calling }()
		}
		ws.forget(w)
	}
}

// tell calls every watcher for every tenant.
func (ws *watchers) tell(tenants []string) {
	if len(tenants) == 0 {
		return
	}
	ws.mu.Lock()
	all := slices.Clone(ws.all)
	ws.mu.Unlock()
	ws.telling.Store(goroutine())
	defer ws.telling.Store(0)
	for _, w := range all {
		for _, t := range tenants {
			if !ws.closed.Load() {
				w.tell(t)
			}
		}
	}
}

func (w *watcher) tell(tenant string) {
	w.calling <- struct{}{}
	defer func() { <-w.calling }()
	if !w.stopped.Load() {
		w.changed(tenant, "")
	}
}

func (ws *watchers) forget(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all = slices.DeleteFunc(ws.all, func(other *watcher) bool { return other == w })
}

// inside reports whether the caller was called by tell: it must not wait for tell's end.
func (ws *watchers) inside() bool {
	telling := ws.telling.Load()
	return telling != 0 && telling == goroutine()
}

// goroutine is the number of the goroutine. The runtime shows it only in the head of a stack trace
// ("goroutine 7 [running]:"). Without it inside could not distinguish a stop that should wait from
// one that would wait for itself. If a runtime ever writes another head, every goroutine is -1, and
// no stop waits.
func goroutine() int64 {
	head := make([]byte, 64)
	head = bytes.TrimPrefix(head[:runtime.Stack(head, false)], []byte("goroutine "))
	number, _, _ := bytes.Cut(head, []byte(" "))
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
