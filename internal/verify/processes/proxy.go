package processes

import (
	"net"
	"sync"
	"time"

	"github.com/sessionctx/storefront/internal/verify/route"
)

// mode is what becomes of the packets of a class of connections.
type mode int

const (
	open   mode = iota
	vanish      // they are lost; the connections stay open, new ones can be made, and neither side is told of anything
	hold        // they arrive when the mode is open again
)

// proxy stands between one process and the server.
type proxy struct {
	router *route.Router
	server string
	lines  [route.NumClasses]line
}

// line is all connections of one class.
type line struct {
	mu      sync.Mutex
	mode    mode
	delay   time.Duration // of what the server sends
	changed chan struct{} // closed when the mode changes
	links   map[*link]struct{}
	closed  bool
}

// link is one connection: its two ends.
type link struct {
	line           *line
	client, server net.Conn
	lost           bool // something of it has vanished, so nothing can follow; guarded by line.mu
	done           chan struct{}
	once           sync.Once
}

func newProxy(server string) (*proxy, error) {
	p := &proxy{server: server}
	for i := range p.lines {
		p.lines[i].changed = make(chan struct{})
		p.lines[i].links = make(map[*link]struct{})
	}
	var err error
	p.router, err = route.New(p.serve)
	return p, err
}

func (p *proxy) addr() string { return p.router.Addr() }

func (p *proxy) close() {
	p.router.Close()
	for i := range p.lines {
		p.lines[i].close()
	}
	p.router.Wait()
}

// serve carries a connection from its first bytes on.
func (p *proxy) serve(c route.Class, client net.Conn, first []byte) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	k := &link{line: &p.lines[c], client: client, server: server, done: make(chan struct{})}
	if !k.line.add(k) {
		return
	}
	defer k.line.remove(k)
	var wg sync.WaitGroup
	wg.Go(func() { k.pump(server, client, first, false) })
	wg.Go(func() { k.pump(client, server, nil, true) })
	wg.Wait()
}

// parcel is what was read at once; nothing is the end.
type parcel struct {
	bytes []byte
	due   time.Time
}

// pump carries what comes from src to dst, first of all what was read before.
func (k *link) pump(dst, src net.Conn, first []byte, fromServer bool) {
	parcels := make(chan parcel, 1<<12)
	go func() {
		defer close(parcels)
		next, ended := first, false
		for {
			if (len(next) > 0 || ended) && !k.line.swallows(k) {
				due := time.Now()
				if fromServer {
					due = due.Add(k.line.latency())
				}
				select {
				case parcels <- parcel{next, due}:
				case <-k.done:
				}
			}
			if ended {
				return
			}
			buf := make([]byte, 16<<10)
			n, err := src.Read(buf)
			next, ended = buf[:n], n == 0 && err != nil
		}
	}()
	for p := range parcels {
		if !k.await(p.due) {
			break
		}
		if len(p.bytes) > 0 {
			if _, err := dst.Write(p.bytes); err == nil {
				continue
			}
		}
		k.close()
		break
	}
	<-k.done // one who hears nothing does not hear of the end either
	for range parcels {
	}
}

// await waits until a parcel is due and its line is not held. It reports false when the link has ended.
func (k *link) await(due time.Time) bool {
	if d := time.Until(due); d > 0 {
		select {
		case <-time.After(d):
		case <-k.done:
			return false
		}
	}
	for {
		m, changed := k.line.state()
		if m != hold {
			return true
		}
		select {
		case <-changed:
		case <-k.done:
			return false
		}
	}
}

func (k *link) close() {
	k.once.Do(func() {
		close(k.done)
		k.client.Close()
		k.server.Close()
	})
}

func (l *line) state() (mode, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mode, l.changed
}

func (l *line) latency() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delay
}

// swallows reports whether what k has just received vanishes, and remembers that it did.
func (l *line) swallows(k *link) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mode == vanish {
		k.lost = true
	}
	return l.mode == vanish
}

// set changes the mode. Connections that have lost something end when the line is open again.
func (l *line) set(m mode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode = m
	close(l.changed)
	l.changed = make(chan struct{})
	for k := range l.links {
		if m == open && k.lost {
			k.close()
		}
	}
}

func (l *line) slow(delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = delay
}

func (l *line) add(k *link) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.links[k] = struct{}{}
	}
	return !l.closed
}

func (l *line) remove(k *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.links, k)
}

// count returns how many connections there are.
func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.links)
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for k := range l.links {
		k.close()
	}
}
