package rest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Handler. New copies what it needs and never writes to it; a zero field is its
// documented default.
type Config struct {
	_ [0]func()

	// Resolver resolves and writes the sessions. Required, and the one that Middleware has; its owner closes it.
	Resolver *sessionctx.Resolver

	// Middleware says who is asking: see middleware.Middleware.Request. Required. Its Wrap need not be around the Handler.
	Middleware *middleware.Middleware

	// Claims says what the bearer token of a request grants: middleware.Bearer.Verify. The operations on
	// /context/{sessionId} are for tokens with the scope sessioncontext.context_manage.
	// Default: nobody has it, and these operations are refused with 403.
	//
	// The zero Claims stand for a request without a token. An error is that of Bearer.Verify. It must be safe for
	// concurrent use by multiple goroutines.
	Claims func(*http.Request) (middleware.Claims, error)

	// SaasToken verifies the token in the header saas-token, for the given tenant, and returns the id of the customer
	// whose it is. A PUT to a customer's session needs one.
	// Default: there are none, and such a PUT is refused with 403.
	//
	// An error for which errors.Is(err, sessionctx.ErrUnavailable) holds says that the token could not be checked: 503.
	// Any other error means that it is not valid. It must be safe for concurrent use by multiple goroutines.
	//
	// Security: it must refuse a token of another tenant, and an anonymous one, whose subject is nobody's customer.
	SaasToken func(tenant, token string) (customerID string, err error)

	// CrossOrigin guards the writes that a browser sends with what it has stored. Default: one that lets no
	// other origin pass. Bearer tokens are not subject to it, since no browser sends one by itself.
	CrossOrigin *http.CrossOriginProtection

	// MaxBody is how long the body of a request may be, in bytes. 1 or more, at most 16 MiB; default 32 KiB.
	// What a session may hold is bounded by sessionctx.Config.Limits.
	MaxBody int64

	// MaxDepth is how deep objects and lists may be nested in a body, the body itself counted. 3 to 1000; default 8.
	MaxDepth int

	// Logger receives the cause of every answer 500, which the client does not get to see. Default: slog.Default().
	Logger *slog.Logger
}

const (
	defaultMaxBody  = 32 << 10
	defaultMaxDepth = 8
)

// New returns a Handler. An error joins one *middleware.ConfigError per mistake.
func New(cfg Config) (*Handler, error) {
	h := &Handler{
		resolver: cfg.Resolver,
		mw:       cfg.Middleware,
		claims:   cfg.Claims,
		saas:     cfg.SaasToken,
		cross:    cfg.CrossOrigin,
		maxBody:  cfg.MaxBody,
		maxDepth: cfg.MaxDepth,
		log:      cfg.Logger,
	}
	if h.claims == nil {
		h.claims = func(*http.Request) (middleware.Claims, error) { return middleware.Claims{}, nil }
	}
	if h.cross == nil {
		h.cross = http.NewCrossOriginProtection()
	}
	if h.maxBody == 0 {
		h.maxBody = defaultMaxBody
	}
	if h.maxDepth == 0 {
		h.maxDepth = defaultMaxDepth
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	var errs []error
	mistake := func(is bool, field, value string, reason middleware.Reason, rule string) {
		if is {
			errs = append(errs, &middleware.ConfigError{Field: "rest.Config." + field, Value: value, Reason: reason, Rule: rule})
		}
	}
	mistake(h.resolver == nil, "Resolver", "", middleware.ReasonMissing, "")
	mistake(h.mw == nil, "Middleware", "", middleware.ReasonMissing, "")
	mistake(h.maxBody < 1 || h.maxBody > 16<<20, "MaxBody", fmt.Sprint(cfg.MaxBody), middleware.ReasonRange, "must be 1 byte to 16 MiB (16777216)")
	mistake(h.maxDepth < 3 || h.maxDepth > 1000, "MaxDepth", fmt.Sprint(cfg.MaxDepth), middleware.ReasonRange, "must be 3 to 1000")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return h, nil
}
