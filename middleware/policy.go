package middleware

import (
	"errors"
	"net/http"

	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/middleware/internal/failure"
	"github.com/sessionctx/storefront/sessionctx"
)

// ErrorPolicy answers a request for which no session could be resolved: by itself, or by calling
// next. Where the defaults of a guest could be computed, r carries them as its session, which has
// no id.
//
// The errors are those of Middleware.Request and those of Resolver.Resolve. Of the latter expect
// sessionctx.ErrNotFound (the session that a token names has ended) and sessionctx.ErrUnavailable.
type ErrorPolicy func(w http.ResponseWriter, r *http.Request, err error, next http.Handler)

// RenderEnded is the ErrorPolicy that calls next, with defaults, for a session that has ended or is
// not this identity's, and fails every other request. It is the default: a shopper who comes back
// late sees the shop and not an error.
//
// Security: next runs for every method, a POST too. A handler that needs a customer looks at
// Session.CustomerID; that Wrap has called it proves nothing.
func RenderEnded(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
	if errors.Is(err, sessionctx.ErrNotFound) {
		RenderDefaults(w, r, err, next)
		return
	}
	Fail(w, r, err, next)
}

// RenderDefaults is the ErrorPolicy that calls next for every request that has defaults, also with
// bad credentials or with another tenant's token, and fails every other request. What RenderEnded
// says about security matters even more here.
func RenderDefaults(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
	if _, ok := sessionctx.FromContext(r.Context()); !ok {
		Fail(w, r, err, next)
		return
	}
	next.ServeHTTP(w, r)
}

// Fail is the ErrorPolicy that fails every request. A handler may call it, too, for an error of
// Update, Login or Logout; next is not used and may be nil.
//
//	401  ErrUnauthenticated, with WWW-Authenticate: Bearer error="invalid_token" (RFC 6750)
//	403  ErrWrongTenant, ErrCrossSite
//	404  sessionctx.ErrUnknownTenant, sessionctx.ErrNotFound
//	409  sessionctx.ErrConflict
//	400  *defaults.Rejection, *sessionctx.InputError about form
//	413  *sessionctx.InputError about size, unless it is joined with one of those for 400
//	415  *sessionctx.InputError about a header
//	503  sessionctx.ErrUnavailable, sessionctx.ErrFull, sessionctx.ErrClosed, the end of a context,
//	     with Retry-After
//	503  sessionctx.ErrUnknownOutcome, without Retry-After: the write may have been applied
//	501  errors.ErrUnsupported
//	500  everything else
//
// The body says no more than the status, and the response is not to be stored.
func Fail(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
	h := w.Header()
	h.Set("Cache-Control", noStore)
	class := failure.Of(err)
	switch class {
	case failure.NoSession: // the token is good
		h.Set("WWW-Authenticate", "Bearer")
	case failure.Unauthenticated:
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	case failure.Coding:
		h.Set("Accept-Encoding", "identity") // RFC 9110, section 12.5.3; another 415 must not have it
	case failure.Unavailable:
		h.Set("Retry-After", failure.RetryAfter)
	}
	http.Error(w, problemtype.Title(class.Status()), class.Status())
}
