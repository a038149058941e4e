package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/directory"
)

// moment is when something happened. The source's answer is the moment at which it was asked, so an
// answer says itself how old it is.
type moment = time.Duration

// model is what the callers of a random script may see.
type model struct {
	mu          sync.Mutex
	known       map[string]moment // the newest answer that anybody has seen
	invalidated map[string]moment
	dropped     map[string]moment
	seen        map[string]map[*directory.Answer[string]]bool
	running     map[string][]moment // when the questions that have not returned began
}

// TestCache_RandomScripts runs callers, invalidations and a source that answers late, fails, hangs
// and ignores its context, and compares what the callers see with the rules.
func TestCache_RandomScripts(t *testing.T) {
	const scripts = 80
	for seed := range uint64(scripts) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { randomScript(t, seed, seed%16 == 1) })
		})
	}
}

func randomScript(t *testing.T, seed uint64, bounded bool) {
	r := rand.New(rand.NewPCG(seed, 1))
	m := &model{
		known: map[string]moment{}, invalidated: map[string]moment{}, dropped: map[string]moment{},
		seen: map[string]map[*directory.Answer[string]]bool{}, running: map[string][]moment{},
	}
	var health atomic.Int32                // of the source: well, failing, hanging
	luck := rand.New(rand.NewPCG(seed, 2)) // of the source, guarded by m.mu
	var s *shop
	s = newShop(t, func(cfg *directory.Config[string, string]) {
		if bounded {
			cfg.MaxBytes = 1 << 20
			cfg.Cost = func(string, string) int64 { return 100 }
		}
		cfg.Ask = func(ctx context.Context, key string) (string, error) {
			asked := s.now()
			m.mu.Lock()
			latency := time.Duration(luck.IntN(300)) * ms
			fails, stubborn := luck.IntN(20) == 0, luck.IntN(2) == 0
			switch {
			case luck.IntN(20) == 0, health.Load() == 2 && luck.IntN(4) > 0:
				latency = time.Duration(luck.IntN(10_000)) * ms
			case health.Load() == 1:
				fails = true
			}
			m.running[key] = append(m.running[key], asked)
			underWay := 0
			for _, began := range m.running[key] {
				if asked-began < timeout && began >= m.dropped[key] {
					underWay++
				}
			}
			if underWay > 2 {
				t.Errorf("%s: %d questions are under way", key, underWay)
			}
			m.mu.Unlock()
			done := ctx.Done()
			if stubborn {
				done = nil
			}
			var err error
			select {
			case <-time.After(latency):
			case <-s.released:
			case <-done:
				err = ctx.Err()
			}
			m.mu.Lock()
			i := slices.Index(m.running[key], asked)
			m.running[key] = slices.Delete(m.running[key], i, i+1)
			m.mu.Unlock()
			if fails {
				err = errDown
			}
			return strconv.FormatInt(int64(asked), 10), err
		}
	})
	var callers sync.WaitGroup
	for range 400 {
		key := fmt.Sprintf("%c%d", 'a'+rune(r.IntN(2)), r.IntN(2))
		switch n := r.IntN(100); {
		case n < 60:
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(4000))*ms)
			callers.Go(func() { defer cancel(); m.get(t, s, ctx, key) })
		case n < 70:
			callers.Go(func() { m.refresh(t, s, key) })
		case n < 78:
			m.invalidate(s, []string{key}, func() { s.Invalidate(key) })
		case n < 82:
			m.invalidate(s, []string{key[:1] + "0", key[:1] + "1"}, func() { s.InvalidateGroup(key[:1]) })
		case n < 84:
			m.invalidate(s, []string{"a0", "a1", "b0", "b1"}, s.InvalidateAll)
		case n < 86:
			m.mu.Lock()
			m.dropped[key] = s.now()
			s.Drop(key)
			m.mu.Unlock()
			require.Nil(t, s.Known(key))
		case n < 90:
			health.Store(r.Int32N(3))
		default:
			time.Sleep([]time.Duration{10 * ms, 100 * ms, time.Second, timeout, maxAge, 25 * time.Hour}[r.IntN(6)])
		}
		time.Sleep(time.Duration(r.IntN(50)) * ms)
		synctest.Wait()
		m.look(t, s)
	}
	callers.Wait()
	close(s.released)
	s.Close()
	s.wg.Wait()
}

// invalidate notes the moment before anything can be asked after it.
func (m *model) invalidate(s *shop, keys []string, do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		m.invalidated[key] = s.now()
	}
	do()
	for _, key := range keys {
		if a := s.Known(key); a != nil && a.Until() != 0 {
			s.T.Errorf("%s: invalidated, but until %d", key, a.Until())
		}
	}
}

// get calls Get and checks what it returns and how long it takes.
func (m *model) get(t *testing.T, s *shop, ctx context.Context, key string) {
	m.mu.Lock()
	began, invalidated, dropped, newest := s.now(), m.invalidated[key], m.dropped[key], m.known[key]
	known := s.Known(key)
	m.mu.Unlock()
	wait := timeout + 100*ms
	switch {
	case known != nil && known.Until() > 0:
		wait = 0
	case known != nil:
		wait = 100 * ms
	}
	a, err := s.Get(ctx, key)
	took := s.now() - began
	m.mu.Lock()
	defer m.mu.Unlock()
	again := m.dropped[key] != dropped || m.invalidated[key] != invalidated
	if took > wait && !(again && took <= timeout+100*ms) {
		t.Errorf("%s: Get took %v, may take %v", key, took, wait)
	}
	if err != nil {
		if known != nil && !again {
			t.Errorf("%s: an error although %s is known: %v", key, known.Value, err)
		}
		return
	}
	m.check(t, s, key, a, max(newest, dropped))
}

func (m *model) refresh(t *testing.T, s *shop, key string) {
	began := s.now()
	err := s.Refresh(t.Context(), key)
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := s.Known(key); err == nil && a != nil {
		m.check(t, s, key, a, began)
	}
}

// look checks what is known of each key while nothing else happens.
func (m *model) look(t *testing.T, s *shop) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range []string{"a0", "a1", "b0", "b1"} {
		if a := s.Known(key); a != nil {
			m.check(t, s, key, a, m.dropped[key])
		}
	}
}

// check checks an answer that somebody may see now, and that must not be older than oldest.
func (m *model) check(t *testing.T, s *shop, key string, a *directory.Answer[string], oldest moment) {
	n, err := strconv.ParseInt(a.Value, 10, 64)
	require.NoError(t, err)
	asked, now, until := moment(n), s.now(), moment(a.Until())
	switch {
	case asked < oldest:
		t.Errorf("%s: %v was answered, which is older than %v", key, asked, oldest)
	case until > 0 && asked < now-24*time.Hour:
		t.Errorf("%s: an answer of %v ago is served", key, now-asked)
	case until > now+timeout && asked < m.invalidated[key]:
		t.Errorf("%s: an answer from before the Invalidate is young", key)
	case until > asked+24*time.Hour:
		t.Errorf("%s: an answer is served until %v after it was asked for", key, until-asked)
	}
	if m.seen[key] == nil {
		m.seen[key] = map[*directory.Answer[string]]bool{}
	}
	m.seen[key][a] = true
	m.known[key] = max(m.known[key], asked)
	for other := range m.seen[key] {
		if other != s.Known(key) && other.Until() > int64(now) {
			t.Errorf("%s: %s is in force, and so is another answer", key, other.Value)
		}
	}
}
