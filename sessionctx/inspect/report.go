package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionctx/storefront/sessionctx"
)

// report is what an Inspector answers. Its JSON form is a promise: docs/inspect.md.
type report struct {
	Schema        int        `json:"schema"` // 1
	At            time.Time  `json:"at"`
	EverySeconds  float64    `json:"everySeconds"`
	WindowSeconds float64    `json:"windowSeconds"`
	State         state      `json:"state"`
	Since         totals     `json:"totals"`
	Intervals     []interval `json:"intervals"` // the oldest first
	Conflicts     []conflict `json:"conflicts"` // the newest first
	Mistakes      []mistake  `json:"mistakes"`
	Why           why        `json:"why"`
}

// The states of store, cache and directory.
const (
	storeAnswers = "answers"
	storeFails   = "fails"  // it has not answered a read just now
	storeHangs   = "hangs"  // it is only probed
	storeClosed  = "closed" // the Resolver is

	cacheValid = "valid"
	cacheOff   = "off" // the lease has ended: every read asks the store

	directoryAnswers = "answers"
	directoryFails   = "fails" // the last refresh has failed: earlier answers serve
)

// state is how things are now.
type state struct {
	Store     string `json:"store"`
	Cache     string `json:"cache"`
	Lease     lease  `json:"leaseSeconds"`
	Directory string `json:"directory"`
}

// lease is Stats.Lease. Its JSON form is seconds, and null for a lease that never ends.
type lease time.Duration

func (l lease) endless() bool { return l == math.MaxInt64 }

// MarshalJSON implements json.Marshaler.
func (l lease) MarshalJSON() ([]byte, error) {
	if l.endless() {
		return []byte("null"), nil
	}
	return json.Marshal(time.Duration(l).Seconds())
}

// totals are the counters of sessionctx.Stats since the Resolver was made.
type totals struct {
	Resolves        int64            `json:"resolves"`
	Hits            int64            `json:"hits"`
	Loads           int64            `json:"loads"`
	Joined          int64            `json:"joined"`
	Writes          int64            `json:"writes"`
	Touches         int64            `json:"touches"`
	Conflicts       int64            `json:"conflicts"`
	Unknown         int64            `json:"unknown"`
	Degraded        int64            `json:"degraded"`
	DirectoryLoads  int64            `json:"directoryLoads"`
	DirectoryErrors int64            `json:"directoryErrors"`
	SiteMistakes    int64            `json:"siteMistakes"`
	DroppedFills    int64            `json:"droppedFills"`
	Invalidations   int64            `json:"invalidations"`
	InvalidatedAll  int64            `json:"invalidatedAll"`
	Rejected        map[string]int64 `json:"rejected"` // by reason
}

func totalsOf(s *sessionctx.Stats) totals {
	t := totals{
		Resolves: s.Resolves, Hits: s.Hits, Loads: s.Loads, Joined: s.Joined, Writes: s.Writes, Touches: s.Touches,
		Conflicts: s.Conflicts, Unknown: s.Unknown, Degraded: s.Degraded, DirectoryLoads: s.DirectoryLoads, DirectoryErrors: s.DirectoryErrors,
		SiteMistakes: s.SiteMistakes, DroppedFills: s.DroppedFills, Invalidations: s.Invalidations, InvalidatedAll: s.InvalidatedAll,
		Rejected: make(map[string]int64),
	}
	for reason, n := range s.Rejected {
		t.Rejected[reason.String()] = n
	}
	return t
}

// conflict is a write that was refused.
type conflict struct {
	At     time.Time `json:"at"`
	Tenant string    `json:"tenant"`
	Fields []string  `json:"fields"` // none: the conflict is about the whole session
}

// mistake is a mistake in the data of a site.
type mistake struct {
	Tenant string `json:"tenant"`
	Site   string `json:"site"`  // its code; empty: the mistake is that of the list
	Field  string `json:"field"` // as in currencies[2]
	Value  string `json:"value"`
	Rule   string `json:"rule"`
	Effect string `json:"effect"`
}

const (
	checkTimeout = 2 * time.Second // for the store, so that a page comes while it hangs
	maxMistakes  = 100
	maxText      = 120 // bytes of a text from a site
)

// report looks at everything.
func (i *Inspector) report(ctx context.Context, q *question) report {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	explained := make(chan why, 1)
	go func() { explained <- i.explain(ctx, *q) }()
	health := i.cfg.Resolver.Check(ctx)
	stats := i.cfg.Resolver.Stats()
	now := time.Now()
	return report{
		Schema: 1, At: now.UTC().Round(0), EverySeconds: every.Seconds(), WindowSeconds: window.Seconds(),
		State: stateOf(&health, &stats), Since: totalsOf(&stats), Intervals: i.sampler.intervals(now.Add(-window)),
		Conflicts: i.conflicts(), Mistakes: i.mistakes(), Why: <-explained,
	}
}

const window = intervals * every

func stateOf(h *sessionctx.Health, s *sessionctx.Stats) state {
	st := state{Store: storeAnswers, Cache: cacheValid, Lease: lease(h.Lease), Directory: directoryAnswers}
	switch {
	case errors.Is(h.Store, sessionctx.ErrClosed):
		st.Store = storeClosed
	case s.StoreHangs:
		st.Store = storeHangs
	case h.Store != nil:
		st.Store = storeFails
	}
	if h.Lease < 0 {
		st.Cache = cacheOff
	}
	if h.Directory != nil {
		st.Directory = directoryFails
	}
	return st
}

func (i *Inspector) conflicts() []conflict {
	all := []conflict{}
	for _, c := range i.cfg.Resolver.Conflicts() {
		all = append(all, conflict{At: c.At.UTC().Round(0), Tenant: c.Tenant, Fields: append([]string{}, c.Fields...)})
	}
	return all
}

func (i *Inspector) mistakes() []mistake {
	all := []mistake{}
	for _, tenant := range i.cfg.Resolver.Tenants() {
		for _, m := range i.cfg.Resolver.SiteMistakes(tenant) {
			if len(all) == maxMistakes {
				return all
			}
			all = append(all, mistake{tenant, cut(m.Code), cut(m.Field), cut(m.Value), cut(m.Rule), cut(m.Effect)})
		}
	}
	return all
}

// cut shortens a text.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
