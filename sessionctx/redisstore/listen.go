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

// listener is one connection on which the server tells of every write. Its client makes no second one: what is heard from
// a listener is heard on the same connection from its beginning, or not at all.
type listener struct {
	client rueidis.Client
	conn   net.Conn
}

var errListenerEnded = errors.New("the connection that listens has ended")

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
	option.DisableCache = false // else there is no tracking; nothing is ever read through this client
	option.RingScaleEachConn = 8
	option.BlockingPipeline = -1 // else two questions at once may be enough for it to want another connection
	option.ClientTrackingOptions = []string{"PREFIX", s.cfg.Prefix, "BCAST"}
	option.OnInvalidations = s.sinks.invalidate
	option.ClientName += "-tracking"
	var err error
	if c.client, err = rueidis.NewClient(option); err != nil {
		if c.client != nil {
			c.close()
		}
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := c.ask(ctx); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close closes the connection first: an orderly farewell to a server that is silent takes its time.
func (c *listener) close() {
	if c.conn != nil {
		c.conn.Close()
	}
	c.client.Close()
}

// unfit says that the server answers, and must not be used.
type unfit struct{ reason string }

func (e unfit) Error() string { return e.reason }

// ask asks the server what it is. All that it had to tell before it answers has been passed on when ask returns.
func (c *listener) ask(ctx context.Context) error {
	// HELLO says what the server is, and takes no permission. It is answered even while a script runs for too long, when writes that
	// came before the script are acknowledged and not told yet: PING is not.
	answers := c.client.DoMulti(ctx, c.client.B().Arbitrary("HELLO").Build(), c.client.B().Ping().Build())
	answer, err := answers[0].AsStrMap()
	switch {
	case err != nil:
		return err
	case answers[1].Error() != nil:
		return answers[1].Error()
	case answer["mode"] != "standalone":
		return unfit{fmt.Sprintf("it is a %s: only a single primary is supported", answer["mode"])}
	case answer["role"] != "master":
		return unfit{fmt.Sprintf("it is a %s: records are read from the primary only", answer["role"])}
	}
	return nil
}

// follow listens until ctx ends, beginning with c.
func (s *Store) follow(ctx context.Context, c *listener) {
	for {
		err := s.heed(ctx, c)
		c.close()
		if ctx.Err() != nil {
			return
		}
		s.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "redisstore: the server does not tell of changes any more: nothing is answered from the cache until it does",
			slog.Any("error", err))
		begin := time.Now()
		if c = s.listenAgain(ctx); c == nil {
			return
		}
		s.refused.Store(nil)
		s.sinks.lost() // what was told between the two connections
		s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "redisstore: the server tells of changes again", slog.Duration("after", time.Since(begin)))
	}
}

// heed renews the lease for as long as the server answers on c, and returns why it ended.
func (s *Store) heed(ctx context.Context, c *listener) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ask := func() {
		sent := time.Now()
		ctx, done := context.WithTimeout(ctx, s.patience())
		defer done()
		if err := c.ask(ctx); err != nil {
			s.judge(err)
			cancel(err)
			return
		}
		s.sinks.grant(sent.Add(s.cfg.Lease))
	}
	tick := time.NewTicker(s.cfg.Lease / 4)
	defer tick.Stop()
	for {
		asking.Go(ask) // the next question does not wait for the answer to the last: a slow network has the lease all the time, too
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// patience is how long an answer is waited for before the connection is given up. It is no part of any promise: a late
// answer extends no lease.
func (s *Store) patience() time.Duration { return max(2*s.cfg.Lease, deadAfter) }

// judge notes whether the server must not be asked for records.
func (s *Store) judge(err error) {
	if u, ok := err.(unfit); ok {
		err = fmt.Errorf("the server at %s cannot be used: %w", s.cfg.Client.InitAddress[0], u)
		s.refused.Store(&err)
	}
}

// retryEvery is how often a server that is gone is tried again.
const retryEvery = 250 * time.Millisecond

// listenAgain tries until it has a listener, or ctx ends.
func (s *Store) listenAgain(ctx context.Context) *listener {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	for {
		c, err := s.listen(ctx)
		if err == nil {
			return c
		}
		s.judge(err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
