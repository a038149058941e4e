package scale

import "math"

// Figures are what the model says of a Fleet. Rates are per second of the whole fleet unless the name says otherwise.
type Figures struct {
	Writes     float64 // EVALSHA: writes, first writes and touches
	Collateral float64 // how often the stamp of a stripe moves in a process, per second
	Kept       float64 // seconds until an entry that is not asked for is evicted

	Hit        float64 // share of the requests that find the session in the near-cache: they do no work at all
	Generation float64 // share of the requests of customers that find the customer's generation there

	Gets       float64
	Heartbeats float64
	Messages   float64 // invalidations out of the server: one for each process that is told of a write
	Received   float64 // invalidations into each process

	CommandCPU float64 // of the server's one core, used for GETs, writes and heartbeats
	MessageCPU float64 // and for messages, each sent alone; over 1 is more than there is: then they are batched
	CPU        float64 // all of it with messages of 50 keys: what batching cannot help
	Turn       float64 // seconds of one turn of the server's loop, which every command waits for; +Inf: it cannot keep up

	ProcessCPU   float64 // of a core of each process, for invalidations
	CollectorCPU float64 // of a core of each process, for the garbage collector to mark the near-cache

	Memory         float64 // bytes of Redis
	TrackingMemory float64 // bytes of Redis for its table of who has read what, ByKey alone
	Network        float64 // bytes per second at the server, both ways, without TCP/IP headers
	NearCache      float64 // bytes of live heap of each process, once it is full
	Connections    float64
	HerdGets       float64 // GETs per second after all processes lost their tracking connection at once: nothing is cached
	HerdWait       float64 // seconds that the last of all loads under way waits then
}

// Model computes the figures of f. The formulas, one by one and with their units, are explained in docs/scale.md.
func Model(f Fleet, c Constants) (m Figures) {
	processes := float64(f.Processes)

	w := f.writing()
	m.Writes = f.Requests * w.all

	// The server's messages: of each write to everybody; by key to those who have read since the last write.
	m.Messages = m.Writes * processes
	if f.Tracking == ByKey {
		m.Messages = f.Requests * (1 - f.hit(w, alone, forever))
	}
	m.Received = m.Messages / processes
	m.Collateral = m.Received / f.Stripes

	// The near-cache. A customer's session hangs on two stamps, its own and the customer's.
	m.Kept = f.kept(f.entries(c))
	neighbours := m.Received / m.Writes / f.Stripes // of those who write, the share whom an entry suffers from
	m.Hit = (1-f.Customers)*f.hit(w, f.survives(w, neighbours), m.Kept) +
		f.Customers*f.hit(w, f.survives(w, 2*neighbours), m.Kept)
	m.Generation = f.hit(writing{}, f.survives(w, neighbours), m.Kept)

	// Redis.
	m.Gets = f.Requests * (1 - m.Hit + f.Customers*(1-m.Generation))
	m.Heartbeats = processes * 4 / f.Lease.Seconds()
	m.CommandCPU = (m.Gets+m.Heartbeats)*c.GetCPU + m.Writes*c.WriteCPU
	m.MessageCPU = m.Messages * c.MessageCPU
	m.CPU = m.CommandCPU + m.Messages*c.BatchedMessageCPU
	// A turn in which something was written sends a message to each who is to be told, however many writes it says. While it lasts, work for
	// the next one comes in.
	m.Turn = math.Inf(1)
	if m.CPU < 1 {
		m.Turn = m.Messages / m.Writes * c.MessageCPU / (1 - m.CPU)
	}
	m.Memory = f.Sessions * (1 + f.Customers*c.EndedAll) * c.KeyBytes
	if f.Tracking == ByKey {
		m.TrackingMemory = f.Sessions * (c.TrackedKeyBytes + (f.readers()-1)*c.TrackedReaderBytes)
	}
	m.Network = (m.Gets+m.Heartbeats)*c.GetNetwork + m.Writes*c.WriteNetwork + m.Messages*c.MessageNetwork
	m.Connections = processes * ConnectionsPerProcess
	m.HerdGets = f.Requests * (1 + f.Customers)
	m.HerdWait = processes * LoadsUnderWay * c.GetCPU

	// The processes.
	m.ProcessCPU = m.Received * c.ReceiveCPU
	m.NearCache = f.entries(c) * c.EntryHeap
	// With GOGC=100 the heap doubles between two collections: of a larger one each costs more and there are fewer. See docs.
	m.CollectorCPU = f.Requests / processes * f.Allocated / c.EntryHeap * c.MarkCPU
	return m
}

// writing is how a session's requests write: a share of all, each for itself, and besides a share of the visits' first ones, which create the
// record or come so late that they touch it.
type writing struct {
	all   float64 // the share of the requests that write, for whatever reason
	any   float64
	first float64
}

// writing finds the shares. A write or touch covers the requests of the next quarter of the idle time, up to the next write: they do not
// touch. What the visits' first requests cannot account for is anybody's.
func (f Fleet) writing() (w writing) {
	covered := (1 - f.Writes) * f.gaps(1-f.Writes, 1-f.Writes).met(f.touchAfter())
	w.all = 1 / (1 + covered)
	w.first = min(1, (w.all-f.Writes)/(1-f.Writes)*f.Pages)
	w.any = max(0, 1-(1-w.all)/(1-w.first/f.Pages))
	return w
}

// forever is longer than anything is kept.
const forever = 1e9

// survival is the probability that nobody else has made an entry unusable within t seconds.
type survival func(t float64) float64

func alone(float64) float64 { return 1 }

// survives counts the sessions that write within t seconds, each of them once: of many writes the first did the damage. Sessions fall
// on stripes at random, so the number of those on the entry's stripe is Poisson; share is the chance of one to be there.
func (f Fleet) survives(w writing, share float64) survival {
	return func(t float64) float64 {
		return math.Exp(-f.Requests*w.all*f.unwritten(t)*share - f.Losses*t)
	}
}

// unwritten returns for how long of the t seconds after a write or touch its session is not written again, on average. Until a touch is
// due these are the visitor's own writes alone; from then on any request ends it.
func (f Fleet) unwritten(t float64) float64 {
	g := f.gaps(1-f.Writes, 1-f.Writes)
	due := f.touchAfter()
	early := min(t, due)
	sum := early - f.Writes*g.metUntil(early)
	if t > due {
		x, late := g.at(due), t-due
		over := 1 - f.Writes*g.met(due) - x[0] - x[1]
		sum += over*late + x[0]*(1-math.Exp(-g.think*late))/g.think + x[1]*(1-math.Exp(-g.pause*late))/g.pause
	}
	return sum
}

// hit returns the share of the requests that find an entry which nothing has made unusable since the session's last request in the
// same process: no write of the session's own, nobody else, and no eviction, after kept seconds.
func (f Fleet) hit(w writing, survives survival, kept float64) float64 {
	own, other := f.shares()
	return own*f.hitAt(own, w, survives, kept) + (1-own)*f.hitAt(other, w, survives, kept)
}

// hitAt is hit in a process that gets a share of the session's requests.
func (f Fleet) hitAt(share float64, w writing, survives survival, kept float64) float64 {
	quiet := 1 - w.any
	back := f.gaps((1-share)*quiet, (1-share)*quiet*(1-w.first))
	met := integral(func(t float64) float64 { return back.density(t) * survives(t) }, kept)
	return share * quiet * (1 - w.first/f.Pages) * met
}

// integral integrates f from 0 to end, by Simpson's rule in the logarithm of time: what matters lies between milliseconds and months.
func integral(f func(t float64) float64, end float64) (sum float64) {
	const begin, steps = 1e-3, 200
	if end <= begin {
		return f(0) * end
	}
	width := math.Log(end/begin) / steps
	for i := 0; i <= steps; i++ {
		weight := 2.0 + 2*float64(i%2)
		if i == 0 || i == steps {
			weight = 1
		}
		t := begin * math.Exp(float64(i)*width)
		sum += weight * f(t) * t * width / 3
	}
	return f(0)*begin + sum
}

// distinct returns how many sessions one process is asked for within t seconds.
func (f Fleet) distinct(t float64) float64 {
	of := func(share float64) float64 { return t - share*f.gaps(1-share, 1-share).metUntil(t) }
	own, other := f.shares()
	return f.Requests / float64(f.Processes) * (own*of(own) + (1-own)*of(other))
}

// kept returns after how many seconds an entry that is not asked for is evicted: when so many others were asked for that they fill the cache
// (Che's approximation of LRU).
func (f Fleet) kept(entries float64) float64 {
	low, high := 0.0, 1.0
	for high < forever && f.distinct(high)*(1+f.Customers) < entries {
		low, high = high, 2*high
	}
	for range 60 {
		if mid := (low + high) / 2; f.distinct(mid)*(1+f.Customers) < entries {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// readers returns by how many processes a session is read in a life: what ByKey has to remember of it, at most.
func (f Fleet) readers() float64 {
	own, other := f.shares()
	requests := f.Pages * f.Visits // geometric: at least one falls on a process with this probability
	seen := func(share float64) float64 { return requests * share / (1 + (requests-1)*share) }
	return seen(own) + float64(f.Processes-1)*seen(other)
}
