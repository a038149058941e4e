package inspect

import (
	"errors"
	"net/http"

	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures an Inspector. New copies it and never writes to it.
type Config struct {
	_ [0]func()

	// Resolver is what is looked at. Required; its owner closes it.
	Resolver *sessionctx.Resolver
	// Authorize says whether a request may see the page; every other request is answered with 403.
	// Required: for a page that everybody may see, give a function that returns true. Authorize and
	// Request must be safe for concurrent use by multiple goroutines. No browser asks for a password
	// after a 403: for Basic authentication a handler in front answers 401 with WWW-Authenticate.
	//
	// Security: Authorize is asked for every request, and nothing else protects the page.
	Authorize func(*http.Request) bool
	// Request says what a request of the operator's own browser asks the Resolver for, so that the
	// page explains it: the method Request of a middleware.Middleware. Default: the page explains a
	// guest without hints, at the first tenant whose sites are known.
	Request func(*http.Request) (sessionctx.Request, error)
}

// check returns every mistake in cfg.
func (cfg *Config) check() error {
	var errs []error
	required := func(field string, missing bool) {
		if missing {
			errs = append(errs, &sessionctx.ConfigError{Field: "inspect.Config." + field, Rule: "is required"})
		}
	}
	required("Resolver", cfg.Resolver == nil)
	required("Authorize", cfg.Authorize == nil)
	return errors.Join(errs...)
}
