package failure_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/middleware/internal/failure"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

// policies are the answers to an error, by package: middleware.Fail, downstream.Fail, and the
// interface of package rest where Identify returns the error.
func policies(t *testing.T) map[string]func(error) *httptest.ResponseRecorder {
	var identity error
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: &memstore.Store{}, Logger: slog.New(slog.DiscardHandler),
		Timeout:   time.Minute, // a busy machine is no store that hangs
		Directory: sessionctx.Static{"demoshop": {Sites: []defaults.Site{{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}}}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	mw, err := middleware.New(middleware.Config{
		Resolver: resolver, Tenant: middleware.Tenant("demoshop"),
		Identify: func(*http.Request) (sessionctx.Identity, error) { return sessionctx.Identity{}, identity },
	})
	require.NoError(t, err)
	api, err := rest.New(rest.Config{Resolver: resolver, Middleware: mw, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	policy := func(fail middleware.ErrorPolicy) func(error) *httptest.ResponseRecorder {
		return func(err error) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			fail(w, httptest.NewRequest(http.MethodGet, "/", nil), err, nil)
			return w
		}
	}
	return map[string]func(error) *httptest.ResponseRecorder{
		"middleware": policy(middleware.Fail),
		"downstream": policy(downstream.Fail),
		"rest": func(err error) *httptest.ResponseRecorder {
			identity = err
			w := httptest.NewRecorder()
			api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/session-context/demoshop/me/context", nil))
			return w
		},
	}
}

func TestOf_EachErrorHasOneStatusEverywhere(t *testing.T) {
	invalid := &defaults.Rejection{Field: defaults.FieldCurrency, Value: "XYZ", Reason: defaults.ReasonUnknownCode}
	input := &sessionctx.InputError{Field: "cartId", Rule: "must be printable text"}
	large := &sessionctx.InputError{Field: "context", Rule: "has at most 7 bytes", Size: true}
	coding := &sessionctx.InputError{Field: "Content-Encoding", Value: "gzip", Rule: "must not be compressed"}
	header := &sessionctx.InputError{Field: "Content-Type", Value: "text/plain", Rule: "must be a form"}
	answers := policies(t)
	for _, tc := range []struct {
		desc   string
		err    error
		class  failure.Class
		status int
	}{
		{"bad credentials", middleware.ErrUnauthenticated, failure.Unauthenticated, 401},
		{"credentials without a session", middleware.ErrNoSession, failure.NoSession, 401},
		{"another tenant's credentials", middleware.ErrWrongTenant, failure.WrongTenant, 403},
		{"another site's form", middleware.ErrCrossSite, failure.CrossSite, 403},
		{"no such tenant", sessionctx.ErrUnknownTenant, failure.UnknownTenant, 404},
		{"no such session", sessionctx.ErrNotFound, failure.NotFound, 404},
		{"a conflict", sessionctx.ErrConflict, failure.Conflict, 409},
		{"a conflict with its revision", &sessionctx.ConflictError{}, failure.Conflict, 409},
		{"a value that cannot be chosen", invalid, failure.Malformed, 400},
		{"a malformed value", input, failure.Malformed, 400},
		{"a value that is too large", large, failure.TooLarge, 413},
		{"a body of another media type", header, failure.MediaType, 415},
		{"a compressed body", coding, failure.Coding, 415},
		{"a compressed body of another media type", errors.Join(coding, header), failure.MediaType, 415},
		{"too large and malformed", errors.Join(large, input), failure.Malformed, 400},
		{"too large and not offered", errors.Join(large, errors.Join(invalid)), failure.Malformed, 400},
		{"too large twice", errors.Join(large, large), failure.TooLarge, 413},
		{"store or directory down", sessionctx.ErrUnavailable, failure.Unavailable, 503},
		{"store full", sessionctx.ErrFull, failure.Unavailable, 503},
		{"shutting down", sessionctx.ErrClosed, failure.Unavailable, 503},
		{"the client has gone away", context.Canceled, failure.Unavailable, 503},
		{"out of time", context.DeadlineExceeded, failure.Unavailable, 503},
		{"outcome unknown", sessionctx.ErrUnknownOutcome, failure.UnknownOutcome, 503},
		{"outcome unknown, whatever the store said", fmt.Errorf("%w: %w", sessionctx.ErrUnknownOutcome, sessionctx.ErrNotFound), failure.UnknownOutcome, 503},
		{"not supported", errors.ErrUnsupported, failure.Unsupported, 501},
		{"anything else", io.ErrUnexpectedEOF, failure.Internal, 500},
		{"credentials before the store", errors.Join(sessionctx.ErrUnavailable, middleware.ErrUnauthenticated), failure.Unauthenticated, 401},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for _, err := range []error{tc.err, fmt.Errorf("db-7.internal: %w", tc.err)} {
				assert.Equal(t, tc.class, failure.Of(err))
				assert.Equal(t, tc.status, failure.Of(err).Status())
				for name, answer := range answers {
					w := answer(err)
					assert.Equal(t, tc.status, w.Code, name)
					assert.Equal(t, tc.class == failure.Unavailable, w.Header().Get("Retry-After") == failure.RetryAfter, name)
					assert.Equal(t, tc.status == 401, w.Header().Get("WWW-Authenticate") != "", name)
					assert.Equal(t, tc.class == failure.Coding, w.Header().Get("Accept-Encoding") != "", name)
					assert.Equal(t, "private, no-store", w.Header().Get("Cache-Control"), name)
					assert.NotContains(t, w.Body.String(), "db-7", name)
				}
			}
		})
	}
}
