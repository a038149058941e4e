package sessionctx

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// degradedLogEvery keeps an outage from becoming an outage of the log.
const degradedLogEvery = 10 * time.Second

// degraded answers a request without the record, because of cause: with computed defaults that are
// marked, and never cached. Where defaults would not do, the answer is an error.
func (r *Resolver) degraded(ctx context.Context, key *nearcache.Key, req *Request, d *dependencies, cause error) (*entry, error) {
	if errors.Is(cause, ErrNotFound) || r.cfg.FailDegraded || req.Proof == Management || req.needsStore() || ctx.Err() != nil {
		return nil, unavailable(ctx, cause)
	}
	if err := r.checkSite(req, &store.Record{}, req.asserted(), d); err != nil {
		return nil, err
	}
	r.stats.degraded.Add(1)
	r.logDegraded(ctx, req.Tenant, cause)
	asGuest := req.Proof == BySecret || req.SessionID == ""
	known := r.knownUnbound(key, req)
	n, _ := r.resolution(req, &known, asGuest, req.asserted(), d)
	n.flags |= degradedValue
	return r.near.Empty(*key).With(n), nil
}

// knownUnbound returns what the near-cache holds of an anonymous session that is to become the
// session of the customer who asks: its choices may be shown to the customer. Otherwise it returns
// the zero Record.
func (r *Resolver) knownUnbound(key *nearcache.Key, req *Request) store.Record {
	anonymous := *key
	anonymous.View = ""
	if !req.byHostLogin() || req.CustomerID == "" || req.SessionID == "" {
		return store.Record{}
	}
	if e := r.near.Peek(anonymous); e != nil {
		if rec := e.Record(); ownershipOf(&req.Identity, &rec).unbound {
			return rec
		}
	}
	return store.Record{}
}

func (r *Resolver) logDegraded(ctx context.Context, tenant string, cause error) {
	now, next := r.near.Now(), &r.logNext[logDegraded]
	if due := next.Load(); now < due || !next.CompareAndSwap(due, now+int64(degradedLogEvery)) {
		return
	}
	r.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "sessionctx: degraded: answering defaults without the record",
		slog.String("tenant", tenant), slog.Any("error", cause), slog.Int64("degraded", r.stats.degraded.Load()))
}

// unavailable returns the error of a read that has failed. The caller's own end, and an error that
// says more, are passed on as they are.
func unavailable(ctx context.Context, cause error) error {
	if err := ctx.Err(); err != nil {
		return chain(err)
	}
	for _, known := range [...]error{ErrUnavailable, ErrNotFound, ErrUnknownTenant, ErrUnknownOutcome} {
		if errors.Is(cause, known) {
			return chain(cause)
		}
	}
	return chain(ErrUnavailable, cause)
}
