package sessionctx

import (
	"context"
	"log/slog"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

// LoginPolicy says what becomes of a session's choices when a customer logs in.
type LoginPolicy uint8

const (
	// KeepChoices: what the shopper chose before the login stays chosen.
	KeepChoices LoginPolicy = iota
	// PreferProfile drops the choices for which the customer's profile has a value.
	PreferProfile
)

// Config configures a Resolver. It is copied by New; a zero field is its documented default.
type Config struct {
	_ [0]func()

	Store     Store     // required
	Directory Directory // required
	Logger    *slog.Logger

	CacheBytes      int64         // default 64 MiB, at least 1 MiB
	AnonymousIdle   time.Duration // default 1 h, -1 never
	CustomerIdle    time.Duration // default 30 days, -1 never
	MaxAge          time.Duration // absolute limit; default none
	MaxStale        time.Duration
	DirectoryMaxAge time.Duration // default 1 min
	Timeout         time.Duration // default 2 s
	LoginPolicy     LoginPolicy
	FailDegraded    bool
	OnChange        func(context.Context, Changed)
	Limits          Limits
}

// Limits bound what a session may hold.
type Limits struct {
	Attributes     int // default 64
	AttributeName  int // bytes, default 64
	AttributeValue int // bytes, default 1 KiB
	Record         int // bytes, default 16 KiB
}

// Changed tells a host what a committed write changed.
type Changed struct {
	Old, New Session
}

// Explanation says what a session would be and why.
type Explanation struct {
	Session  Session
	Rejected []defaults.Rejection
}

// Stats are counters since the resolver was made.
type Stats struct {
	Resolves, Hits int64
}

// Resolver resolves, caches and guards session contexts. It is safe for concurrent use by multiple goroutines.
type Resolver struct{}

// New returns a Resolver.
func New(cfg Config) (*Resolver, error) { panic("skeleton") }

// Resolve returns the session context of a request. It never writes, touches apart.
func (r *Resolver) Resolve(ctx context.Context, req Request) (Session, error) { panic("skeleton") }

// Update applies a patch. For a BySecret identity without a (known) session it creates one under a new random id: look at Session.ID.
func (r *Resolver) Update(ctx context.Context, req Request, p Patch) (Session, error) {
	panic("skeleton")
}

// Preview says what Update would do, and why; the zero Patch explains the present. It writes nothing.
func (r *Resolver) Preview(ctx context.Context, req Request, p Patch) (Explanation, error) {
	panic("skeleton")
}

// Login makes the session a customer's. It may return a new ID.
func (r *Resolver) Login(ctx context.Context, req Request, customerID string) (Session, error) {
	panic("skeleton")
}

// Logout ends the session. For a BySecret identity it returns an anonymous successor under a new id that keeps the four choices and nothing else
// (empty ID if there are none to keep).
func (r *Resolver) Logout(ctx context.Context, req Request) (Session, error) { panic("skeleton") }

// End ends the session.
func (r *Resolver) End(ctx context.Context, req Request) error { panic("skeleton") }

// EndAll ends all sessions of a customer, on every device and process.
func (r *Resolver) EndAll(ctx context.Context, tenant, customerID string) error { panic("skeleton") }

// Invalidate forgets what is known of a customer, or with an empty customerID of the tenant's sites and customers.
func (r *Resolver) Invalidate(tenant, customerID string) { panic("skeleton") }

// Stats returns the counters.
func (r *Resolver) Stats() Stats { panic("skeleton") }

// Close refuses new calls, waits for those inside, and frees the cache.
func (r *Resolver) Close() error { panic("skeleton") }
