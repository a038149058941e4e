package sessionctx

import (
	"context"
)

// The names of the calls that Config.Observe is told of.
const (
	callResolve  = "resolve"
	callLoad     = "load"
	callSave     = "save"
	callSites    = "sites"
	callCustomer = "customer"
)

// Outcome says how an observed call has ended.
type Outcome struct {
	// Err is the error of the call. For a Save that met another revision errors.Is(Err, ErrConflict)
	// holds. It names neither session nor customer.
	Err error
	// Cached says that the near-cache had the answer of a "resolve" as it was.
	Cached bool
	// Degraded and ProfileMissing are those of the Session of a "resolve".
	Degraded, ProfileMissing bool
}

// observe is Config.Observe.
type observe func(ctx context.Context, call, tenant string) (context.Context, func(Outcome))

// begin calls it, if there is one.
func (o observe) begin(ctx context.Context, call, tenant string) (context.Context, func(Outcome)) {
	if o == nil {
		return ctx, ignoreOutcome
	}
	return o(ctx, call, tenant)
}

func ignoreOutcome(Outcome) {}

// resolveObserved is resolveEntry with Config.Observe.
func (r *Resolver) resolveObserved(ctx context.Context, req *Request) (e *entry, err error) {
	ctx, done := r.cfg.Observe(ctx, callResolve, req.Tenant)
	var outcome Outcome
	defer func() {
		if outcome.Err = err; e != nil {
			flags := e.Resolved.flags
			outcome.Degraded, outcome.ProfileMissing = flags&degradedValue != 0, flags&noProfile != 0
		}
		done(outcome)
	}()
	req.cutTexts()
	key := r.cacheKey(req)
	hash := r.hash(&key, req)
	if e = r.lookup(&key, hash, req); e != nil {
		outcome.Cached = true
		return e, nil
	}
	return r.resolveSlow(ctx, key, hash, *req)
}
