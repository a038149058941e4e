package redisstore_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// unread is a connection whose Read fails.
type unread struct {
	net.Conn
	err error
}

func (c unread) Read([]byte) (int, error) { return 0, c.err }

// A proxy whose server is down accepts a connection and ends it. A write that no connection has
// taken was not applied.
func TestSave_IsUnavailableWhenNoNewConnectionTakesIt(t *testing.T) {
	for _, tc := range []struct {
		desc     string
		err      error // of the new connection
		password string
		noToken  error
	}{
		{desc: "the new connection ends", err: io.EOF},
		{desc: "the new connection is reset", err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}},
		{desc: "the new connection is silent", err: os.ErrDeadlineExceeded},
		{desc: "the password of the new connection is wrong", password: "old"},
		{desc: "there are no credentials", noToken: errors.New("the service that makes tokens is down")},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			server := redisserver.Start(t)
			server.Do(t, "ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all")
			var down atomic.Bool
			s := open(t, server, func(cfg *redisstore.Config) {
				cfg.Client.ClientName = "here"
				cfg.Client.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
					credentials := rueidis.AuthCredentials{Username: "shop", Password: "secret"}
					switch {
					case !down.Load():
					case tc.noToken != nil:
						return rueidis.AuthCredentials{}, tc.noToken
					case tc.password != "":
						credentials.Password = tc.password
					}
					return credentials, nil
				}
				cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
					conn, err := d.DialContext(ctx, "tcp", addr)
					if err == nil && down.Load() && tc.err != nil {
						conn = unread{conn, tc.err}
					}
					return conn, err
				}
			})
			key, rec := saved(t, s, "C1")
			down.Store(true)
			before := s.Stats().DataConnections
			kill(t, server, "here")
			next := rec
			next.Version++
			var err error
			eventually(t, func() bool { // until the Store has noticed the end of its connection
				_, err = s.Save(t.Context(), key, next, rec.Revision())
				require.Error(t, err)
				return s.Stats().DataConnections > before+1
			}, "a second new connection")
			require.ErrorIs(t, err, store.ErrUnavailable)
			require.ErrorContains(t, err, "nothing was sent")
			down.Store(false)
			eventually(t, func() bool { _, err := s.Load(t.Context(), key); return err == nil }, "the server")
			assert.Equal(t, rec, loaded(t, s, key))
		})
	}
}

// refusing is a connection on which the server refuses new credentials: it receives nothing after
// the refusal, and the refusal only when it is released.
type refusing struct {
	net.Conn
	refused, release, closed chan struct{}
	over                     bool
	once                     sync.Once
}

func (c *refusing) Read(b []byte) (int, error) {
	if c.over {
		<-c.closed
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(b)
	if bytes.Contains(b[:n], []byte("WRONGPASS")) {
		c.over = true
		close(c.refused)
		<-c.release
	}
	return n, err
}

func (c *refusing) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// The client ends a connection with the answer of the server to new credentials. That is no answer
// to a write on the same connection, which was applied.
func TestSave_OutcomeIsUnknownWhenNewCredentialsAreRefusedMeanwhile(t *testing.T) {
	server := redisserver.Start(t)
	server.Do(t, "ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all")
	var asked, dials atomic.Int64
	warm := make(chan struct{}) // the server knows the script
	c := &refusing{refused: make(chan struct{}), release: make(chan struct{}), closed: make(chan struct{})}
	s := open(t, server, func(cfg *redisstore.Config) {
		cfg.Client.AuthCredentialsFn = func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			credentials := rueidis.AuthCredentials{Username: "shop", Password: "secret"}
			switch asked.Add(1) {
			case 2: // of the connection for data
				credentials.RefreshAfter = time.Now().Add(time.Millisecond)
			case 3:
				<-warm
				credentials.Password = "old"
			}
			return credentials, nil
		}
		cfg.Client.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "tcp", addr)
			if dials.Add(1) == 2 && err == nil {
				c.Conn = conn
				conn = c
			}
			return conn, err
		}
	})
	saved(t, s, "C1")
	close(warm)
	<-c.refused
	key, rec := aRecord()
	done := make(chan error, 1)
	go func() {
		_, err := s.Save(t.Context(), key, rec, store.Revision{})
		done <- err
	}()
	eventually(t, func() bool { return server.Do(t, "DBSIZE") == "2" }, "the write")
	close(c.release)
	err := <-done
	require.ErrorContains(t, err, "WRONGPASS")
	assert.NotErrorIs(t, err, store.ErrUnavailable, "it was applied")
	assert.Equal(t, rec, loaded(t, s, key))
}
