package intern_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/intern"
)

type value struct{ name, more string }

func own(v value) (value, *value) {
	v = value{strings.Clone(v.name), strings.Clone(v.more)}
	return v, &v
}

// part returns a string that is a part of a larger piece of memory.
func part(memory []byte) string { return unsafe.String(&memory[100], 10) }

func TestEqualValuesHaveOnePointer(t *testing.T) {
	var values intern.Values[value, value]
	const goroutines, names = 8, 500
	var got [goroutines][names]*value
	var wg sync.WaitGroup
	for g := range got {
		wg.Go(func() {
			for i := range names {
				got[g][i] = values.Pointer(value{fmt.Sprint(i), "more"}, own)
			}
		})
	}
	wg.Wait()
	for g := range got {
		for i, p := range got[g] {
			require.Same(t, got[0][i], p)
			require.Equal(t, value{fmt.Sprint(i), "more"}, *p)
		}
	}
	assert.Equal(t, names, values.Len())
}

func TestAValueIsForgottenWhenNobodyHoldsIt(t *testing.T) {
	var values intern.Values[value, value]
	held := values.Pointer(value{"held", ""}, own)
	for i := range 100 {
		values.Pointer(value{"dropped", fmt.Sprint(i)}, own)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); values.Len() > 1; <-tick.C {
		require.True(t, time.Now().Before(deadline), "%d values are still known", values.Len())
		runtime.GC()
	}
	assert.Same(t, held, values.Pointer(value{"held", ""}, own))
	assert.Equal(t, "dropped", values.Pointer(value{"dropped", "1"}, own).name, "and it may come back")
	runtime.KeepAlive(held)
}

func TestAValueIsKeptWithoutTheMemoryThatItCameFrom(t *testing.T) {
	var values intern.Values[value, value]
	freed := make(chan struct{})
	p := func() *value {
		header := make([]byte, 1<<20)
		runtime.AddCleanup(&header[0], func(c chan struct{}) { close(c) }, freed)
		return values.Pointer(value{name: part(header)}, own)
	}()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(p)
			return
		case <-deadline:
			t.Fatal("the memory is still held")
		case <-tick.C:
		}
	}
}
