package downstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/internal/failure"
)

const noStore = "private, no-store"

// The reasons why a token does not count, besides those of package bearer.
var (
	errMissing   = unauthenticated("the request has no " + Header + " header")
	errMalformed = unauthenticated("the token is malformed")
	errIssuer    = unauthenticated("the token is of another issuer")
	errAudiences = unauthenticated("the token is for a list of audiences: it must be for one")
	errIssuedAt  = unauthenticated("the token does not say when it was issued, or is not valid yet")
	errLifetime  = unauthenticated(fmt.Sprintf("the token is valid for more than %v", lifetime))
	errTwice     = badContent("the request has more than one " + Header + " header")
	errTooLarge  = &refusal{
		http.StatusRequestHeaderFieldsTooLarge, fmt.Sprintf("the %s header has more than %d bytes", Header, maxToken),
	}
)

func unauthenticated(reason string) error {
	return fmt.Errorf("downstream: %w: %s", middleware.ErrUnauthenticated, reason)
}

func badContent(reason string) error { return &refusal{http.StatusBadRequest, reason} }

// refusal is an error with a status of its own.
type refusal struct {
	status int
	reason string
}

// Error says what is wrong with the request.
func (e *refusal) Error() string { return "downstream: " + e.reason }

// Fail is the middleware.ErrorPolicy that answers every error with a problem, the JSON object of
// RFC 9457. It is the default of VerifierConfig.OnError; next is not used and may be nil.
//
//	400  more than one header; a session that cannot be read, such as a later version of it
//	401  middleware.ErrUnauthenticated, with WWW-Authenticate: Session-Context
//	404  sessionctx.ErrNotFound, sessionctx.ErrUnknownTenant
//	431  a header of more than 8000 bytes
//	503  sessionctx.ErrUnavailable, sessionctx.ErrClosed, the end of a context; with Retry-After
//	500  everything else that a Verifier reports
//
// The other errors that middleware.Fail knows have the status that they have there.
//
// The detail of a problem says the reason for 400, 401 and 431, and no id or attribute of the
// token. The response is not to be stored.
func Fail(w http.ResponseWriter, _ *http.Request, err error, _ http.Handler) {
	class := failure.Of(err)
	p := problem{Type: "about:blank", Status: class.Status(), Detail: "The request cannot be answered."}
	h := w.Header()
	switch refused, ok := errors.AsType[*refusal](err); {
	case ok:
		p.Status, p.Detail = refused.status, sentence(refused.reason)
	case class == failure.Unauthenticated, class == failure.NoSession:
		p.Detail = "The credentials are not valid."
		if _, reason, ok := strings.Cut(err.Error(), middleware.ErrUnauthenticated.Error()+": "); ok && reason != "" {
			p.Detail = sentence(reason)
		}
		h.Set("WWW-Authenticate", Header)
	case class == failure.NotFound:
		p.Detail = "The session has ended."
	case class == failure.UnknownTenant:
		p.Detail = "There is no such tenant."
	case class == failure.Coding:
		h.Set("Accept-Encoding", "identity") // RFC 9110, section 12.5.3
	case class == failure.Unavailable:
		p.Detail = "The session cannot be resolved at the moment."
		h.Set("Retry-After", failure.RetryAfter)
	case class == failure.Internal:
		p.Detail = "Something went wrong on the server."
	}
	p.Title = problemtype.Title(p.Status)
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // four texts and a number
	}
	h.Set("Cache-Control", noStore)
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // that a client has gone away is no error
}

// sentence makes a sentence of the reason of an error.
func sentence(reason string) string { return strings.ToUpper(reason[:1]) + reason[1:] + "." }

// problem is the body of an answer that is an error.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}
