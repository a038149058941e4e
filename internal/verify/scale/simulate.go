package scale

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Budget bounds a simulation.
type Budget struct {
	Seed   uint64
	Events int    // requests, and as many before these until the caches are as they will always be
	Places int    // sessions at once, about
	Server Server // what serves the requests; nil: near-caches of the simulation's own
}

// Server serves requests in a simulation's place. It sees to it that every write is known to all processes before Serve returns.
type Server interface {
	Serve(Request) Outcome
}

// Found is what a simulation counted, as rates per second of the whole fleet and as shares of the requests, like Figures.
type Found struct {
	Stripes  int     // how many of the fleet's stripes were simulated
	Requests int     // counted, after the caches were warm
	Seconds  float64 // of simulated time in which they fell

	RequestRate            float64
	Hit, Generation, Warm  float64
	Gets, Writes, Messages float64
}

// fewStripes are simulated at least.
const fewStripes = 4

// Simulate draws the requests of f's visitors, routes them to processes, and keeps what each process would keep: near-caches
// and stamps. It counts what happens, and uses none of Model's formulas.
//
// It simulates all processes, but of the stripes only as many as the budget allows, with all sessions whose keys fall on them. To a
// session it makes no difference what happens on other stripes: a stamp moves by the writes to the sessions of its own stripe, and
// these are all there. So the rates and shares are those of the whole fleet. Three things are not exact:
//
//   - The room of a near-cache is shared by all stripes; the sample gets its part of it.
//   - Processes hash with seeds of their own, so that two sessions are neighbours in one and not in another. Here they are neighbours in all.
//     That makes misses of different processes come together, and neither more nor fewer of them.
//   - The stamp of a session's customer is anywhere among all stripes. Here it is among those that are simulated, which move by the same
//     law. That again changes only what comes together.
//
// Loads, writes and messages take no time.
func Simulate(f Fleet, c Constants, b Budget) (found Found) {
	if err := f.check(); err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(b.Seed, 0))
	all := int(f.Stripes)
	stripes := min(all, max(fewStripes, int(float64(b.Places)/f.Sessions*f.Stripes)))
	part := float64(stripes) / f.Stripes
	places := int(f.Sessions)
	if stripes < all { // how many fall on these stripes is random too
		mean := f.Sessions * part
		places = max(1, int(math.Round(mean+rng.NormFloat64()*math.Sqrt(mean*(1-part)))))
	}
	t := newTraffic(f, rng, places, stripes)
	caches := make([]*nearCache, f.Processes)
	for i := range caches {
		caches[i] = newNearCache(int(f.entries(c)*part), stripes)
	}
	fl := fleet{f: f, rng: rng, caches: caches, server: b.Server}
	for range b.Events {
		fl.serve(t.draw())
	}
	warm := t.now
	fl.count = counts{}
	for range b.Events {
		r := t.draw()
		fl.lose(t.now)
		fl.serve(r)
	}
	n := fl.count
	found = Found{
		Stripes: stripes, Requests: n.requests, Seconds: t.now - warm,
		Hit:  float64(n.hits) / float64(n.requests),
		Warm: float64(n.warm) / float64(n.requests),
	}
	if n.owned > 0 {
		found.Generation = float64(n.generations) / float64(n.owned)
	}
	rate := func(count int) float64 { return float64(count) / found.Seconds / part }
	found.RequestRate, found.Gets, found.Writes, found.Messages = rate(n.requests), rate(n.gets), rate(n.writes), rate(n.messages)
	return found
}

type counts struct{ requests, owned, warm, hits, generations, gets, writes, messages int }

// fleet is the processes of a simulation, and the server between them.
type fleet struct {
	f      Fleet
	rng    *rand.Rand
	caches []*nearCache
	server Server
	lost   float64 // until when losses were drawn
	count  counts
}

// lose lets processes lose their tracking connections until now.
func (fl *fleet) lose(now float64) {
	if fl.f.Losses == 0 {
		return
	}
	if fl.lost == 0 {
		fl.lost = now
	}
	for rate := fl.f.Losses * float64(fl.f.Processes); ; {
		fl.lost += fl.rng.ExpFloat64() / rate
		if fl.lost > now {
			fl.lost = now
			return
		}
		fl.caches[fl.rng.IntN(len(fl.caches))].all++
	}
}

// serve lets a process serve a request.
func (fl *fleet) serve(r Request) {
	var o Outcome
	if fl.server != nil {
		o = fl.server.Serve(r)
	} else {
		o = fl.caches[r.Process].read(r.session)
	}
	n := &fl.count
	n.requests++
	add(&n.warm, o.Warm)
	add(&n.hits, o.Hit)
	add(&n.gets, !o.Hit)
	if r.Owned {
		n.owned++
		add(&n.generations, o.Generation)
		add(&n.gets, !o.Generation)
	}
	if !o.Hit && !slices.Contains(r.session.readers, r.Process) {
		r.session.readers = append(r.session.readers, r.Process)
	}
	if r.Writes {
		n.writes++
		fl.write(r.session)
	}
	if r.over != nil && fl.f.Tracking == ByKey {
		fl.tellReaders(r.over) // its key has expired
	}
}

// write lets the server tell of a write.
func (fl *fleet) write(s *session) {
	if fl.f.Tracking == ByKey {
		fl.tellReaders(s)
		return
	}
	for _, n := range fl.caches {
		fl.tell(n, s.stripe)
	}
	s.readers = s.readers[:0]
}

// tellReaders tells those who have read a session's record since they were told the last time.
func (fl *fleet) tellReaders(s *session) {
	for _, p := range s.readers {
		fl.tell(fl.caches[p], s.stripe)
	}
	s.readers = s.readers[:0]
}

// tell takes a message to a process.
func (fl *fleet) tell(n *nearCache, stripe int) {
	fl.count.messages++
	n.stamps[stripe]++
}

func add(n *int, one bool) {
	if one {
		*n++
	}
}
