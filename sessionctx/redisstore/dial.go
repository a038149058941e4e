package redisstore

import (
	"context"
	"crypto/tls"
	"net"

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
