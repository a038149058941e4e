package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// listener is the invalidation connection: the server reports every write on it. Its client never
// makes a second connection. So a listener receives every message from the beginning of its
// connection on, or it has ended.
type listener struct {
	client rueidis.Client
	conn   net.Conn
}

var errListenerEnded = errors.New("the invalidation connection has ended")

// listen makes a listener, and checks the server.
func (s *Store) listen(ctx context.Context) (*listener, error) {
	c := &listener{}
	option := s.cfg.clientOption()
	dial := dialerOf(&s.cfg.Client)
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		if c.conn != nil {
			return nil, errListenerEnded
		}
		var err error
		c.conn, err = dial(ctx, addr, d, cfg)
		return c.conn, err
	}
	option.DisableCache = false // otherwise there is no tracking; this client reads nothing
	option.RingScaleEachConn = 8
	option.ClientTrackingOptions = []string{"PREFIX", s.cfg.Prefix, "BCAST"}
	option.OnInvalidations = s.sinks.invalidate
	option.ClientName += "-tracking"
	var err error
	if c.client, err = rueidis.NewClient(option); err != nil {
		if c.client != nil {
			c.close()
		}
		if errors.Is(err, rueidis.ErrNoCache) {
			err = fmt.Errorf("it does not let this user track changes: Redis %s or newer and the permission +client|tracking are required: %w",
				minVersion, err)
		}
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err = c.ask(ctx); err == nil {
		err = s.checkEviction(ctx, c.client)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close closes the connection first: the client would wait for the answer of a server that is
// silent.
func (c *listener) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.client.Close()
}

// ask checks that the server is a primary that is supported. Every message that the server sent
// before its answer has been reported when ask returns.
func (c *listener) ask(ctx context.Context) error {
	// HELLO says what the server is, and needs no permission. But the server answers HELLO also
	// while a script runs for too long. Then it has acknowledged writes that came before the
	// script, and has not sent their messages yet. It does not answer PING then.
	answers := c.client.DoMulti(ctx, c.client.B().Arbitrary("HELLO").Build(), c.client.B().Ping().Build())
	hello, err := answers[0].AsStrMap()
	if err == nil {
		err = answers[1].Error()
	}
	if err != nil {
		return err
	}
	return checkHello(hello)
}

// runListener listens until ctx ends, first on c and then on one new listener after the other.
func (s *Store) runListener(ctx context.Context, c *listener) {
	for {
		s.connected.Store(true)
		err := s.renewLease(ctx, c)
		s.connected.Store(false)
		c.close()
		if ctx.Err() != nil {
			return
		}
		s.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "redisstore: invalidation connection lost; cache disabled until it is back", slog.Any("error", err))
		lost := time.Now()
		if c = s.connectAgain(ctx, s.listen, s.recordUnsupported); c == nil {
			return
		}
		s.reconnects.Add(1)
		s.connectDataAgain(ctx)
		s.unusable.Store(nil)
		s.sinks.invalidateAll() // nobody has received the messages between the two connections
		s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "redisstore: invalidation connection is back; cache enabled", slog.Duration("after", time.Since(lost)))
	}
}

// renewLease extends the lease for as long as the server answers on c, and returns why it stopped.
func (s *Store) renewLease(ctx context.Context, c *listener) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ask := func() {
		sent := time.Now()
		ctx, done := context.WithTimeout(ctx, s.answerTimeout())
		defer done()
		if err := c.ask(ctx); err != nil {
			s.recordUnsupported(ctx, err)
			cancel(err)
			return
		}
		s.sinks.extendLease(sent.Add(s.cfg.Lease))
	}
	tick := time.NewTicker(s.cfg.Lease / 4)
	defer tick.Stop()
	for {
		asking.Go(ask) // without waiting for the last answer, so that a slow network keeps the lease
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// answerTimeout is how long renewLease waits for an answer before it gives the connection up. It is
// not part of any promise: a late answer extends no lease.
func (s *Store) answerTimeout() time.Duration { return max(2*s.cfg.Lease, deadAfter) }

// retryEvery is how often connectAgain tries.
const retryEvery = 250 * time.Millisecond

// connectAgain tries until it has a listener, or ctx ends. It reports each error to failed.
func (s *Store) connectAgain(
	ctx context.Context, connect func(context.Context) (*listener, error), failed func(context.Context, error),
) *listener {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		c, err := connect(ctx)
		if err == nil {
			return c
		}
		failed(ctx, err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
