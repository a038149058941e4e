package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestProblem_EveryErrorHasOneAnswer(t *testing.T) {
	large := &sessionctx.InputError{Field: "context", Rule: "a session has at most 2 attributes", Size: true}
	form := &sessionctx.InputError{Field: "cartId", Value: "\xff" + strings.Repeat("x", 99), Rule: "must be printable text"}
	invalid := &defaults.Rejection{Field: defaults.FieldCountry, Value: "EU", Reason: defaults.ReasonUnknownCode}
	wrap := func(err error) error { return fmt.Errorf("inside db-7: %w", err) }
	cases := []struct {
		desc    string
		err     error
		status  int
		details []string
	}{
		{"not found", wrap(sessionctx.ErrNotFound), 404, nil},
		{"unknown tenant", wrap(sessionctx.ErrUnknownTenant), 404, nil},
		{"unauthenticated", wrap(middleware.ErrUnauthenticated), 401, nil},
		{"wrong tenant", wrap(middleware.ErrWrongTenant), 403, nil},
		{"conflict", wrap(&sessionctx.ConflictError{Revision: sessionctx.Revision{Incarnation: 1, Version: 7}}), 409, nil},
		{"unavailable", wrap(sessionctx.ErrUnavailable), 503, nil},
		{"unknown outcome", wrap(sessionctx.ErrUnknownOutcome), 503, nil},
		{"unknown outcome, because the client has gone", fmt.Errorf("%w: %w", sessionctx.ErrUnknownOutcome, context.Canceled), 503, nil},
		{"unknown outcome, whatever the store said", fmt.Errorf("%w: %w", sessionctx.ErrUnknownOutcome, sessionctx.ErrNotFound), 503, nil},
		{"full", wrap(sessionctx.ErrFull), 503, nil},
		{"closed", wrap(sessionctx.ErrClosed), 503, nil},
		{"gone", wrap(context.Canceled), 503, nil},
		{"too late", wrap(context.DeadlineExceeded), 503, nil},
		{"anything else", wrap(errors.New("x")), 500, nil},
		{"one value", wrap(invalid), 400, []string{"targetLocation EU unknownCode"}},
		{"one limit", wrap(large), 413, []string{"context  tooLarge"}},
		{"several limits", wrap(errors.Join(large, wrap(large))), 413, []string{"context  tooLarge", "context  tooLarge"}},
		{"a limit and a form", errors.Join(large, form), 400, []string{"context  tooLarge", "cartId \uFFFD" + strings.Repeat("x", 63) + " malformed"}},
		{"values and a limit", wrap(errors.Join(errors.Join(invalid, invalid), large)), 400, []string{"targetLocation EU unknownCode", "targetLocation EU unknownCode", "context  tooLarge"}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			body, status := rest.ProblemFor(tc.err)
			assert.Equal(t, tc.status, status)
			assert.NotContains(t, string(body), "db-7")
			var p problem
			require.NoError(t, json.Unmarshal(body, &p))
			wantType := "about:blank"
			if errors.Is(tc.err, sessionctx.ErrUnknownOutcome) {
				wantType = unknownOutcome
			}
			assert.Equal(t, wantType, p.Type)
			var details []string
			for _, d := range p.Details {
				details = append(details, d["field"]+" "+d["value"]+" "+d["reason"])
			}
			assert.Equal(t, tc.details, details)
			if tc.status == 409 {
				assert.Equal(t, int64(7), *p.CurrentVersion)
			}
		})
	}
}
