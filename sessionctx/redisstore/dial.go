package redisstore

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// dialer makes a connection to the server, as the option says.
type dialer func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error)

func dialerOf(o *rueidis.ClientOption) dialer {
	dial := dialer(o.DialCtxFn)
	switch {
	case dial != nil:
	case o.DialFn != nil:
		dial = func(_ context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
			return o.DialFn(addr, d, cfg)
		}
	default:
		dial = dialTCP
	}
	return func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		// Several calls wait for the same connection. The context of the first call must not end
		// the dial for the others; Dialer.Timeout does.
		conn, err := dial(context.WithoutCancel(ctx), addr, d, cfg)
		if err != nil {
			return nil, dialError{err}
		}
		return conn, nil
	}
}

func dialTCP(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	if cfg != nil {
		return (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
	}
	return d.DialContext(ctx, "tcp", addr)
}

// callConn is a connection for data. It counts the writes that may carry a call: those after the
// server has begun to answer the handshake, which is the first thing that the client sends, and
// sends alone. The client also sends PING, at times and before it gives a handshake up.
type callConn struct {
	net.Conn
	answered atomic.Bool
	written  *atomic.Int64
}

const ping = "*1\r\n$4\r\nPING\r\n"

// Read implements net.Conn.
func (c *callConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.answered.Store(true)
	}
	return n, err
}

// Write implements net.Conn.
func (c *callConn) Write(b []byte) (int, error) {
	if c.answered.Load() && string(b) != ping {
		c.written.Add(1)
	}
	return c.Conn.Write(b)
}
