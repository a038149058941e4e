package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/redis/rueidis"
)

// A missing record may have been lost with all others, by a flush of the server. Then all earlier
// reads must be invalidated before anybody acts on the missing record. Otherwise the generation of
// a customer could be missing, and a session that was read earlier, and that the generation had
// ended, would live.
//
// The invalidation connection is too late for that. So the connection for data receives flushes,
// too: the server reports a flush on it before the first answer that misses a record. A flush
// between two connections for data is not reported at all, so reportMiss treats every new
// connection as a flush.

// dataOption returns the option of the client for data.
func (s *Store) dataOption() rueidis.ClientOption {
	option, dial := s.cfg.clientOption(), dialerOf(&s.cfg.Client)
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		s.dials.Add(1)
		listeners := s.reconnects.Load()
		conn, err := dial(ctx, addr, d, cfg)
		if err != nil {
			return nil, err
		}
		c := &callConn{Conn: conn, written: &s.written}
		s.dataConn.Store(c)
		if s.reconnects.Load() != listeners { // connectDataAgain may have come too early for this connection
			_ = conn.Close()
			return nil, dialError{errOtherServer}
		}
		return c, nil
	}
	option.DisableCache = false // otherwise there is no tracking
	// The server reports a flush on every connection with tracking. No key begins with this prefix,
	// so it reports nothing else on this one.
	option.ClientTrackingOptions = []string{"PREFIX", s.cfg.Prefix + "!", "BCAST"}
	option.NewCacheStoreFn = func(rueidis.CacheStoreOption) rueidis.CacheStore { return flushReceiver{sinks: &s.sinks} }
	return option
}

var errOtherServer = errors.New("the address may lead to another server now")

// connectDataAgain gives up the connection for data, and waits for the next one, but not for long.
// It is called after there is a new invalidation connection: the address may lead to another server
// now, and the server before may still answer on the connection that it has. After a failover that
// is a replica, which refuses all writes.
func (s *Store) connectDataAgain(ctx context.Context) {
	if c := s.dataConn.Load(); c != nil {
		_ = c.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	for range tries {
		if s.data.Do(ctx, s.data.B().Ping().Build()).NonRedisError() == nil {
			return
		}
	}
}

// tries is how often a read is sent. When a connection ends, the client may have two reads fail one
// after the other before it makes another connection.
const tries = 3

// flushReceiver is a cache that is never read. The client calls Delete for a message of the server,
// and before it returns the answers that come after the message.
type flushReceiver struct {
	rueidis.CacheStore // nil
	sinks              *sinks
}

// Delete implements rueidis.CacheStore.
func (f flushReceiver) Delete([]rueidis.RedisMessage) { f.sinks.invalidateAll() }

// Close implements rueidis.CacheStore. It is called when the connection has ended. That is not a
// flush.
func (flushReceiver) Close(error) {}

// reportMiss is called before Load returns that a record is missing. dials is the number of dials
// that had begun when Load sent its question. If another dial has begun since, the answer may have
// come from the connection before. Such an answer says nothing about the next connection, on which
// the server may not report flushes yet: the next miss must be reported again.
func (s *Store) reportMiss(dials int64) {
	begun := s.dials.Load()
	if begun == s.reportedDials.Load() {
		return
	}
	s.sinks.invalidateAll()
	if begun == dials {
		s.reportedDials.Store(begun)
	}
}
