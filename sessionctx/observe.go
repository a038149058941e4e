package sessionctx

import "context"

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

// outcomeOf returns the outcome of a resolution.
func outcomeOf(e *entry, err error, cached bool) Outcome {
	o := Outcome{Err: err, Cached: cached}
	if e != nil {
		o.Degraded, o.ProfileMissing = e.Resolved.flags&degradedValue != 0, e.Resolved.flags&noProfile != 0
	}
	return o
}
