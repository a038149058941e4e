package scale

import (
	"container/heap"
	"container/list"
	"math"
	"math/rand/v2"
	"time"
)

// Fleet is storefront processes that share one Redis primary, and their visitors.
//
// A session's life is a number of visits, a visit is a number of requests; both numbers are
// geometric, the times between are exponential. When a session is over a new one takes its place,
// so that there are always as many: the pause between visits follows from Sessions and Requests.
type Fleet struct {
	Sessions  float64 // records in Redis
	Processes int
	Requests  float64 // per second, of the whole fleet, that name a session

	Pages  float64       // requests of a visit, mean, more than 1
	Think  time.Duration // between two requests of a visit, mean
	Visits float64       // of a session's life, mean, 1 or more

	Writes    float64 // share of the requests that write; a session's first request writes anyhow
	Sticky    float64 // share of the requests that go to the session's own process; the others go anywhere
	Customers float64 // share of the sessions that are a customer's, each customer with one

	Entries float64       // that the near-cache of one process has room for
	Stripes float64       // of each process's near-cache
	Idle    time.Duration // a session in use is touched once in a quarter of it
}

// pause is the mean time in seconds from a session's last request of a visit to its next visit, or
// to its successor's first.
func (f *Fleet) pause() float64 {
	return f.Sessions*f.Pages/f.Requests - (f.Pages-1)*f.Think.Seconds()
}

// Budget bounds a simulation.
type Budget struct {
	Seed   uint64
	Events int // requests, and as many before these until the caches are as they will always be
	Places int // sessions at once, about
	// Serve serves a request instead of near-caches of the simulation's own, and reports whether
	// the session's record was there. Every write must be known to all processes when it returns.
	Serve func(Request) (hit bool)
}

// Found is what a simulation counted: the share of the requests that found the session in the
// near-cache, and rates per second of the whole fleet.
type Found struct {
	Hit                              float64
	Requests, Gets, Writes, Messages float64
}

// Request is one request of a session to a process.
type Request struct {
	Process int
	Session uint64
	Owned   bool // the session is a customer's
	Writes  bool // after it has read
}

// Simulate draws the requests of f's visitors.
//
// It simulates all processes, but of the stripes only as many as the budget allows, with all
// sessions whose keys fall on them. To a session it makes no difference what happens on other
// stripes: a stamp moves by the writes to the sessions of its own stripe, and these are all there.
// So the rates and shares are those of the whole fleet. Not exact are three things: the sample gets
// its part of a near-cache's room; processes have hash seeds of their own, and here two sessions
// are neighbours in all or in none; and a customer's stamp is among the stripes that are simulated.
// The last two change only which misses come together. Loads, writes and messages take no time.
func Simulate(f Fleet, b Budget) (found Found) {
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	stripes := min(f.Stripes, max(4, math.Floor(float64(b.Places)/f.Sessions*f.Stripes)))
	part := stripes / f.Stripes
	places := f.Sessions * part
	if part < 1 { // how many fall on these stripes is random too
		places = max(1, math.Round(places+rng.NormFloat64()*math.Sqrt(places*(1-part))))
	}
	t := newTraffic(f, rng, int(places), int(stripes))
	stamps := make([]uint64, int(stripes)) // of all processes: each is told of each write
	caches := make([]*nearCache, f.Processes)
	for i := range caches {
		caches[i] = &nearCache{room: max(int(f.Entries*part), 1), stamps: stamps, entries: map[item]*list.Element{}, recent: list.New()}
	}
	var hits, gets, writes int
	var warm float64
	for n := range 2 * b.Events {
		if n == b.Events {
			warm, hits, gets, writes = t.now, 0, 0, 0
		}
		r, s := t.draw()
		hit, generation := false, true
		if b.Serve != nil {
			hit = b.Serve(r)
		} else {
			hit, generation = caches[r.Process].read(s)
		}
		if hit {
			hits++
		} else {
			gets++
		}
		if !generation {
			gets++
		}
		if r.Writes {
			writes++
			stamps[s.stripe]++
		}
	}
	rate := func(count int) float64 { return float64(count) / (t.now - warm) / part }
	return Found{
		Hit: float64(hits) / float64(b.Events), Requests: rate(b.Events), Gets: rate(gets), Writes: rate(writes),
		Messages: rate(writes) * float64(f.Processes),
	}
}

// session is a visitor's session.
type session struct {
	id               uint64
	home             int // the process that a sticky router sends it to
	owned            bool
	exists           bool // there is a record
	written          float64
	stripe, customer int // of the keys on which its answers hang
}

// place is where one session is, and after it another: it makes requests at times of its own.
type place struct {
	session *session
	next    float64 // when the next request comes
	fresh   bool    // which will be the first one of a new session
}

// traffic draws requests in the order of time. It is a heap of places.
type traffic struct {
	f       Fleet
	rng     *rand.Rand
	stripes int
	now     float64
	ids     uint64
	places  []*place
}

func newTraffic(f Fleet, rng *rand.Rand, places, stripes int) *traffic {
	t := &traffic{f: f, rng: rng, stripes: stripes}
	inVisit := (f.Pages - 1) * f.Think.Seconds()
	for range places {
		p := &place{session: t.visitor()}
		// In the middle of the night or of a visit: what is exponential does not remember since
		// when.
		if rng.Float64() < inVisit/(inVisit+f.pause()) {
			p.next = rng.ExpFloat64() * f.Think.Seconds()
		} else {
			p.next, p.fresh = rng.ExpFloat64()*f.pause(), rng.Float64() < 1/f.Visits
		}
		p.session.exists, p.session.written = true, -rng.Float64()*f.Idle.Seconds()/4
		t.places = append(t.places, p)
	}
	heap.Init(t)
	return t
}

// visitor returns a new session. The two keys on which its answers hang fall on different stripes:
// so it is for all but one in some thousands, and the few that are simulated must not have more of
// it.
func (t *traffic) visitor() *session {
	t.ids++
	s := &session{id: t.ids, home: t.rng.IntN(t.f.Processes), owned: t.rng.Float64() < t.f.Customers, stripe: t.rng.IntN(t.stripes)}
	for s.customer = s.stripe; s.customer == s.stripe; {
		s.customer = t.rng.IntN(t.stripes)
	}
	return s
}

// draw returns the next request.
func (t *traffic) draw() (Request, *session) {
	f, rng, p := &t.f, t.rng, t.places[0]
	t.now = p.next
	if p.fresh {
		p.session, p.fresh = t.visitor(), false
	}
	s := p.session
	r := Request{Process: s.home, Session: s.id, Owned: s.owned, Writes: rng.Float64() < f.Writes}
	if rng.Float64() >= f.Sticky {
		r.Process = rng.IntN(f.Processes)
	}
	if !s.exists || t.now-s.written >= f.Idle.Seconds()/4 {
		r.Writes = true // creates, or touches
	}
	if r.Writes {
		s.exists, s.written = true, t.now
	}
	if rng.Float64() >= 1/f.Pages {
		p.next += rng.ExpFloat64() * f.Think.Seconds()
	} else {
		p.next += rng.ExpFloat64() * f.pause()
		p.fresh = rng.Float64() < 1/f.Visits
	}
	heap.Fix(t, 0)
	return r, s
}

func (t *traffic) Len() int           { return len(t.places) }
func (t *traffic) Less(i, j int) bool { return t.places[i].next < t.places[j].next }
func (t *traffic) Swap(i, j int)      { t.places[i], t.places[j] = t.places[j], t.places[i] }
func (*traffic) Push(any)             { panic("as many as there are") }
func (*traffic) Pop() any             { panic("as many as there are") }

// item is what a near-cache holds: an entry of a session, or of a customer's generation.
type item struct {
	id         uint64
	generation bool
}

// entry is an item and what it was loaded under.
type entry struct {
	item
	stamp, customer uint64
}

// nearCache is that of one process: bounded, the least recently used entry is evicted first, and an
// entry is valid only under the stamps that it was loaded under.
type nearCache struct {
	room    int
	stamps  []uint64
	entries map[item]*list.Element
	recent  *list.List
}

// find reports whether an item is cached and valid, and caches it as it is now. customer is the
// stripe of the customer that it hangs on; negative: none.
func (c *nearCache) find(i item, stripe, customer int) (valid bool) {
	now := entry{item: i, stamp: c.stamps[stripe]}
	if customer >= 0 {
		now.customer = c.stamps[customer]
	}
	if e, ok := c.entries[i]; ok {
		c.recent.MoveToFront(e)
		valid, e.Value = e.Value == now, now
		return valid
	}
	c.entries[i] = c.recent.PushFront(now)
	if len(c.entries) > c.room {
		delete(c.entries, c.recent.Remove(c.recent.Back()).(entry).item)
	}
	return false
}

// read serves a request as sessionctx.Resolver.Resolve does. generation is true if the customer's
// generation was there, or was not needed.
func (c *nearCache) read(s *session) (hit, generation bool) {
	if !s.owned {
		return c.find(item{id: s.id}, s.stripe, -1), true
	}
	if c.find(item{id: s.id}, s.stripe, s.customer) {
		return true, true
	}
	return false, c.find(item{s.id, true}, s.customer, -1)
}
