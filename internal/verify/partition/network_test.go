package partition

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/route"
)

// network lies between a store and its server: a router in front, which tells connections apart, and a toxiproxy for each class.
type network struct {
	server  string
	api     *toxiproxy.ApiServer
	router  *route.Router
	proxies [route.NumClasses]*toxiproxy.Proxy
	addrs   [route.NumClasses]atomic.Value // of the proxies; they stay when one stops and starts
}

// newNetwork returns a network that is whole, and ends with the test.
func newNetwork(t *testing.T, server string) *network {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics have a logger of their own
	n := &network{server: server, api: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())}
	for c := range route.NumClasses {
		n.newProxy(t, c)
	}
	var err error
	n.router, err = route.New(n.serve)
	require.NoError(t, err)
	t.Cleanup(func() {
		n.router.Close()
		for _, p := range n.proxies {
			p.Stop()
		}
		n.router.Wait()
	})
	return n
}

var names = [route.NumClasses]string{route.Tracking: "tracking", route.Data: "data"}

// newProxy puts a new proxy in the place of the one of a class.
func (n *network) newProxy(t *testing.T, c route.Class) {
	n.proxies[c] = toxiproxy.NewProxy(n.api, names[c], "127.0.0.1:0", n.server)
	require.NoError(t, n.proxies[c].Start())
	n.addrs[c].Store(n.proxies[c].Listen)
}

// serve carries a connection to the proxy of its class and back.
func (n *network) serve(c route.Class, client net.Conn, first []byte) {
	proxy, err := net.Dial("tcp", n.addrs[c].Load().(string))
	if err != nil {
		return
	}
	defer proxy.Close()
	if _, err := proxy.Write(first); err != nil {
		return
	}
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

// fault is a way in which one direction of a connection, or all of it, does not work.
type fault struct {
	name, toxic string // as toxiproxy calls it; "": nobody listens
	attributes  map[string]any
	thenNothing bool // after a while a black hole follows, into which what is under way goes too
}

var faults = []fault{
	{name: "black hole", toxic: "timeout", attributes: map[string]any{"timeout": 0}},
	{name: "200 ms latency", toxic: "latency", attributes: map[string]any{"latency": 200}},
	{name: "200 ms latency, then a black hole", toxic: "latency", attributes: map[string]any{"latency": 200}, thenNothing: true},
	{name: "2 KB a second", toxic: "bandwidth", attributes: map[string]any{"rate": 2}},
	{name: "reset", toxic: "reset_peer", attributes: map[string]any{"timeout": 50}},
	{name: "slices of 16 bytes", toxic: "slicer", attributes: map[string]any{"average_size": 16, "size_variation": 8, "delay": 200}},
	{name: "cut after 60 bytes", toxic: "limit_data", attributes: map[string]any{"bytes": 60}},
	{name: "cut after 2,000 bytes", toxic: "limit_data", attributes: map[string]any{"bytes": 2000}},
	{name: "nobody listens"},
}

// streams are what a fault may hit: what is sent to the server, and what comes from it.
var streams = []string{"upstream", "downstream"}

// breakIt lets a fault happen on the connections of a class, and returns what mends it. Between two faults it waits.
func (n *network) breakIt(t *testing.T, c route.Class, f fault, stream string, wait func()) (mend func()) {
	p := n.proxies[c]
	if f.toxic == "" {
		p.Stop()
		return func() { require.NoError(t, p.Start()) }
	}
	add := func(name, toxic string, attributes map[string]any) {
		text, err := json.Marshal(map[string]any{"name": name, "type": toxic, "stream": stream, "attributes": attributes})
		require.NoError(t, err)
		_, err = p.Toxics.AddToxicJson(strings.NewReader(string(text)))
		require.NoError(t, err)
	}
	add("fault", f.toxic, f.attributes)
	if f.thenNothing {
		wait()
		add("then", "timeout", map[string]any{"timeout": 0})
	}
	return func() {
		if f.thenNothing { // to remove one of two toxics that hold something is where toxiproxy itself may hang
			p.Stop()
			n.newProxy(t, c)
			return
		}
		require.NoError(t, p.Toxics.RemoveToxic(context.Background(), "fault"))
	}
}
