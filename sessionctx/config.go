package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Config configures a Resolver. New copies it and never writes to it. A zero field is its
// documented default, and a value out of range is an error of New.
type Config struct {
	_ [0]func()

	// Store keeps the records. Required; memstore.Store is the embedded one. The caller owns its
	// life. A Store that is also a store.Watcher lets the Resolver cache records: if you wrap one,
	// for a metric for example, pass on its Watch method.
	Store store.Store
	// Directory knows sites and customers. Required.
	Directory Directory
	// Logger receives what an operator should know, never an identifier of a person or a session.
	// Default: slog.Default().
	Logger *slog.Logger

	// CacheBytes bounds what the caches take. Seven twelfths are for sessions, about 620 bytes for
	// each without attributes; the rest is for what is kept of customers, for profiles, and for the
	// stamps that say what is still valid. The live heap can be half as much again, because of the
	// tables of ristretto. 1 MiB or more; default 96 MiB.
	CacheBytes int64
	// AnonymousIdle is how long an anonymous session's record lives at least without being used. It
	// may live a quarter longer, so that not every use writes the store. 1 s to 100 years; default
	// 1 h; -1: for ever.
	AnonymousIdle time.Duration
	// CustomerIdle is the same for a customer's session. Default 30 days.
	CustomerIdle time.Duration
	// MaxAge ends a session that long after its record was created, used or not. 1 s to 100 years;
	// default: no limit, as with -1.
	MaxAge time.Duration
	// TombstoneLife is how long the end of an asserted session is remembered. It must not be
	// shorter than the longest life of a token that names the session, refresh tokens included. 1 s
	// to 100 years; default 30 days; -1: for ever. The end of a session by secret is remembered for
	// 1 h.
	TombstoneLife time.Duration

	// MaxStale is for how long a record is reused if the Store is no store.Watcher: such a Store
	// does not report the changes that other processes make. 0 to a year; default 0, no reuse.
	MaxStale time.Duration
	// DirectoryMaxAge is how old an answer of the Directory may be before the Directory is asked
	// again, in the background; Invalidate, Refresh, and a Directory that is a DirectoryWatcher,
	// are quicker. An answer serves for up to 24 h while asking again fails. 1 ms to 24 h; default
	// 1 min.
	DirectoryMaxAge time.Duration
	// Timeout bounds each call of Store and Directory, by a timer of the Resolver: a call that
	// ignores the end of its context is abandoned. It also bounds the whole of a call that writes,
	// except Erase. 1 ms to 1 h; default 2 s.
	Timeout time.Duration

	// PreferProfile lets the customer's profile outrank what the shopper chose before the login.
	// Such a choice is kept: it decides where the profile has no value that the site offers.
	// Default: what the shopper chose outranks the profile.
	PreferProfile bool
	// FailDegraded makes Resolve return ErrUnavailable when the store cannot be asked. Default: it
	// returns computed defaults, marked Degraded.
	FailDegraded bool
	// Observe is called when a call begins, and returns the context for the call and a function
	// that is called when the call has ended. It is for spans and metrics, instead of a Store that
	// wraps another one. The calls are "resolve" (Resolve and Attach, warm ones too), "load" and
	// "save" of the Store, and "sites" and "customer" of the Directory. The context must derive
	// from ctx. Both functions are called on the goroutine of the call. A call of Store or
	// Directory may be for many requests at once. It has a goroutine of its own; its ctx has the
	// values of the request that came first, if there is one, and does not end with that request.
	// Both must be quick, must not panic, and are safe for concurrent use by multiple goroutines. A
	// call that ignores the end of its context may end after Close. Default: nothing is observed,
	// and that costs nothing.
	Observe func(ctx context.Context, call, tenant string) (context.Context, func(Outcome))
	// OnChange is called after a write was committed, on the writer's goroutine, before the call
	// returns, with the session before and after the write. after has no ID if the write ended the
	// session. The call is best effort: a process that dies in between does not make it. A panic in
	// OnChange is logged and goes no further. OnChange must not call Close: its own call is inside.
	OnChange func(ctx context.Context, before, after Session)

	// MaxAttributes is how many attributes a session may have. As with the next three fields, the
	// result of a write is judged, and a write that breaks the rule is an *InputError. 1 or more;
	// default 64.
	MaxAttributes int
	// MaxAttributeName bounds the name of an attribute, in bytes. 1 or more; default 64.
	MaxAttributeName int
	// MaxAttributeValue bounds the value of an attribute, in bytes of JSON. 1 or more; default
	// 1 KiB.
	MaxAttributeValue int
	// MaxRecord bounds all that is stored of a session, in bytes as encoded. 1 or more; default
	// 16 KiB.
	MaxRecord int
}

// never is a duration of a Config that has no end.
const never = -1

// withDefaults returns cfg with its defaults filled in, or every mistake in it.
func (cfg Config) withDefaults() (Config, error) {
	var errs []error
	bad := func(field string, value any, rule string) {
		errs = append(errs, &ConfigError{Field: "sessionctx.Config." + field, Value: fmt.Sprint(value), Rule: rule})
	}
	required := func(field string, missing bool) {
		if missing {
			errs = append(errs, &ConfigError{Field: "sessionctx.Config." + field, Rule: "is required"})
		}
	}
	duration := func(field string, d *time.Duration, def, low, high time.Duration, canBeNever bool) {
		switch {
		case *d == 0:
			*d = def
		case *d == never && canBeNever:
		case *d < low || *d > high:
			rule := fmt.Sprintf("must be %v to %v", low, high)
			if canBeNever {
				rule += ", or -1 for no limit"
			}
			bad(field, *d, rule)
		}
	}
	limit := func(field string, n *int, def int) {
		if *n == 0 {
			*n = def
		}
		if *n < 0 {
			bad(field, *n, "must be 1 or more")
		}
	}
	required("Store", cfg.Store == nil)
	required("Directory", cfg.Directory == nil)
	if s, ok := cfg.Directory.(Static); ok {
		errs = append(errs, s.check()...)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = 96 << 20
	}
	if cfg.CacheBytes < 1<<20 {
		bad("CacheBytes", cfg.CacheBytes, "must be 1 MiB (1048576) or more")
	}
	const year = 365 * 24 * time.Hour
	duration("AnonymousIdle", &cfg.AnonymousIdle, time.Hour, time.Second, 100*year, true)
	duration("CustomerIdle", &cfg.CustomerIdle, 30*24*time.Hour, time.Second, 100*year, true)
	duration("TombstoneLife", &cfg.TombstoneLife, 30*24*time.Hour, time.Second, 100*year, true)
	duration("MaxAge", &cfg.MaxAge, never, time.Second, 100*year, true)
	duration("MaxStale", &cfg.MaxStale, 0, 0, year, false)
	duration("DirectoryMaxAge", &cfg.DirectoryMaxAge, time.Minute, time.Millisecond, 24*time.Hour, false)
	duration("Timeout", &cfg.Timeout, 2*time.Second, time.Millisecond, time.Hour, false)
	limit("MaxAttributes", &cfg.MaxAttributes, 64)
	limit("MaxAttributeName", &cfg.MaxAttributeName, 64)
	limit("MaxAttributeValue", &cfg.MaxAttributeValue, 1<<10)
	limit("MaxRecord", &cfg.MaxRecord, 16<<10)
	return cfg, errors.Join(errs...)
}
