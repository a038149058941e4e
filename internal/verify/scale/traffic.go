package scale

import (
	"container/heap"
	"math/rand/v2"
)

// session is a visitor's session in the simulation.
type session struct {
	id      uint64
	home    int  // the process that a sticky router sends it to
	owned   bool // a customer's
	written float64
	exists  bool // there is a record

	stripe, customer int // of the keys on which its answers hang: of those that are simulated

	readers []int // ByKey: the processes that have read the record since it was last written
}

// Request is one request of a session to a process.
type Request struct {
	Process int
	Session uint64
	Owned   bool // the session is a customer's
	Writes  bool // after it has read

	session *session
	over    *session // the one whose place the session takes; mostly nil
}

// place is where one session is, and after it another: it makes requests at times of its own.
type place struct {
	session *session
	next    float64 // when the next request comes
	fresh   bool    // which will be the first one of a new session
}

// traffic draws the requests of a fleet's visitors, in the order of time.
type traffic struct {
	f       Fleet
	rng     *rand.Rand
	stripes int // how many are simulated
	now     float64
	ids     uint64
	places  []*place // a heap
}

func newTraffic(f Fleet, rng *rand.Rand, places, stripes int) *traffic {
	t := &traffic{f: f, rng: rng, stripes: stripes}
	inVisit := (f.Pages - 1) * f.Think.Seconds()
	for range places {
		p := &place{session: t.visitor()}
		// In the middle of the night or of a visit: what is exponential does not remember since when.
		if rng.Float64() < inVisit/(inVisit+f.pause()) {
			p.next = rng.ExpFloat64() * f.Think.Seconds()
		} else {
			p.next, p.fresh = rng.ExpFloat64()*f.pause(), rng.Float64() >= f.back()
		}
		p.session.exists, p.session.written = true, -rng.Float64()*f.touchAfter()
		t.places = append(t.places, p)
	}
	heap.Init(t)
	return t
}

// visitor returns a new session. The two keys on which its answers hang fall on any of the stripes, but on different ones: so it is for all but
// one in some thousands, and the few that are simulated must not have more of it.
func (t *traffic) visitor() *session {
	t.ids++
	s := &session{id: t.ids, home: t.rng.IntN(t.f.Processes), owned: t.rng.Float64() < t.f.Customers}
	s.stripe, s.customer = t.rng.IntN(t.stripes), t.rng.IntN(t.stripes)
	for s.customer == s.stripe {
		s.customer = t.rng.IntN(t.stripes)
	}
	return s
}

// draw returns the next request.
func (t *traffic) draw() Request {
	f, rng, p := t.f, t.rng, t.places[0]
	t.now = p.next
	var over *session
	if p.fresh {
		over, p.session, p.fresh = p.session, t.visitor(), false
	}
	s := p.session
	r := Request{Process: s.home, Session: s.id, Owned: s.owned, Writes: rng.Float64() < f.Writes, session: s, over: over}
	if rng.Float64() >= f.Sticky {
		r.Process = rng.IntN(f.Processes)
	}
	if !s.exists || t.now-s.written >= f.touchAfter() {
		r.Writes = true // creates, or touches
	}
	if r.Writes {
		s.exists, s.written = true, t.now
	}
	if rng.Float64() < f.again() {
		p.next += rng.ExpFloat64() * f.Think.Seconds()
	} else {
		p.next += rng.ExpFloat64() * f.pause()
		p.fresh = rng.Float64() >= f.back()
	}
	heap.Fix(t, 0)
	return r
}

// The heap: whose request comes first.
func (t *traffic) Len() int           { return len(t.places) }
func (t *traffic) Less(i, j int) bool { return t.places[i].next < t.places[j].next }
func (t *traffic) Swap(i, j int)      { t.places[i], t.places[j] = t.places[j], t.places[i] }
func (*traffic) Push(any)             { panic("as many as there are") }
func (*traffic) Pop() any             { panic("as many as there are") }
