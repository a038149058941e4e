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

	// Resolver resolves and writes the sessions. Required, and the one that Middleware has; its
	// owner closes it.
	Resolver *sessionctx.Resolver

	// Middleware says who is asking: see middleware.Middleware.Request. Required. Its Wrap need not
	// be around the Handler.
	Middleware *middleware.Middleware

	// Scopes returns what the bearer token of a request grants: the tenant that the token is for,
	// and its scopes, separated by spaces (RFC 6749, section 3.3). For JSON Web Tokens it is the
	// Scopes of a bearer.Verifier, see package middleware/bearer. The operations on
	// /context/{sessionId} are for tokens with the scope sessioncontext.context_manage. Default: no
	// token has it, and these operations are refused with 403.
	//
	// An empty tenant stands for a request without a token, and grants nothing. The errors are
	// those of middleware.Config.Identify. It must be safe for concurrent use by multiple
	// goroutines.
	Scopes func(*http.Request) (tenant, scopes string, err error)

	// SaasToken verifies the token in the header saas-token, for the given tenant, and returns the
	// id of the customer whose token it is. A PUT to a customer's session needs one. Default: there
	// are none, and such a PUT is refused with 403.
	//
	// An error for which errors.Is(err, sessionctx.ErrUnavailable) holds says that the token could
	// not be checked: 503. Any other error means that the token is not valid. It must be safe for
	// concurrent use by multiple goroutines.
	//
	// Security: it must refuse a token of another tenant, and an anonymous one, whose subject is no
	// customer.
	SaasToken func(tenant, token string) (customerID string, err error)

	// CrossOrigin guards the writes that a browser sends with what it has stored. Bearer tokens are
	// not subject to it, since no browser sends one by itself. Default: one that trusts no other
	// origin.
	CrossOrigin *http.CrossOriginProtection

	// AllowedOrigins are the origins whose scripts may call the Handler from a browser, as the
	// browser writes them: "https://shop.example", "http://localhost:3000". A default port is left
	// out. They are for clients with bearer tokens: no answer permits credentials, so the browser
	// sends no cookie. Handler.CORS puts the same list around other handlers, such as the endpoints
	// that issue the tokens. Default: none, and the Handler has no part in CORS (the Fetch Standard,
	// section 3.3).
	//
	// Security: "*" and "null" are refused. With "*" every page in the world could use a token that
	// leaked, from the browser of anybody; "null" is every sandboxed frame.
	AllowedOrigins []string

	// MaxBody is how long the body of a request may be, in bytes. 1 to 16 MiB; default 32 KiB.
	// What a session may hold is bounded by MaxRecord and its neighbours in sessionctx.Config.
	MaxBody int64

	// MaxDepth is how deep objects and lists may be nested in a body, the body itself counted. 3 to
	// 1000; default 8.
	MaxDepth int

	// Logger receives the cause of every answer 500, which the client does not get to see.
	// Default: slog.Default().
	Logger *slog.Logger
}

const (
	defaultMaxBody  = 32 << 10
	defaultMaxDepth = 8
)

// New returns a Handler. An error joins one *sessionctx.ConfigError per mistake.
func New(cfg Config) (*Handler, error) {
	h := &Handler{
		resolver: cfg.Resolver,
		mw:       cfg.Middleware,
		scopes:   cfg.Scopes,
		saas:     cfg.SaasToken,
		cross:    cfg.CrossOrigin,
		maxBody:  cfg.MaxBody,
		maxDepth: cfg.MaxDepth,
		log:      cfg.Logger,
	}
	if h.scopes == nil {
		h.scopes = func(*http.Request) (tenant, scopes string, err error) { return "", "", nil }
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
	var err error
	mistake := func(field, value, rule string) {
		errs = append(errs, &sessionctx.ConfigError{Field: "rest.Config." + field, Value: value, Rule: rule})
	}
	if h.resolver == nil {
		mistake("Resolver", "", "is required")
	}
	if h.mw == nil {
		mistake("Middleware", "", "is required")
	}
	if h.maxBody < 1 || h.maxBody > 16<<20 {
		mistake("MaxBody", fmt.Sprint(cfg.MaxBody), "must be 1 byte to 16 MiB (16777216)")
	}
	if h.maxDepth < 3 || h.maxDepth > 1000 {
		mistake("MaxDepth", fmt.Sprint(cfg.MaxDepth), "must be 3 to 1000")
	}
	if h.origins, err = newOrigins(cfg.AllowedOrigins); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return h, nil
}
