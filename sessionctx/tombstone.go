package sessionctx

import (
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	// secretTombstoneLife is how long the end of a session by secret is remembered: longer than any
	// request that set out before the end. After that its id is merely unknown, and an unknown
	// secret id never gets a record.
	secretTombstoneLife = time.Hour
	// healAfter is how old the end of a session must be before a write with its cookie begins a new
	// session. Until then the browser may have a newer cookie, and a response would replace it.
	healAfter = time.Minute
)

// tombstone returns the tombstone of a session that ended at endedAt. It is the next version of the
// record rec, and keeps nothing of the person.
func (cfg *Config) tombstone(rec store.Record, endedAt time.Time) (store.Record, error) {
	if err := nextVersion(&rec, endedAt); err != nil {
		return rec, err
	}
	life := cfg.TombstoneLife
	if rec.Secret {
		life = secretTombstoneLife
	}
	rec = store.Record{
		Tenant: rec.Tenant, Incarnation: rec.Incarnation, First: rec.First, Version: rec.Version,
		Secret: rec.Secret, Ended: true,
		CreatedAt: rec.CreatedAt, ModifiedAt: rec.ModifiedAt,
	}
	if life != never {
		rec.ExpiresAt = wholeMilliseconds(time.Now().Add(life))
	}
	return rec, nil
}

// refuseEnded is the decision of a write that meets a session that EndAll has ended: the write is
// refused with refusal, and the record becomes a tombstone.
func (cfg *Config) refuseEnded(cur *store.Record, endedAt time.Time, refusal error) (next store.Record, write bool, err error) {
	next, err = cfg.tombstone(*cur, endedAt)
	return next, err == nil, refusal
}

// replaceable reports whether a write with a dead or foreign cookie begins a new session. A session
// is foreign to a cookie only if the host's own login says that another customer, or nobody, is
// logged in. The cookie is never newer than that, so it need not be kept.
func (o *ownership) replaceable(endedAt, now time.Time) bool {
	return o.state == foreign || o.state == ended && healed(endedAt, now)
}

// healed reports whether a session that ended at some time is over for good: see healAfter.
func healed(endedAt, now time.Time) bool { return !now.Before(endedAt.Add(healAfter)) }
