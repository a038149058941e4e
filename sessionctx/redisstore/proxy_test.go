package redisstore_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy forwards between a server and its clients. After a client has sent the word, it waits for
// the answer of the server, and cuts the connection.
type proxy struct {
	net.Listener
	mu       sync.Mutex
	word     string
	n        int
	old, new []byte
}

// replace makes the proxy change what the server says.
func (p *proxy) replace(old, new string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old, p.new = []byte(old), []byte(new)
}

func (p *proxy) cutAtAnswer(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.word = word
}

func (p *proxy) cuts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// cutter returns a proxy in front of a server.
func cutter(t *testing.T, server string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client, server)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn, addr string) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	var doomed atomic.Bool
	go pass(server, client, func(b []byte) []byte {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.word != "" && bytes.Contains(b, []byte(p.word)) {
			p.word = ""
			p.n++
			doomed.Store(true)
		}
		return b
	})
	pass(client, server, func(b []byte) []byte {
		if doomed.Load() {
			return nil
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.old == nil {
			return b
		}
		return bytes.ReplaceAll(b, p.old, p.new)
	})
}

// pass forwards from src to dst what change returns, until that is nil.
func pass(dst, src net.Conn, change func([]byte) []byte) {
	b := make([]byte, 64<<10)
	for {
		n, err := src.Read(b)
		if err != nil {
			return
		}
		out := change(b[:n])
		if out == nil {
			return
		}
		if _, err := dst.Write(out); err != nil {
			return
		}
	}
}
