package redisstore

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/redis/rueidis"
)

// What is missing may have been lost, by a server that was flushed. Then what was read before is worth nothing, and that must be known before
// somebody acts on what is missing: with a generation that was lost, a session of before would live. So the connection for data is told of a flush
// too, by the server in front of the first answer that misses something; and what is missing on another connection may have been lost between the two.

// dataOption returns the option of the client for data.
func (s *Store) dataOption() rueidis.ClientOption {
	option, dial := s.cfg.clientOption(), dialerOf(&s.cfg.Client)
	option.DialCtxFn = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		s.dials.Add(1)
		return dial(ctx, addr, d, cfg)
	}
	option.DisableCache = false // else there is no tracking
	option.ClientTrackingOptions = []string{"PREFIX", s.cfg.Prefix + noTenant, "BCAST"}
	option.NewCacheStoreFn = func(rueidis.CacheStoreOption) rueidis.CacheStore { return flushes{sinks: &s.sinks} }
	return option
}

// noTenant begins no tenant: of a flush the server tells everybody, and of no key whoever asks for this prefix.
const noTenant = "!"

// flushes is a cache that nobody asks. The client passes on to it what the server tells, before the answers that come after.
type flushes struct {
	rueidis.CacheStore // nil
	sinks              *sinks
}

// Delete implements rueidis.CacheStore.
func (f flushes) Delete([]rueidis.RedisMessage) { f.sinks.lost() }

// Close implements rueidis.CacheStore. It is called when the connection has ended, which says nothing of a flush.
func (flushes) Close(error) {}

// missed is called before it is said that a record is missing, which was asked for when so many dials had begun. If one has begun since, the
// answer may have come over the connection before, and says nothing of the next one, which the server may not have been asked yet to tell of flushes.
func (s *Store) missed(dials int64) {
	now := s.dials.Load()
	if now == s.told.Load() {
		return
	}
	s.sinks.lost()
	if now == dials {
		s.told.Store(now)
	}
}
