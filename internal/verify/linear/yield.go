package linear

import "runtime"

// yield lets other goroutines run, n times.
func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}
