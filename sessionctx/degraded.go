package sessionctx

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sessionctx/storefront/internal/nearcache"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// degraded answers a request whose record could not be had because of cause. The answer is computed
// defaults, marked Degraded and never cached, or an error where defaults would not do.
func (r *Resolver) degraded(ctx context.Context, key *nearcache.Key, req *Request, d *dependencies, cause error) (*entry, error) {
	if errors.Is(cause, ErrNotFound) || r.cfg.FailDegraded || req.Proof == Management || req.needsStore() || ctx.Err() != nil {
		return nil, unavailable(ctx, cause)
	}
	known := r.knownUnbound(key, req)
	if err := r.checkSite(req, &store.Record{}, req.asserted(), d); err != nil {
		return nil, err
	}
	asGuest := req.Proof == BySecret || req.SessionID == ""
	n, _ := r.resolution(req, &known, asGuest, req.asserted(), d)
	n.flags |= degradedValue
	if count := r.stats.degraded.Add(1); r.logDue(logDegraded) {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "sessionctx: degraded: answering defaults without the record",
			slog.String("tenant", req.Tenant), slog.Any("error", cause), slog.Int64("degraded", count))
	}
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
		if rec := e.Record(); unbound(&rec) {
			return rec
		}
	}
	return store.Record{}
}
