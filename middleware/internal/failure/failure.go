// Package failure says of which class an error is, and which status HTTP has for it: one table for
// the answers of package middleware, of package rest and of package downstream.
package failure

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/form"
	"github.com/sessionctx/storefront/sessionctx"
)

// The refusals of a request: see the names of package middleware that are the same.
var (
	ErrUnauthenticated = errors.New("middleware: unauthenticated")
	ErrWrongTenant     = errors.New("middleware: credentials of another tenant")
	ErrNoSession       = fmt.Errorf("%w: noSession: the request names no session to write to", ErrUnauthenticated)
	ErrCrossSite       = errors.New("middleware: cross-site request, for which browsers withhold the cookie")
)

// Class is a kind of error that is answered in one way.
type Class uint8

// The classes.
const (
	Internal Class = iota // everything else
	// The next four classes are about what a client has sent. If several errors are joined, the last
	// of these classes counts: a request that is too large and malformed is called malformed.
	TooLarge  // *sessionctx.InputError about size
	Coding    // *sessionctx.InputError about Content-Encoding
	MediaType // *sessionctx.InputError about Content-Type
	Malformed // *sessionctx.InputError about form, *defaults.Rejection

	UnknownOutcome // sessionctx.ErrUnknownOutcome
	NoSession      // ErrNoSession
	Unauthenticated
	WrongTenant
	CrossSite
	UnknownTenant // sessionctx.ErrUnknownTenant
	NotFound      // sessionctx.ErrNotFound
	Conflict      // sessionctx.ErrConflict
	Unavailable   // sessionctx.ErrUnavailable, ErrFull, ErrClosed, and the end of a context
	Unsupported   // errors.ErrUnsupported
)

// RetryAfter is the Retry-After of Unavailable and of no other class, in seconds: longer than the
// Resolver waits for a store or a directory, and shorter than a shopper waits for a page. Nobody
// may repeat a write of UnknownOutcome without a look at the session.
const RetryAfter = "5"

// table has the errors that a caller compares with errors.Is, in the order in which they are looked
// for.
var table = []struct {
	err   error
	class Class
}{
	{sessionctx.ErrUnknownOutcome, UnknownOutcome}, // before what its cause says
	{ErrNoSession, NoSession},                      // before ErrUnauthenticated, which it is
	{ErrUnauthenticated, Unauthenticated},
	{ErrWrongTenant, WrongTenant},
	{ErrCrossSite, CrossSite},
	{sessionctx.ErrUnknownTenant, UnknownTenant},
	{sessionctx.ErrNotFound, NotFound},
	{sessionctx.ErrConflict, Conflict},
}

// unavailable has those that are looked for after what a client has sent.
var unavailable = []error{
	sessionctx.ErrUnavailable, sessionctx.ErrFull, sessionctx.ErrClosed, context.Canceled, context.DeadlineExceeded,
}

// Of returns the class of an error.
func Of(err error) Class {
	for _, row := range table {
		if errors.Is(err, row.err) {
			return row.class
		}
	}
	if c := sent(err); c != Internal {
		return c
	}
	for _, other := range unavailable {
		if errors.Is(err, other) {
			return Unavailable
		}
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return Unsupported
	}
	return Internal
}

// sent returns the class of what a client has sent, and Internal if err is not about that.
func sent(err error) Class {
	switch e := err.(type) {
	case *defaults.Rejection:
		return Malformed
	case *sessionctx.InputError:
		switch {
		case e.Size:
			return TooLarge
		case e.Field == form.ContentEncoding:
			return Coding
		case e.Field == form.ContentType:
			return MediaType
		}
		return Malformed
	case interface{ Unwrap() []error }:
		class := Internal
		for _, joined := range e.Unwrap() {
			class = max(class, sent(joined))
		}
		return class
	case interface{ Unwrap() error }:
		return sent(e.Unwrap())
	}
	return Internal
}

// Status returns the status of HTTP.
func (c Class) Status() int {
	switch c {
	case Malformed:
		return http.StatusBadRequest
	case NoSession, Unauthenticated:
		return http.StatusUnauthorized
	case WrongTenant, CrossSite:
		return http.StatusForbidden
	case UnknownTenant, NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Coding, MediaType:
		return http.StatusUnsupportedMediaType
	case UnknownOutcome, Unavailable:
		return http.StatusServiceUnavailable
	case Unsupported:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}
