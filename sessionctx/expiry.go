package sessionctx

import (
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// idleTime returns how long a session lives without being used, or never. customer says that it is
// a customer's, and not an anonymous one.
func (cfg *Config) idleTime(customer bool) time.Duration {
	if customer {
		return cfg.CustomerIdle
	}
	return cfg.AnonymousIdle
}

// IdleTime returns how long a customer's session, or an anonymous one, lives without being used:
// CustomerIdle or AnonymousIdle of the Config, -1 for ever.
func (r *Resolver) IdleTime(customer bool) time.Duration { return r.cfg.idleTime(customer) }

// endByAge returns when MaxAge ends a session, used or not; the zero time: never.
func (cfg *Config) endByAge(rec *store.Record) time.Time {
	if cfg.MaxAge == never {
		return time.Time{}
	}
	return wholeMilliseconds(rec.CreatedAt.Add(cfg.MaxAge))
}

// setExpiry sets the expiry of a record that is used now. It lasts a quarter longer than the idle
// time, so that a session in use needs a touch once in that quarter at most.
func (cfg *Config) setExpiry(rec *store.Record, now time.Time) {
	idle := cfg.idleTime(rec.CustomerID != "")
	rec.ExpiresAt = cfg.endByAge(rec)
	if idle == never {
		return
	}
	if unused := wholeMilliseconds(now.Add(idle + idle/4)); rec.ExpiresAt.IsZero() || unused.Before(rec.ExpiresAt) {
		rec.ExpiresAt = unused
	}
}

// touchDue returns the time from which a use of the record moves its expiry; the zero time: no use
// moves it.
func (cfg *Config) touchDue(rec *store.Record) time.Time {
	idle := cfg.idleTime(rec.CustomerID != "")
	switch {
	case rec.Ended, rec.ExpiresAt.IsZero(), rec.ExpiresAt.Equal(cfg.endByAge(rec)):
		return time.Time{}
	case idle == never: // but a Config with an idle time has set the expiry: move it at the next use
		return rec.CreatedAt
	}
	return rec.ExpiresAt.Add(-idle)
}
