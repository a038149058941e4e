package redisstore_test

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	go pass(server, client, func(b []byte) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.word != "" && bytes.Contains(b, []byte(p.word)) {
			p.word = ""
			p.n++
			doomed.Store(true)
		}
		return true
	})
	pass(client, server, func([]byte) bool { return !doomed.Load() })
}

// pass passes on what src says as long as it is let.
func pass(dst, src net.Conn, let func([]byte) bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := src.Read(b)
		if err != nil || !let(b[:n]) {
			return
		}
		if _, err := dst.Write(b[:n]); err != nil {
			return
		}
	}
}
