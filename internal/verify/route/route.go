// Package route tells the connections of a redisstore apart, so that what is for data and what listens can be broken one without the
// other, although the store knows a single address.
package route

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// Class is what a connection is for.
type Class int

// The classes of connections.
const (
	Tracking Class = iota
	Data
	NumClasses
)

// Mark ends the name of a tracking connection, which the client tells in its first bytes.
const Mark = "-tracking"

// Router accepts connections and finds out what they are for.
type Router struct {
	listener net.Listener
	serve    func(c Class, client net.Conn, first []byte)
	wg       sync.WaitGroup
}

// New returns a Router on a free loopback port. It calls serve, in a goroutine of its own, for each connection, with what was read of it
// already, and closes the connection when serve returns.
func New(serve func(c Class, client net.Conn, first []byte)) (*Router, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Router{listener: l, serve: serve}
	r.wg.Go(r.accept)
	return r, nil
}

// Addr returns where the Router listens.
func (r *Router) Addr() string { return r.listener.Addr().String() }

// Close lets no more connections in.
func (r *Router) Close() error { return r.listener.Close() }

// Wait waits until no connection is served any more.
func (r *Router) Wait() { r.wg.Wait() }

func (r *Router) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() {
			defer client.Close()
			first := make([]byte, 16<<10)
			client.SetReadDeadline(time.Now().Add(10 * time.Second)) // nobody waits for one who says nothing
			n, err := client.Read(first)
			if err != nil {
				return
			}
			client.SetReadDeadline(time.Time{})
			c := Data
			if bytes.Contains(first[:n], []byte(Mark)) {
				c = Tracking
			}
			r.serve(c, client, first[:n])
		})
	}
}
