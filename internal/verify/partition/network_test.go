package partition

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/route"
)

// network lies between a store and its server: a router in front, which tells connections apart, and a toxiproxy for each class.
type network struct {
	router  *route.Router
	proxies [route.NumClasses]*toxiproxy.Proxy
	addrs   [route.NumClasses]string // which stay when a proxy stops and starts
}

// newNetwork returns a network that is whole, and ends with the test.
func newNetwork(t *testing.T, server string) *network {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the toxics have a logger of their own
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	n := &network{}
	for c, name := range names {
		n.proxies[c] = toxiproxy.NewProxy(api, name, "127.0.0.1:0", server)
		require.NoError(t, n.proxies[c].Start())
		n.addrs[c] = n.proxies[c].Listen
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

// serve carries a connection to the proxy of its class and back.
func (n *network) serve(c route.Class, client net.Conn, first []byte) {
	proxy, err := net.Dial("tcp", n.addrs[c])
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
}

var faults = []fault{
	{"black hole", "timeout", map[string]any{"timeout": 0}},
	{"200 ms latency", "latency", map[string]any{"latency": 200}},
	{"2 KB a second", "bandwidth", map[string]any{"rate": 2}},
	{"reset", "reset_peer", map[string]any{"timeout": 50}},
	{"slices of 16 bytes", "slicer", map[string]any{"average_size": 16, "size_variation": 8, "delay": 200}},
	{"cut after 60 bytes", "limit_data", map[string]any{"bytes": 60}},
	{"cut after 2,000 bytes", "limit_data", map[string]any{"bytes": 2000}},
	{"nobody listens", "", nil},
}

// streams are what a fault may hit: what is sent to the server, and what comes from it.
var streams = []string{"upstream", "downstream"}

// breakIt lets a fault happen on the connections of a class, and returns what mends it.
func (n *network) breakIt(t *testing.T, c route.Class, f fault, stream string) (mend func()) {
	p := n.proxies[c]
	if f.toxic == "" {
		p.Stop()
		return func() { require.NoError(t, p.Start()) }
	}
	text, err := json.Marshal(map[string]any{"name": "fault", "type": f.toxic, "stream": stream, "attributes": f.attributes})
	require.NoError(t, err)
	_, err = p.Toxics.AddToxicJson(strings.NewReader(string(text)))
	require.NoError(t, err)
	return func() { require.NoError(t, p.Toxics.RemoveToxic(context.Background(), "fault")) }
}
