package middleware

import (
	"context"
	"errors"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
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
// bad credentials or with another tenant's token, and fails every other request. The note on
// security at RenderEnded holds all the more.
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
//	400  *defaults.Invalid, *FormError and *sessionctx.LimitError about form
//	413  *FormError and *sessionctx.LimitError about size
//	415  *FormError about a header
//	503  sessionctx.ErrUnavailable, sessionctx.ErrFull, sessionctx.ErrClosed, the end of a context,
//	     with Retry-After
//	503  sessionctx.ErrUnknownOutcome, without Retry-After: the write may have been applied
//	501  errors.ErrUnsupported
//	500  everything else
//
// The body says no more than the status, and the response is not to be stored.
func Fail(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	code := status(err)
	switch code {
	case http.StatusUnauthorized:
		challenge := `Bearer error="invalid_token"`
		if errors.Is(err, ErrNoSession) { // the token is good
			challenge = "Bearer"
		}
		h.Set("WWW-Authenticate", challenge)
	case http.StatusUnsupportedMediaType:
		h.Set("Accept-Encoding", "identity") // RFC 9110, section 15.5.16
	case http.StatusServiceUnavailable:
		if !errors.Is(err, sessionctx.ErrUnknownOutcome) { // nobody may repeat that without a look
			h.Set("Retry-After", retryAfter)
		}
	}
	http.Error(w, http.StatusText(code), code)
}

// retryAfter, in seconds, is longer than the Resolver waits for a store or directory, and shorter
// than a shopper waits for a page.
const retryAfter = "5"

func status(err error) int {
	var limit *sessionctx.LimitError
	var invalid *defaults.Invalid
	var form *FormError
	switch {
	case errors.Is(err, sessionctx.ErrUnknownOutcome): // before what its cause says
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrUnauthenticated):
		return http.StatusUnauthorized
	case errors.Is(err, ErrWrongTenant), errors.Is(err, ErrCrossSite):
		return http.StatusForbidden
	case errors.Is(err, sessionctx.ErrUnknownTenant), errors.Is(err, sessionctx.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, sessionctx.ErrConflict):
		return http.StatusConflict
	case errors.As(err, &limit) && limit.Size, errors.As(err, &form) && form.Size:
		return http.StatusRequestEntityTooLarge
	case form != nil && (form.Field == contentType || form.Field == contentEncoding):
		return http.StatusUnsupportedMediaType
	case limit != nil, form != nil, errors.As(err, &invalid):
		return http.StatusBadRequest
	case errors.Is(err, sessionctx.ErrUnavailable), errors.Is(err, sessionctx.ErrFull),
		errors.Is(err, sessionctx.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case errors.Is(err, errors.ErrUnsupported):
		return http.StatusNotImplemented
	default:
		return http.StatusInternalServerError
	}
}
