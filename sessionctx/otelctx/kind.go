package otelctx

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"

	"github.com/sessionctx/storefront/sessionctx"
)

// kind is how a call ended, as far as it is reported: one of few, so that time series are few.
type kind int

// Calls without an error come first. A call that is no resolve ends as missComplete.
const (
	missComplete kind = iota
	missDegraded
	missProfile
	hitComplete
	hitDegraded // of a session that is not its customer's yet
	hitProfile
	firstError
)

const numKinds = int(firstError) + 10

// failures are the errors that are told apart, in the order in which they are looked for. Answers
// are no failures of a span: they are what a caller may expect of a system that works.
var failures = [numKinds - int(firstError)]struct {
	err    error
	name   string
	answer bool
}{
	{sessionctx.ErrNotFound, "not_found", true},
	{sessionctx.ErrConflict, "conflict", true},
	{sessionctx.ErrUnknownTenant, "unknown_tenant", true},
	{sessionctx.ErrUnknownOutcome, "unknown_outcome", false},
	{sessionctx.ErrFull, "full", false},
	{sessionctx.ErrClosed, "closed", false},
	{context.DeadlineExceeded, "timeout", false},
	{context.Canceled, "canceled", true},
	{sessionctx.ErrUnavailable, "unavailable", false},
	{nil, other, false},
}

func kindOf(op *operation, o sessionctx.Outcome) kind {
	switch {
	case o.Err != nil:
		for i, f := range failures {
			if f.err == nil || errors.Is(o.Err, f.err) {
				return firstError + kind(i)
			}
		}
	case op.name != "":
	case o.Cached && o.Degraded:
		return hitDegraded
	case o.Cached && o.ProfileMissing:
		return hitProfile
	case o.Cached:
		return hitComplete
	case o.Degraded:
		return missDegraded
	case o.ProfileMissing:
		return missProfile
	}
	return missComplete
}

// errorType returns error.type, empty without an error.
func (k kind) errorType() string {
	if k < firstError {
		return ""
	}
	return failures[k-firstError].name
}

// failed says that something is broken.
func (k kind) failed() bool { return k >= firstError && !failures[k-firstError].answer }

// attributes returns those of the call, without the tenant.
func (k kind) attributes(op *operation) []attribute.KeyValue {
	attrs := make([]attribute.KeyValue, 0, 4) // with room for the tenant
	if op.name != "" {
		attrs = append(attrs, operationKey.String(op.name))
	} else if k == hitComplete || k == hitDegraded || k == hitProfile {
		attrs = append(attrs, cacheKey.String("hit"))
	} else {
		attrs = append(attrs, cacheKey.String("miss"))
	}
	switch {
	case k >= firstError:
		return append(attrs, errorKey.String(k.errorType()))
	case op.name != "":
		return attrs
	case k == missDegraded, k == hitDegraded:
		return append(attrs, resultKey.String("degraded"))
	case k == missProfile, k == hitProfile:
		return append(attrs, resultKey.String("profile_missing"))
	}
	return append(attrs, resultKey.String("complete"))
}
