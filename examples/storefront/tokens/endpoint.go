package tokens

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
)

const maxBody = 8 << 10 // bytes

// endpoint returns the handler that writes what answerTo returns: the answer as JSON, 204 for none,
// or the error. A method other than the given one is 405.
func (is *Issuer) endpoint(method string, answerTo func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Pragma", "no-cache")                // RFC 6749, section 5.1
		h.Set("Referrer-Policy", "no-referrer")    // a query holds tokens
		h.Set("X-Content-Type-Options", "nosniff") // what was sent may be in an error
		if method != "" && r.Method != method {
			h.Set("Allow", method)
			is.refuse(w, r, &problem{Status: http.StatusMethodNotAllowed, Detail: "The method must be " + method + "."})
			return
		}
		answer, err := answerTo(r)
		switch {
		case err != nil:
			is.refuse(w, r, err)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			is.write(w, r, http.StatusOK, "application/json", answer)
		}
	}
}

// refuse answers an error.
func (is *Issuer) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var oauth *oauthError
	if errors.As(err, &oauth) {
		oauth.headers(w.Header())
		is.write(w, r, oauth.status, "application/json", oauth)
		return
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		is.logger.LogAttrs(r.Context(), slog.LevelError, "tokens: request failed", slog.Int("status", p.Status), slog.Any("error", err))
	}
	p.headers(w.Header())
	is.write(w, r, p.Status, problemtype.For(r.Header), p)
}

func (is *Issuer) write(w http.ResponseWriter, r *http.Request, status int, mediaType string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		is.logger.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "tokens: answer not encoded", slog.Any("error", err))
		status, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone
}

func notFound(*http.Request) (any, error) {
	return nil, &problem{Status: http.StatusNotFound, Detail: "There is nothing here."}
}

// tenant checks a tenant that a request names.
func (is *Issuer) tenant(r *http.Request, name string) error {
	if !tenants.Valid(name) {
		return malformed("tenant", "malformed", "The tenant must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters.")
	}
	_, err := is.files.Sites(r.Context(), name)
	return err
}

// parameters returns those of a query or form. An empty one counts as absent, and one that is there
// twice is a mistake (RFC 6749, section 3.1).
func parameters(encoded string) (map[string]string, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, badRequest("The parameters are not encoded as application/x-www-form-urlencoded.")
	}
	p := make(map[string]string, len(values))
	for name, v := range values {
		if len(v) > 1 {
			return nil, malformed(name, "repeated", "A parameter must not be there more than once.")
		}
		p[name] = v[0]
	}
	return p, nil
}

// required are the parameters of a query, of which the named ones must be there.
func required(r *http.Request, names ...string) (map[string]string, error) {
	p, err := parameters(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	return p, present(p, names...)
}

// present refuses parameters of which a named one is missing.
func present(p map[string]string, names ...string) error {
	for _, name := range names {
		if p[name] == "" {
			return malformed(name, "missing", "A required parameter is missing.")
		}
	}
	return nil
}

// body returns the body of a request of that media type.
func body(r *http.Request, mediaType string) ([]byte, error) {
	for _, line := range r.Header["Content-Encoding"] {
		if line = strings.TrimSpace(line); line != "" && !strings.EqualFold(line, "identity") {
			return nil, &problem{Status: http.StatusUnsupportedMediaType, Detail: "The body must not be compressed.", acceptEncoding: "identity"}
		}
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != mediaType || len(r.Header["Content-Type"]) > 1 {
		return nil, &problem{Status: http.StatusUnsupportedMediaType, Detail: "The body must be " + mediaType + "."}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, badRequest("The body could not be read.")
	case len(b) > maxBody:
		return nil, &problem{Status: http.StatusRequestEntityTooLarge, Detail: "The body is larger than 8 KiB."}
	}
	return b, nil
}

// shopper returns what a verified token says, if it is one of a session of the tenant.
func shopper(c bearer.Claims, err error, tenant string) (bearer.Claims, error) {
	switch {
	case err != nil:
		return bearer.Claims{}, err
	case c.Identity.Tenant != tenant:
		return bearer.Claims{}, middleware.ErrWrongTenant
	case c.Identity.SessionID == "":
		return bearer.Claims{}, errNoShopper
	}
	return c, nil
}

// errNoShopper: a service's token where a shopper's is needed.
var errNoShopper = &problem{Status: http.StatusForbidden, Detail: "The token is not a shopper's."}
