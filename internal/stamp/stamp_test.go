package stamp_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/stamp"
)

const slots = 1 << 14

// hash returns the bytes that tell key i apart from the other keys of its slot.
func hash(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)*0x9e3779b97f4a7c15) }

func begin(t *testing.T, table *stamp.Table, s stamp.Stripe) stamp.Write {
	t.Helper()
	w, ok := table.Begin(s)
	require.True(t, ok, "too many writers")
	return w
}

func TestNewTable_Sizes(t *testing.T) {
	tests := []struct {
		desc string
		n    int64
		want int
	}{
		{desc: "negative: the smallest table", n: -1, want: 1 << 10},
		{desc: "zero: the smallest table", n: 0, want: 1 << 10},
		{desc: "the smallest table", n: 1 << 10, want: 1 << 10},
		{desc: "a number that is no power of two is rounded down", n: 3000, want: 1 << 11},
		{desc: "one below a power of two", n: 1<<15 - 1, want: 1 << 14},
		{desc: "the largest table", n: 1 << 20, want: 1 << 20},
		{desc: "more than the largest table", n: 1 << 40, want: 1 << 20},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, stamp.NewTable(tc.n).Len())
		})
	}
}

func TestStripeOf_StaysInsideTheRangeOfItsSlot(t *testing.T) {
	for _, size := range []int{1 << 10, 1 << 12, 1 << 14, 1 << 17, 1 << 20} {
		t.Run(fmt.Sprintf("%d stripes", size), func(t *testing.T) {
			table := stamp.NewTable(int64(size))
			for _, slot := range []int{0, 1, 15, 16, 4711, slots/2 - 1, slots / 2, slots - 1} {
				// A small table gives one stripe to several slots, and a large one several stripes
				// to a slot.
				first := int(int64(slot) * int64(size) / slots) // a product of ints overflows on 32 bits
				last := max(int(int64(slot+1)*int64(size)/slots)-1, first)
				used := map[stamp.Stripe]bool{}
				for i := range 2000 {
					s := table.StripeOf(slot, hash(i))
					if int(s) < first || int(s) > last {
						t.Fatalf("slot %d: stripe %d is outside %d to %d", slot, s, first, last)
					}
					used[s] = true
				}
				assert.Len(t, used, last-first+1, "2000 keys of slot %d use every stripe of it", slot)
			}
		})
	}
}

func TestStripeOf_IsStableAndSeeded(t *testing.T) {
	a, b := stamp.NewTable(1<<20), stamp.NewTable(1<<20)
	var differ bool
	for i := range 100 {
		assert.Equal(t, a.StripeOf(7, hash(i)), a.StripeOf(7, hash(i)))
		differ = differ || a.StripeOf(7, hash(i)) != b.StripeOf(7, hash(i))
	}
	assert.True(t, differ, "two tables spread the keys of a slot differently, so that nobody can aim at a stripe")
}

func TestNever_IsTheStripeOfNoKey(t *testing.T) {
	table := stamp.NewTable(1 << 10)
	for slot := range slots {
		if table.StripeOf(slot, hash(slot)) == table.Never() {
			t.Fatalf("a key of slot %d has it", slot)
		}
	}
	s := table.Read(table.Never())
	for i := range table.Len() {
		table.Bump(stamp.Stripe(i))
	}
	assert.True(t, table.Current(s), "changes of keys do not concern it")
	table.BumpAll()
	assert.False(t, table.Current(s), "BumpAll does")
}

func TestCurrent_TellsEveryChange(t *testing.T) {
	const mine, other = stamp.Stripe(3), stamp.Stripe(4)
	tests := []struct {
		desc    string
		change  func(*stamp.Table)
		current bool
	}{
		{desc: "nothing happened", change: func(*stamp.Table) {}, current: true},
		{desc: "another stripe was bumped", change: func(tb *stamp.Table) { tb.Bump(other) }, current: true},
		{desc: "bumped", change: func(tb *stamp.Table) { tb.Bump(mine) }},
		{desc: "all were bumped", change: func(tb *stamp.Table) { tb.BumpAll() }},
		{desc: "a writer is under way", change: func(tb *stamp.Table) { tb.Begin(mine) }},
		{desc: "a writer came and went", change: func(tb *stamp.Table) { w, _ := tb.Begin(mine); tb.End(w) }},
		{desc: "a writer came and went alone", change: func(tb *stamp.Table) { w, _ := tb.Begin(mine); tb.EndAlone(w) }},
		{desc: "a writer of another stripe came and went", change: func(tb *stamp.Table) { w, _ := tb.Begin(other); tb.End(w) }, current: true},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			table := stamp.NewTable(0)
			s := table.Read(mine)
			assert.Equal(t, mine, s.Stripe())
			tc.change(table)
			assert.Equal(t, tc.current, table.Current(s))
			assert.True(t, table.Current(table.Read(mine)), "a stamp that is taken now is current")
		})
	}
}

func TestAdvance_MovesAStampThatIsCurrent(t *testing.T) {
	const mine = stamp.Stripe(3)
	tests := []struct {
		desc    string
		change  func(*stamp.Table)
		current bool // afterwards
	}{
		{desc: "nothing happened", change: func(*stamp.Table) {}, current: true},
		{desc: "another stripe was bumped", change: func(tb *stamp.Table) { tb.Bump(4) }, current: true},
		{desc: "bumped", change: func(tb *stamp.Table) { tb.Bump(mine) }},
		{desc: "all were bumped", change: func(tb *stamp.Table) { tb.BumpAll() }},
		{desc: "a writer is under way", change: func(tb *stamp.Table) { tb.Begin(mine) }},
		{desc: "a writer came and went", change: func(tb *stamp.Table) { w, _ := tb.Begin(mine); tb.EndAlone(w) }},
		{desc: "it was advanced", change: func(tb *stamp.Table) { tb.Advance(tb.Read(mine)) }},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			table := stamp.NewTable(0)
			table.BumpAll()
			old := table.Read(mine)
			tc.change(table)
			others := table.Read(mine)
			advanced := table.Advance(old)
			assert.False(t, table.Current(old))
			assert.False(t, table.Current(others), "what anybody has read before is outdated in any case")
			assert.Equal(t, tc.current, table.Current(advanced))
			assert.Equal(t, mine, advanced.Stripe())
		})
	}
}

func TestAdvance_LeavesAWriterThatIsUnderWayNotAlone(t *testing.T) {
	table := stamp.NewTable(0)
	w := begin(t, table, 3)
	s := table.Advance(table.Read(3))
	assert.True(t, table.Current(s))
	assert.False(t, s.Quiet())
	_, alone := table.EndAlone(w)
	assert.False(t, alone)
	assert.True(t, table.Read(3).Quiet())
}

func TestCounter_NeverReturnsToAnEarlierValue(t *testing.T) {
	const s = stamp.Stripe(5)
	table := stamp.NewTable(0)
	var under []stamp.Write
	end := func(alone bool) {
		if len(under) == 0 {
			return
		}
		w := under[0]
		under = under[1:]
		if alone {
			table.EndAlone(w)
		} else {
			table.End(w)
		}
	}
	steps := []func(){
		func() { table.Bump(s) },
		func() { table.BumpAll() },
		func() { table.Advance(table.Read(s)) },
		func() { under = append(under, begin(t, table, s)) },
		func() { under = append(under, begin(t, table, s)) },
		func() { end(false) },
		func() { end(true) },
	}
	seen := map[stamp.Stamp]bool{table.Read(s): true}
	for i := range 5000 {
		before := len(under)
		step := i * 7919 / 13 % len(steps)
		steps[step]()
		if step >= 4 && before == 0 {
			continue // no writer to end
		}
		now := table.Read(s)
		if seen[now] {
			t.Fatalf("step %d brought an earlier value back", i)
		}
		seen[now] = true
		if now.Quiet() != (len(under) == 0) {
			t.Fatalf("step %d: Quiet is %t with %d writers", i, now.Quiet(), len(under))
		}
	}
}

func TestQuiet_WhileWritersAreUnderWay(t *testing.T) {
	table := stamp.NewTable(0)
	assert.True(t, table.Read(1).Quiet())
	a := begin(t, table, 1)
	b := begin(t, table, 1)
	assert.False(t, table.Read(1).Quiet(), "two writers")
	table.End(a)
	assert.False(t, table.Read(1).Quiet(), "one writer is left")
	table.Bump(1)
	table.BumpAll()
	assert.False(t, table.Read(1).Quiet(), "a bump ends no writer")
	table.End(b)
	assert.True(t, table.Read(1).Quiet())
	assert.True(t, table.Read(2).Quiet())
}

func TestBumpAll_OutdatesEveryStamp(t *testing.T) {
	table := stamp.NewTable(0)
	before := make([]stamp.Stamp, table.Len()+1)
	for i := range before {
		before[i] = table.Read(stamp.Stripe(i))
	}
	assert.EqualValues(t, 0, table.Bumps())
	table.BumpAll()
	assert.EqualValues(t, 1, table.Bumps())
	for i := range before {
		now := table.Read(stamp.Stripe(i))
		if table.Current(before[i]) || !table.Current(now) || !now.Quiet() {
			t.Fatalf("stripe %d: the earlier stamp must be outdated, the later one current, and nobody a writer", i)
		}
	}
}

func TestEndAlone_KeepsWhatWasWrittenOnlyIfNothingElseChanged(t *testing.T) {
	tests := []struct {
		desc string
		// before runs before Begin, and during between Begin and EndAlone.
		before, during func(*stamp.Table)
		alone, current bool
	}{
		{desc: "alone", alone: true, current: true},
		{desc: "changes came before it", before: func(tb *stamp.Table) { tb.Bump(1); tb.BumpAll() }, alone: true, current: true},
		{desc: "a writer was under way before it", before: func(tb *stamp.Table) { tb.Begin(1) }},
		{desc: "a writer began after it", during: func(tb *stamp.Table) { tb.Begin(1) }},
		{desc: "a writer came and went", during: func(tb *stamp.Table) { w, _ := tb.Begin(1); tb.End(w) }},
		{desc: "another process changed the key", during: func(tb *stamp.Table) { tb.Bump(1) }},
		{desc: "a change of another stripe", during: func(tb *stamp.Table) { tb.Bump(2) }, alone: true, current: true},
		{desc: "all were bumped: the stamp is outdated from the beginning", during: func(tb *stamp.Table) { tb.BumpAll() }, alone: true},
	}
	for _, tc := range tests {
		t.Run(tc.desc, func(t *testing.T) {
			table := stamp.NewTable(0)
			if tc.before != nil {
				tc.before(table)
			}
			w := begin(t, table, 1)
			if tc.during != nil {
				tc.during(table)
			}
			s, alone := table.EndAlone(w)
			require.Equal(t, tc.alone, alone)
			if alone {
				assert.Equal(t, tc.current, table.Current(s))
				assert.True(t, s.Quiet())
				assert.EqualValues(t, 1, s.Stripe())
			}
		})
	}
}

func TestEndAlone_CountsTheWriterOutInEveryCase(t *testing.T) {
	table := stamp.NewTable(0)
	a, b := begin(t, table, 1), begin(t, table, 1)
	_, alone := table.EndAlone(a)
	require.False(t, alone)
	_, alone = table.EndAlone(b)
	require.False(t, alone, "the first one has changed the key meanwhile")
	assert.True(t, table.Read(1).Quiet())
	_, alone = table.EndAlone(begin(t, table, 1))
	assert.True(t, alone)
}

func TestBegin_RefusesMoreWritersThanItCanCount(t *testing.T) {
	table := stamp.NewTable(0)
	var under []stamp.Write
	for {
		w, ok := table.Begin(1)
		if !ok {
			break
		}
		if under = append(under, w); len(under) >= 1<<16 {
			t.Fatal("the count of writers overflows into the count of changes")
		}
	}
	assert.Greater(t, len(under), 1<<15)
	was := table.Read(1)
	_, ok := table.Begin(1)
	assert.False(t, ok, "still too many")
	assert.False(t, table.Current(was))
	_, ok = table.Begin(2)
	assert.True(t, ok, "another stripe has room")
	for _, w := range under {
		if table.Read(1).Quiet() {
			t.Fatal("quiet with writers under way")
		}
		table.End(w)
	}
	assert.True(t, table.Read(1).Quiet(), "those who were refused are not counted")
	_, ok = table.Begin(1)
	assert.True(t, ok)
}

// What is kept under a stamp is never older than a write that has finished. Readers and writers
// share one value, as they share a record in a store.
func TestTable_KeptValuesAreNeverOlderThanAFinishedWrite(t *testing.T) {
	type kept struct {
		stamp stamp.Stamp
		value int64
	}
	const key = stamp.Stripe(9)
	table := stamp.NewTable(0)
	var (
		lock           sync.Mutex // the store is linearizable
		stored         int64
		finished, hits atomic.Int64
		cache          atomic.Pointer[kept]
		errors         atomic.Pointer[string]
		working        atomic.Int64
		writers, all   sync.WaitGroup
	)
	const numWriters, writes = 3, 400
	working.Store(numWriters)
	for range numWriters {
		writers.Go(func() {
			defer working.Add(-1)
			for range writes {
				w, ok := table.Begin(key)
				if !ok {
					continue
				}
				lock.Lock()
				stored++
				mine := stored
				lock.Unlock()
				if s, alone := table.EndAlone(w); alone {
					cache.Store(&kept{s, mine})
				}
				for old := finished.Load(); old < mine && !finished.CompareAndSwap(old, mine); old = finished.Load() {
				}
				runtime.Gosched()
			}
		})
	}
	for range 4 {
		all.Go(func() {
			for ; working.Load() > 0; runtime.Gosched() {
				least := finished.Load()
				if c := cache.Load(); c != nil && table.Current(c.stamp) {
					hits.Add(1)
					if c.value < least {
						errors.CompareAndSwap(nil, new(fmt.Sprintf("kept %d, and %d had been written", c.value, least)))
					}
					continue
				}
				s := table.Read(key)
				if !s.Quiet() {
					continue
				}
				lock.Lock()
				value := stored
				lock.Unlock()
				if table.Current(s) {
					cache.Store(&kept{s, value})
				}
			}
		})
	}
	writers.Wait()
	all.Wait()
	if e := errors.Load(); e != nil {
		t.Error(*e)
	}
	c := cache.Load()
	require.NotNil(t, c)
	assert.True(t, table.Read(key).Quiet())
	if table.Current(c.stamp) {
		assert.EqualValues(t, numWriters*writes, c.value)
	}
}
