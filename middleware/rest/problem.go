package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/internal/redact"
	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/middleware/internal/failure"
	"github.com/sessionctx/storefront/sessionctx"
)

// The types of problems. A type is a name: there is no page at its path.
const (
	typeAsTheStatus    = "about:blank"
	typeUnknownOutcome = Prefix + "problems/unknown-outcome"
)

// problem is the body of an answer that is an error: RFC 9457, and the members that clients of the
// service know.
type problem struct {
	Type           string   `json:"type"`
	Title          string   `json:"title"`
	Status         int      `json:"status"`
	Detail         string   `json:"detail"`
	Code           int      `json:"code"`    // the status again
	Message        string   `json:"message"` // the detail again
	SessionID      string   `json:"sessionId,omitempty"`
	CurrentVersion *int64   `json:"currentVersion,omitempty"`
	Details        []detail `json:"details,omitempty"`

	header [2]string // one more header of the answer: name and value
}

// detail is one value that was refused.
type detail struct {
	Field   string `json:"field"` // as on the wire
	Message string `json:"message"`
	Type    string `json:"type"`            // the reason again
	Value   string `json:"value,omitempty"` // as it was sent, cut
	Reason  string `json:"reason"`
}

// sentence says what is wrong, for people.
func (d *detail) sentence() string {
	switch d.Reason {
	case reasonRequired:
		return d.Field + " is required."
	case reasonWrongType:
		return d.Field + " has a value of a type or range that it cannot have."
	case reasonTooLarge:
		return d.Field + " is too large."
	case reasonNoSession:
		return "The credentials name no session to write to."
	case reasonNotProven:
		return d.Field + " must be the customer of the token in the header saas-token."
	case reasonAnonymous:
		return d.Field + " cannot be set: the session is one by cookie, and only its shopper can log in."
	}
	return fmt.Sprintf("%s cannot be %q: %s.", d.Field, d.Value, d.Reason)
}

// The reasons of details besides those of package defaults.
const (
	reasonWrongType = "wrongType"
	reasonRequired  = "required"
	reasonTooLarge  = "tooLarge"
	reasonNoSession = "noSession"
	reasonNotProven = "notProven"
	reasonAnonymous = "anonymousSession"
)

// refusal is an error that this package answers with a status of its own.
type refusal struct {
	status  int
	message string
	details []detail
	header  [2]string // one more header of the answer: name and value
}

// Error says what the client is told.
func (e *refusal) Error() string { return fmt.Sprintf("rest: %d: %s", e.status, e.message) }

func badRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, message: message}
}

func forbidden(message string) *refusal {
	return &refusal{status: http.StatusForbidden, message: message}
}

func unauthorized(message, challenge string) *refusal {
	return &refusal{
		status: http.StatusUnauthorized, message: message, header: [2]string{"WWW-Authenticate", challenge},
	}
}

// Challenges: RFC 6750, section 3.
const (
	challenge             = `Bearer realm="session-context"`
	challengeInvalid      = challenge + `, error="invalid_token"`
	challengeInsufficient = challenge + `, error="insufficient_scope", scope="` + manageScope + `"`
)

var (
	errNowhere          = &refusal{status: http.StatusNotFound, message: "There is nothing at this path."}
	errEscape           = badRequest("The path is not UTF-8 with proper percent-encoding.")
	errTenant           = badRequest("The tenant in the path is malformed: it " + tenants.Rule + ".")
	errNoIdentity       = unauthorized("The request has neither a bearer token nor a session cookie.", challenge)
	errNoToken          = unauthorized("This operation needs a bearer token.", challenge)
	errOtherTenant      = forbidden("The tenant in the path is not that of the credentials.")
	errNoSessionToRead  = forbidden("The token names no session.")
	errNoSessionToWrite = newNoSessionToWrite()
	errScope            = &refusal{
		status: http.StatusForbidden, message: "The token lacks the scope " + manageScope + ".",
		header: [2]string{"WWW-Authenticate", challengeInsufficient},
	}
	errCrossOrigin = forbidden("A write from another origin needs a bearer token.")
	errSaasToken   = forbidden("The session is a customer's: the header saas-token must hold a valid token " +
		"of that customer.")
	errCustomerID   = invalidDetails([]detail{{Field: "customerId", Reason: reasonNotProven}})
	errAnonymous    = invalidDetails([]detail{{Field: "customerId", Reason: reasonAnonymous}})
	errVersion      = invalidDetails([]detail{{Field: "metadata.version", Reason: reasonRequired}})
	errPrecondition = &refusal{
		status:  http.StatusPreconditionFailed,
		message: "The session is not the one that If-Match or If-None-Match asks for.",
	}
	errBodyTooLarge = &refusal{status: http.StatusRequestEntityTooLarge, message: "The body is too large."}
	errBodyBroken   = badRequest("The body ended early.")
	errEncoding     = &refusal{
		status: http.StatusUnsupportedMediaType, message: "The body must not be compressed.",
		header: [2]string{"Accept-Encoding", "identity"}, // RFC 9110, section 12.5.3
	}
	errRange = badRequest("A part of a body, as Content-Range says, cannot be written.") // RFC 9110, section 14.5
	errQuery = badRequest("The query is not encoded as application/x-www-form-urlencoded.")
)

// newNoSessionToWrite refuses a write with credentials that name no session.
func newNoSessionToWrite() *refusal {
	d := detail{Field: "Authorization", Reason: reasonNoSession}
	e := unauthorized(d.sentence(), challenge)
	e.details = []detail{d}
	return e
}

// invalidDetails refuses values; the sentence names the first.
func invalidDetails(details []detail) *refusal {
	return &refusal{status: http.StatusBadRequest, details: details, message: details[0].sentence()}
}

func wrongType(field string, raw json.RawMessage) detail {
	return detail{Field: field, Value: cut(string(raw)), Reason: reasonWrongType}
}

// problemFor turns the error of an operation into what the client is told, which says nothing of
// the server's inside.
func problemFor(err error) *problem {
	class := failure.Of(err)
	p := &problem{Type: typeAsTheStatus, Status: class.Status(), Message: "The request cannot be answered."}
	var r *refusal
	switch {
	case class == failure.UnknownOutcome:
		// No Retry-After: some clients would send the write again without a look at the session.
		p.Type = typeUnknownOutcome
		p.Message = "The write may have been applied, or may still be. Get the session before the write is sent again."
	case errors.As(err, &r):
		p.Status, p.Message, p.Details, p.header = r.status, r.message, slices.Clone(r.details), r.header
	case class == failure.NoSession:
		return problemFor(errNoSessionToWrite)
	case class == failure.CrossSite:
		return problemFor(errCrossOrigin)
	case class == failure.Unauthenticated:
		p.Message = "The credentials are not valid, or no longer."
		p.header = [2]string{"WWW-Authenticate", challengeInvalid}
	case class == failure.WrongTenant:
		p.Message = errOtherTenant.message
	case class == failure.UnknownTenant:
		p.Message = "Session not found: there is no such tenant."
	case class == failure.NotFound:
		p.Message = "Session not found."
	case class == failure.Conflict:
		if conflict, ok := errors.AsType[*sessionctx.ConflictError](err); ok {
			p.CurrentVersion = &conflict.Revision.Version
		}
		p.Message = "What this write touches has changed since the version that it is based on. " +
			"Get the session, and try again."
	case class == failure.Malformed, class == failure.MediaType, class == failure.Coding, class == failure.TooLarge:
		p.Details, p.Message = rejections(err)
		if class == failure.Coding {
			p.header = errEncoding.header
		}
	case class == failure.Unavailable:
		p.Message = "The service cannot answer at the moment. Nothing was changed."
		p.header = [2]string{"Retry-After", failure.RetryAfter}
	case class == failure.Internal:
		p.Message = "Something went wrong on the server."
	}
	p.Title, p.Code, p.Detail = problemtype.Title(p.Status), p.Status, p.Message
	for i := range p.Details {
		d := &p.Details[i]
		d.Type = d.Reason
		if d.Message == "" {
			d.Message = d.sentence()
		}
	}
	return p
}

// rejections collects the values that were refused, from all the errors that are joined in err. The
// sentence is about the first one.
func rejections(err error) (details []detail, sentence string) {
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) {
		case *defaults.Rejection:
			d := detail{Field: fieldNames[e.Field], Value: cut(e.Value), Reason: e.Reason.String()}
			d.Message = d.sentence()
			details = append(details, d)
		case *sessionctx.InputError:
			d := detail{Field: e.Field, Value: cut(e.Value), Reason: defaults.ReasonMalformed.String(), Message: e.Field + ": " + e.Rule + "."}
			if e.Size {
				d.Reason = reasonTooLarge
			}
			details = append(details, d)
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				walk(err)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	return details, details[0].Message
}

// fail answers with an error.
func (x *exchange) fail(err error) {
	p := problemFor(err)
	p.SessionID = x.sessionID()
	if p.header[0] != "" {
		x.w.Header().Set(p.header[0], p.header[1])
	}
	if p.Status == http.StatusInternalServerError || p.Status == http.StatusNotImplemented {
		x.log.LogAttrs(x.r.Context(), slog.LevelError, "rest: answered "+strconv.Itoa(p.Status),
			slog.String("method", x.r.Method), slog.Any("error", redact.Error(err, x.secrets()...)))
	}
	x.write(p.Status, problemtype.For(x.r.Header), p)
}

// secrets returns the texts of the request that no log may repeat. The host's own errors may quote
// them.
func (x *exchange) secrets() []string {
	secrets := []string{x.req.SessionID, x.req.CustomerID, x.to.sessionID}
	for _, name := range [...]string{"Authorization", "Saas-Token"} {
		for _, v := range x.r.Header[name] {
			_, token, _ := strings.Cut(v, " ")
			secrets = append(secrets, v, strings.TrimSpace(token))
		}
	}
	for _, c := range x.r.Cookies() {
		secrets = append(secrets, c.Value)
	}
	return secrets
}

// write answers with a JSON document.
func (x *exchange) write(status int, contentType string, v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // nosniff, and no type that a browser would run
	if err := enc.Encode(v); err != nil {
		x.log.LogAttrs(x.r.Context(), slog.LevelError, "rest: cannot encode the answer", slog.Any("error", err))
		x.w.WriteHeader(http.StatusInternalServerError)
		return
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	header := x.w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // that a client has gone away is no error
}

// cut shortens hostile input for an answer.
func cut(s string) string {
	const most = 64
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	for n := most; ; n-- {
		if utf8.RuneStart(s[n]) {
			return strings.ToValidUTF8(s[:n], "\uFFFD")
		}
	}
}
