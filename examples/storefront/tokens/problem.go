package tokens

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// problem is an error as it is answered: a document of RFC 9457 that also has the members of the
// service.
type problem struct {
	Type    string   `json:"type"`
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail"`
	Code    int      `json:"code"`
	Message string   `json:"message"`
	Details []detail `json:"details,omitempty"`

	challenge      string // WWW-Authenticate
	acceptEncoding string // Accept-Encoding: RFC 9110, section 15.5.16
	retryAfter     time.Duration
}

type detail struct {
	Field   string `json:"field"`
	Message string `json:"message"`
	Type    string `json:"type"` // the reason again
	Value   string `json:"value,omitempty"`
	Reason  string `json:"reason"`
}

func (p *problem) Error() string { return "tokens: " + p.Detail }

func (p *problem) headers(h http.Header) {
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.acceptEncoding != "" {
		h.Set("Accept-Encoding", p.acceptEncoding)
	}
	setRetryAfter(h, p.retryAfter)
}

// setRetryAfter rounds up: a client that comes back then is not early.
func setRetryAfter(h http.Header, d time.Duration) {
	if d > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10))
	}
}

func badRequest(text string) *problem {
	return &problem{Status: http.StatusBadRequest, Detail: text}
}

func malformed(field, reason, text string) *problem {
	p := badRequest(text)
	p.Details = []detail{{Field: cut(field), Reason: reason}}
	return p
}

// busyRetry is how long a client is asked to wait for what is not to be had now.
const busyRetry = 5 * time.Second

// Challenges (RFC 6750, section 3): for a token that is not accepted, and where there is none.
const (
	invalidToken = `Bearer error="invalid_token"`
	needsToken   = `Bearer`
)

// typeUnknownOutcome is the type of the same problem in package rest. It has no Retry-After there
// and here.
const typeUnknownOutcome = "/session-context/problems/unknown-outcome"

// problemOf says what an error is to a client, and no more.
func problemOf(err error) *problem {
	p := classify(err)
	p.Type, p.Title = cmp.Or(p.Type, "about:blank"), problemtype.Title(p.Status)
	p.Code, p.Message = p.Status, p.Detail
	p.Details = slices.Clone(p.Details)
	for i := range p.Details {
		p.Details[i].Type, p.Details[i].Message = p.Details[i].Reason, p.Detail
	}
	return &p
}

func classify(err error) problem {
	var known *problem
	var limited *LimitedError
	if errors.Is(err, sessionctx.ErrUnknownOutcome) { // before what its cause says
		return problem{
			Type: typeUnknownOutcome, Status: http.StatusServiceUnavailable,
			Detail: "The request may have been applied, or may still be. Look at the session first.",
		}
	}
	if details := refusals(err); len(details) > 0 {
		d := details[0]
		return problem{Status: http.StatusBadRequest, Details: details, Detail: fmt.Sprintf("%s %q cannot be taken: %s.", d.Field, d.Value, d.Reason)}
	}
	switch {
	case errors.As(err, &known):
		return *known
	case errors.As(err, &limited):
		return problem{Status: http.StatusTooManyRequests, Detail: "There were too many failed attempts.", retryAfter: limited.RetryAfter}
	case errors.Is(err, ErrCredentials):
		return problem{Status: http.StatusUnauthorized, Detail: "E-mail address or password is wrong.", challenge: needsToken}
	case errors.Is(err, middleware.ErrUnauthenticated):
		return problem{Status: http.StatusUnauthorized, Detail: "The token is not valid.", challenge: invalidToken}
	case errors.Is(err, middleware.ErrWrongTenant):
		return problem{Status: http.StatusForbidden, Detail: "The token is another tenant's."}
	case errors.Is(err, sessionctx.ErrUnknownTenant):
		return problem{Status: http.StatusNotFound, Detail: "The tenant was not found."}
	case errors.Is(err, sessionctx.ErrConflict):
		return problem{Status: http.StatusConflict, Detail: "The session has changed meanwhile. Try again."}
	case errors.Is(err, sessionctx.ErrNotFound):
		return problem{Status: http.StatusNotFound, Detail: "The session was not found: it has ended, or is not this token's."}
	case errors.Is(err, sessionctx.ErrUnavailable), errors.Is(err, sessionctx.ErrFull), errors.Is(err, sessionctx.ErrClosed), errors.Is(err, errBusy),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem{Status: http.StatusServiceUnavailable, Detail: "Sessions are not available at the moment.", retryAfter: busyRetry}
	default:
		return problem{Status: http.StatusInternalServerError, Detail: "Something went wrong here."}
	}
}

// wireNames are the fields as clients name them.
var wireNames = [defaults.NumFields]string{
	defaults.FieldSite: "siteCode", defaults.FieldCurrency: "currency", defaults.FieldCountry: "targetLocation", defaults.FieldLanguage: "language",
}

// refusals are the values within err that cannot be taken.
func refusals(err error) (details []detail) {
	switch e := err.(type) {
	case *defaults.Rejection:
		return []detail{{Field: wireNames[e.Field], Value: cut(e.Value), Reason: e.Reason.String()}}
	case interface{ Unwrap() []error }:
		for _, joined := range e.Unwrap() {
			details = append(details, refusals(joined)...)
		}
	case interface{ Unwrap() error }:
		return refusals(e.Unwrap())
	}
	return details
}

// cut shortens what somebody sent before it is sent back.
func cut(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
