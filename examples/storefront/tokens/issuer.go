package tokens

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// How long tokens live. A refresh token is replaced by a fresh one whenever it is used.
const (
	AccessLife           = time.Hour // of every access token and of saas tokens
	AnonymousRefreshLife = 24 * time.Hour
	CustomerRefreshLife  = 30 * 24 * time.Hour
)

// Config configures an Issuer. New copies it and never writes to it.
type Config struct {
	_ [0]func()

	Files    *sitefile.Files      // tenants, customers with their password hashes, clients; required
	Resolver *sessionctx.Resolver // the sessions; required
	Key      []byte               // signs with HS256: 32 bytes, random and secret; required
	Logger   *slog.Logger         // receives what an operator should know, never a token, an id or an address; default: slog.Default()
}

// Issuer issues tokens and verifies its own. It is safe for concurrent use by multiple goroutines.
type Issuer struct {
	files    *sitefile.Files
	resolver *sessionctx.Resolver
	key      []byte
	logger   *slog.Logger

	access, refresh, saas *bearer.Verifier

	failures *failures
	compare  func(hash, password []byte) error // bcrypt; a test may replace it
	slots    chan struct{}                     // comparisons under way
	costs    sync.Map                          // costKey: the cost of the hash that was compared last
}

const keySize = 32 // bytes, as many as SHA-256 has (RFC 7518, section 3.2)

// New returns an Issuer. An error joins one *sessionctx.ConfigError per mistake; none contains the
// key.
func New(cfg Config) (*Issuer, error) {
	var errs []error
	if cfg.Files == nil {
		errs = append(errs, mistake("Files", "is required"))
	}
	if cfg.Resolver == nil {
		errs = append(errs, mistake("Resolver", "is required"))
	}
	if len(cfg.Key) != keySize {
		errs = append(errs, mistake("Key", fmt.Sprintf("must have %d bytes, has %d", keySize, len(cfg.Key))))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	is := &Issuer{
		files: cfg.Files, resolver: cfg.Resolver, key: bytes.Clone(cfg.Key), logger: cfg.Logger,
		failures: newFailures(), compare: bcrypt.CompareHashAndPassword, slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
	if is.logger == nil {
		is.logger = slog.Default()
	}
	for _, v := range []struct {
		to       **bearer.Verifier
		audience string
		cached   int
	}{{&is.access, accessAudience, 0}, {&is.refresh, refreshAudience, -1}, {&is.saas, saasAudience, -1}} {
		var err error
		*v.to, err = bearer.New(bearer.Config{
			Issuer: issuer, Audience: v.audience, CachedTokens: v.cached,
			Keys:   []bearer.Key{{Algorithm: "HS256", Key: is.key}},
			Leeway: -1, // one clock
		})
		errs = append(errs, err)
	}
	return is, errors.Join(errs...)
}

// mistake returns the error of one field of a Config.
func mistake(field, rule string) error {
	return &sessionctx.ConfigError{Field: "tokens.Config." + field, Rule: rule}
}

// Verifier verifies access tokens: for middleware.Config.Identify and rest.Config.Scopes.
func (is *Issuer) Verifier() *bearer.Verifier { return is.access }

// CustomerOf returns the customer whom a saas token names. The error is
// middleware.ErrUnauthenticated for a text that is no valid saas token, and
// middleware.ErrWrongTenant for a token of another tenant: customer ids are a tenant's own.
func (is *Issuer) CustomerOf(tenant, saasToken string) (customerID string, err error) {
	c, err := is.saas.VerifyToken(saasToken)
	switch {
	case err != nil:
		return "", err
	case c.Identity.CustomerID == "":
		return "", middleware.ErrUnauthenticated
	case c.Identity.Tenant != tenant:
		return "", middleware.ErrWrongTenant
	}
	return c.Identity.CustomerID, nil
}

// Handler returns the handler of the seven endpoints; mount it at /customerlogin/, /customer/ and
// /oauth/. Everything else below is 404.
func (is *Issuer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", is.endpoint("", notFound))
	mux.HandleFunc("/customerlogin/auth/anonymous/login", is.endpoint(http.MethodGet, is.anonymousLogin))
	mux.HandleFunc("/customerlogin/auth/anonymous/refresh", is.endpoint(http.MethodGet, is.anonymousRefresh))
	mux.HandleFunc("/customer/{tenant}/login", is.endpoint(http.MethodPost, is.customerLogin))
	mux.HandleFunc("/customer/{tenant}/refreshauthtoken", is.endpoint(http.MethodGet, is.customerRefresh))
	mux.HandleFunc("/customer/{tenant}/logout", is.endpoint(http.MethodGet, is.customerLogout))
	mux.HandleFunc("/customer/{tenant}/validateauthtoken", is.endpoint(http.MethodGet, is.validate))
	mux.HandleFunc("/oauth/token", is.endpoint(http.MethodPost, is.serviceToken))
	return mux
}
