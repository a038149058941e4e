package processes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// class is what a connection of a redisstore is for. The store knows one address, so a router finds
// the class of each connection.
type class int

const (
	tracking class = iota
	data
	numClasses
)

var classNames = [numClasses]string{"tracking", "data"}

// mark ends the name of a tracking connection, which the client sends in its first bytes.
const mark = "-tracking"

// network lies between a process and the server: a router, and a toxiproxy for each class.
type network struct {
	server   string
	api      *toxiproxy.ApiServer
	listener net.Listener
	wg       sync.WaitGroup
	proxies  [numClasses]*toxiproxy.Proxy
	addrs    [numClasses]atomic.Value // of the proxies; they stay when one stops and starts
	counts   [numClasses]atomic.Int64 // connections
}

// newNetwork returns a network that is whole.
func newNetwork(server string) (n *network, err error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics have a logger of their own
	n = &network{server: server, api: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
	for c := range numClasses {
		if err := n.newProxy(c); err != nil {
			return nil, err
		}
	}
	if n.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	n.wg.Go(func() {
		for {
			client, err := n.listener.Accept()
			if err != nil {
				return
			}
			n.wg.Go(func() { n.serve(client) })
		}
	})
	return n, nil
}

func (n *network) addr() string { return n.listener.Addr().String() }

func (n *network) close() {
	n.listener.Close()
	for _, p := range n.proxies {
		p.Stop()
	}
	n.wg.Wait()
}

// newProxy puts a new proxy in the place of the one of a class.
func (n *network) newProxy(c class) error {
	n.proxies[c] = toxiproxy.NewProxy(n.api, classNames[c], "127.0.0.1:0", n.server)
	if err := n.proxies[c].Start(); err != nil {
		return err
	}
	n.addrs[c].Store(n.proxies[c].Listen)
	return nil
}

// serve carries a connection to the proxy of its class and back.
func (n *network) serve(client net.Conn) {
	defer client.Close()
	first := make([]byte, 16<<10)
	client.SetReadDeadline(time.Now().Add(10 * time.Second)) // nobody waits for one who says nothing
	size, err := client.Read(first)
	if err != nil {
		return
	}
	client.SetReadDeadline(time.Time{})
	c := data
	if bytes.Contains(first[:size], []byte(mark)) {
		c = tracking
	}
	proxy, err := net.Dial("tcp", n.addrs[c].Load().(string))
	if err != nil {
		return
	}
	defer proxy.Close()
	if _, err := proxy.Write(first[:size]); err != nil {
		return
	}
	n.counts[c].Add(1)
	defer n.counts[c].Add(-1)
	var wg sync.WaitGroup
	pump := func(dst, src net.Conn) {
		defer dst.Close()
		defer src.Close()
		if _, err := io.Copy(dst, src); err != nil { // a reset is passed on as one
			dst.(*net.TCPConn).SetLinger(0)
		}
	}
	wg.Go(func() { pump(proxy, client) })
	wg.Go(func() { pump(client, proxy) })
	wg.Wait()
}

// fault is a failure of one direction of the connections of a class, or of both.
type fault struct {
	name, toxic string // as toxiproxy calls it; "": nobody listens
	attributes  map[string]any
	thenNothing bool // after a while a black hole follows, which swallows what is under way, too
}

var faults = []fault{
	{name: "black hole", toxic: "timeout", attributes: map[string]any{"timeout": 0}},
	{name: "held up, and then let through", toxic: "latency", attributes: map[string]any{"latency": 3_600_000}},
	{name: "200 ms latency", toxic: "latency", attributes: map[string]any{"latency": 200}},
	{name: "200 ms latency, then a black hole", toxic: "latency", attributes: map[string]any{"latency": 200}, thenNothing: true},
	{name: "2 KB a second", toxic: "bandwidth", attributes: map[string]any{"rate": 2}},
	{name: "reset", toxic: "reset_peer", attributes: map[string]any{"timeout": 50}},
	{name: "slices of 16 bytes", toxic: "slicer", attributes: map[string]any{"average_size": 16, "size_variation": 8, "delay": 200}},
	{name: "cut after 60 bytes", toxic: "limit_data", attributes: map[string]any{"bytes": 60}},
	{name: "cut after 2,000 bytes", toxic: "limit_data", attributes: map[string]any{"bytes": 2000}},
	{name: "nobody listens"},
}

// breakIt lets a fault happen on the connections of a class. Between two faults it waits.
func (n *network) breakIt(c class, f fault, stream string, wait func()) error {
	p := n.proxies[c]
	if f.toxic == "" {
		p.Stop()
		return nil
	}
	add := func(name, toxic string, attributes map[string]any) error {
		text, err := json.Marshal(map[string]any{"name": name, "type": toxic, "stream": stream, "attributes": attributes})
		if err == nil {
			_, err = p.Toxics.AddToxicJson(strings.NewReader(string(text)))
		}
		return err
	}
	err := add("fault", f.toxic, f.attributes)
	if f.thenNothing {
		wait()
		err = errors.Join(err, add("then", "timeout", map[string]any{"timeout": 0}))
	}
	return err
}

// mend ends a fault of a class.
func (n *network) mend(c class, f fault) error {
	p := n.proxies[c]
	switch {
	case f.toxic == "":
		return p.Start()
	case f.thenNothing: // to remove one of two toxics that hold something is where toxiproxy itself may hang
		p.Stop()
		return n.newProxy(c)
	}
	return p.Toxics.RemoveToxic(context.Background(), "fault")
}
