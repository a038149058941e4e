package rest

import (
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// manageScope is what a token must grant for the operations on sessions that are not its own.
const manageScope = "sessioncontext.context_manage"

// Handler serves the interface at its full paths, /session-context/{tenant}/..., on any mux.
// It is safe for concurrent use by multiple goroutines.
type Handler struct {
	resolver *sessionctx.Resolver
	mw       *middleware.Middleware
	scopes   func(*http.Request) (tenant, scopes string, err error)
	saas     func(tenant, token string) (string, error)
	cross    *http.CrossOriginProtection
	origins  origins
	maxBody  int64
	maxDepth int
	log      *slog.Logger
}

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w   http.ResponseWriter
	r   *http.Request
	to  target
	req sessionctx.Request // the zero Request until it is known who is asking
}

// operation answers a request, or returns an error with nothing answered yet.
type operation func(*exchange) error

// operations are those of each resource; HEAD is a GET whose body net/http drops.
var operations = [numResources]struct {
	allow   string
	methods map[string]operation
}{
	document: {"GET, HEAD", map[string]operation{
		"GET": (*exchange).describe, "HEAD": (*exchange).describe,
	}},
	ownContext: {"GET, HEAD, PATCH", map[string]operation{
		"GET": (*exchange).show, "HEAD": (*exchange).show, "PATCH": (*exchange).merge,
	}},
	ownAttributes: {"POST", map[string]operation{"POST": (*exchange).addAttribute}},
	ownAttribute:  {"DELETE", map[string]operation{"DELETE": (*exchange).removeAttribute}},
	anyContext: {"GET, HEAD, PUT", map[string]operation{
		"GET": (*exchange).show, "HEAD": (*exchange).show, "PUT": (*exchange).replace,
	}},
	anyAttributes: {"POST", map[string]operation{"POST": (*exchange).addAttribute}},
	anyAttribute:  {"DELETE", map[string]operation{"DELETE": (*exchange).removeAttribute}},
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "private, no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if h.origins.answer(w, r) {
		return
	}
	x := &exchange{Handler: h, w: w, r: r}
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

func (x *exchange) serve() (err error) {
	if x.to, err = parseTarget(x.r.URL.EscapedPath()); err != nil {
		return err
	}
	ops := operations[x.to.resource]
	op, ok := ops.methods[x.r.Method]
	if !ok {
		return &refusal{
			status: http.StatusMethodNotAllowed, message: "This resource does not know the method.",
			header: [2]string{"Allow", ops.allow},
		}
	}
	if x.to.resource == document {
		return op(x)
	}
	if err := x.identify(); err != nil {
		return err
	}
	if !x.reads() {
		if err := x.admitWrite(); err != nil {
			return err
		}
	}
	return op(x)
}

// identify says who is asking, and whether they may.
func (x *exchange) identify() error {
	req, err := x.mw.Request(x.r)
	if err != nil {
		return err
	}
	own := x.to.resource.own()
	hostLogin := own && req.HostLogin && req.CustomerID != ""
	if hostLogin && x.reads() {
		if err := x.bind(&req); err != nil {
			return err
		}
	}
	var tenant, scopes string // of the token; read for other sessions alone
	if !own {
		if tenant, scopes, err = x.scopes(x.r); err != nil {
			return err
		}
	}
	switch {
	case hostLogin && req.SessionID == "" && x.reads() && req.Tenant == x.to.tenant:
		return sessionctx.ErrNotFound // the customer is known, and has no session yet
	case hostLogin && req.Tenant == x.to.tenant:
		x.req = req
		return nil
	case own && req.SessionID == "" && !x.reads() && len(x.r.Header["Authorization"]) > 0 && req.Tenant == x.to.tenant:
		return errNoSessionToWrite
	case own && req.SessionID == "" && (req.Proof == sessionctx.BySecret || !x.hasBearerToken()):
		return errNoIdentity
	case !own && tenant == "" && !x.hasBearerToken():
		return errNoToken
	case req.Tenant != x.to.tenant, tenant != "" && tenant != x.to.tenant:
		return errOtherTenant
	case own && req.SessionID == "":
		return errNoSessionToRead
	case own:
		x.req = req
		return nil
	case tenant == "" || !slices.Contains(strings.Split(scopes, " "), manageScope):
		return errScope
	}
	// Neither request site nor hints: they would be the operator's and not the shopper's.
	x.req.Identity = sessionctx.Identity{
		Tenant: x.to.tenant, SessionID: x.to.sessionID, Proof: sessionctx.Management,
	}
	return nil
}

// bind makes the guest's session that the request of a customer names the customer's, as on a page.
// req then names that session. While the store is down it names what the cookies name: nobody knows
// that there is no such session.
func (x *exchange) bind(req *sessionctx.Request) (err error) {
	if x.r, err = x.mw.Attach(x.w, x.r); err != nil {
		return err
	}
	switch s, _ := sessionctx.FromContext(x.r.Context()); {
	case s.ID != "":
		req.SessionID, req.GuestID = s.ID, ""
	case s.Degraded && req.SessionID == "":
		req.SessionID, req.GuestID = req.GuestID, ""
	}
	return nil
}

// reads reports whether the request changes nothing.
func (x *exchange) reads() bool {
	return x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
}

// hasBearerToken reports whether the request carries a bearer token, which no browser sends by
// itself.
func (x *exchange) hasBearerToken() bool {
	for _, v := range x.r.Header["Authorization"] {
		if scheme, _, _ := strings.Cut(v, " "); strings.EqualFold(scheme, "Bearer") {
			return true
		}
	}
	return false
}

// admitWrite refuses the writes that another site makes a browser send, and those that are not
// JSON.
func (x *exchange) admitWrite() error {
	byItself := x.req.Proof == sessionctx.BySecret || !x.hasBearerToken()
	if byItself && x.cross.Check(x.r) != nil {
		return errCrossOrigin
	}
	if x.r.Method == http.MethodDelete {
		return nil // no body, and nothing that a form could send
	}
	for _, line := range x.r.Header["Content-Encoding"] {
		if line = strings.TrimSpace(line); line != "" && !strings.EqualFold(line, "identity") {
			return errEncoding
		}
	}
	if len(x.r.Header["Content-Range"]) > 0 {
		return errRange
	}
	contentType := x.r.Header.Get("Content-Type")
	if contentType == "" && !byItself {
		return nil
	}
	if len(x.r.Header["Content-Type"]) > 1 {
		contentType = "" // RFC 9110, section 5.3: two readers could take two of them
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if errors.Is(err, mime.ErrInvalidMediaParameter) {
		err = nil
	}
	if err == nil && (mediaType == "application/json" || mediaType == "application/merge-patch+json") {
		return nil
	}
	name := "Accept"
	if x.r.Method == http.MethodPatch {
		name = "Accept-Patch"
	}
	return &refusal{
		status:  http.StatusUnsupportedMediaType,
		message: "The body must be application/json or application/merge-patch+json.",
		header:  [2]string{name, "application/merge-patch+json, application/json"},
	}
}

// body reads the body of the request.
func (x *exchange) body() ([]byte, error) {
	if x.r.ContentLength > x.maxBody {
		return nil, errBodyTooLarge // and a client that waits for 100 sends none: RFC 9110, section 10.1.1
	}
	b, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, x.maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, errBodyTooLarge
	case err != nil:
		return nil, errBodyBroken
	}
	return b, nil
}

// flag reads a query parameter that is true or false. What two readers could read as two different
// things is refused: a query that is not properly encoded, such as one with ";", and a name that is
// there twice.
func (x *exchange) flag(name string) (bool, error) {
	query, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return false, errQuery
	}
	values := query[name]
	switch {
	case len(values) > 1:
		return false, badRequest("The query parameter " + name + " is there more than once.")
	case len(values) == 0 || values[0] == "" || values[0] == "false":
		return false, nil
	case values[0] == "true":
		return true, nil
	}
	return false, invalidDetails([]detail{{Field: name, Value: cut(values[0]), Reason: reasonWrongType}})
}

// sessionID returns the id to show in an answer. It is empty for a session by secret: whoever knows
// that id is the shopper, and the cookie hides it from scripts.
func (x *exchange) sessionID() string {
	if x.req.Proof == sessionctx.BySecret {
		return ""
	}
	return x.req.SessionID
}
