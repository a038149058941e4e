package shop

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/sessionctx/storefront/examples/storefront/wording"
	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// failurePage says that something did not work.
type failurePage struct {
	view
	Texts []string
	Ended bool // offers to go on as a new visitor
	Plain bool // there is no session to show
}

// retryAfter, in seconds, is longer than a store is waited for.
const retryAfter = "5"

// fail answers with a failure of which wording says key and key.text.
func (s *Shop) fail(w http.ResponseWriter, r *http.Request, code int, key string) {
	v := s.view(r)
	v.Title = v.Text(key)
	s.show(w, r, code, "page-failure.html", failurePage{view: v, Texts: []string{v.Text(key + ".text")}, Ended: key == "ended"})
}

// failForm answers for a form that could not be read.
func (s *Shop) failForm(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusBadRequest
	input, _ := errors.AsType[*sessionctx.InputError](err)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || input != nil && input.Size {
		code = http.StatusRequestEntityTooLarge
	} else if errors.Is(err, errCompressed) {
		code = http.StatusUnsupportedMediaType
		w.Header().Set("Accept-Encoding", "identity") // RFC 9110, section 12.5.3; another 415 must not have it
	} else if errors.Is(err, errNoForm) {
		code = http.StatusUnsupportedMediaType
	}
	s.fail(w, r, code, "rejected-request")
}

// failed answers for a write that failed.
func (s *Shop) failed(w http.ResponseWriter, r *http.Request, err error) {
	var limit *sessionctx.InputError
	switch {
	case errors.Is(err, sessionctx.ErrUnknownOutcome):
		s.unavailable(w, r, "unavailable.unknown", err)
	case errors.Is(err, sessionctx.ErrNotFound):
		s.fail(w, r, http.StatusGone, "ended")
	case isUnavailable(err):
		s.unavailable(w, r, "unavailable.nothing", err)
	case errors.Is(err, middleware.ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 15.5.2
		s.fail(w, r, http.StatusUnauthorized, "rejected-request")
	case errors.As(err, &limit): // the session is full of what the shopper has written by the interface
		s.fail(w, r, http.StatusRequestEntityTooLarge, "rejected-request")
	case errors.Is(err, sessionctx.ErrConflict):
		s.fail(w, r, http.StatusConflict, "rejected-request")
	default:
		s.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "shop: write failed", slog.Any("error", err))
		s.fail(w, r, http.StatusInternalServerError, "rejected-request")
	}
}

// isUnavailable reports whether nobody could be asked, or in time, and nothing was written.
func isUnavailable(err error) bool {
	return errors.Is(err, sessionctx.ErrUnavailable) || errors.Is(err, sessionctx.ErrFull) || errors.Is(err, sessionctx.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// unavailable says whether anything was saved, and whether to try again.
func (s *Shop) unavailable(w http.ResponseWriter, r *http.Request, key string, cause error) {
	s.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "shop: unavailable", slog.Any("error", cause))
	v := s.view(r)
	v.Title = v.Text("unavailable")
	texts := []string{v.Text(key)}
	if !errors.Is(cause, sessionctx.ErrUnknownOutcome) { // the shopper must look first
		w.Header().Set("Retry-After", retryAfter)
		texts = append(texts, v.Text("unavailable.text"))
	}
	s.show(w, r, http.StatusServiceUnavailable, "page-failure.html", failurePage{view: v, Texts: texts})
}

// nothing answers for a path at which there is nothing.
func (s *Shop) nothing(w http.ResponseWriter, r *http.Request) {
	s.nope(w, r, http.StatusNotFound, "not-found")
}

// nope answers for a request that no page of the shop made: it may be an API client's.
func (s *Shop) nope(w http.ResponseWriter, r *http.Request, code int, key string) {
	if !readsHTML(r) {
		problem(w, code, wording.For("en").Text(key+".text"))
		return
	}
	s.fail(w, r, code, key)
}

// readsHTML reports whether somebody who can read a page is asking. Browsers name text/html in the
// Accept of everything that they show.
func readsHTML(r *http.Request) bool {
	for value := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		mediaType, params, err := mime.ParseMediaType(value)
		if q, qErr := strconv.ParseFloat(params["q"], 64); qErr == nil && q == 0 {
			continue // RFC 9110, section 12.4.2: not acceptable
		}
		if err == nil && (mediaType == "text/html" || mediaType == "application/xhtml+xml" || mediaType == "text/*") {
			return true
		}
	}
	return false
}

// problem answers with an error for an API client, with the members of the session context's
// errors.
func problem(w http.ResponseWriter, code int, message string) {
	body, _ := json.Marshal(map[string]any{
		"type": "about:blank", "title": problemtype.Title(code), "status": code, "code": code, "detail": message, "message": message,
	})
	secure(w.Header())
	w.Header().Set("Vary", "Accept")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(append(body, '\n'))
}

// denied answers for a form that a page of another origin sent.
func denied(w http.ResponseWriter, r *http.Request) {
	plain(w, r, http.StatusForbidden, "rejected-request")
}

// Failed is the middleware.ErrorPolicy of the pages: a session that has ended shows the shop's
// defaults, everything else a page that says that it does not work.
func Failed(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
	code := http.StatusInternalServerError
	switch {
	case errors.Is(err, sessionctx.ErrNotFound):
		middleware.RenderDefaults(w, r, err, next)
		return
	case errors.Is(err, sessionctx.ErrUnknownTenant):
		plain(w, r, http.StatusNotFound, "not-found")
		return
	case errors.Is(err, middleware.ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		code = http.StatusUnauthorized
	case errors.Is(err, middleware.ErrWrongTenant):
		code = http.StatusForbidden
	case isUnavailable(err):
		w.Header().Set("Retry-After", retryAfter)
		plain(w, r, http.StatusServiceUnavailable, "unavailable")
		return
	}
	plain(w, r, code, "rejected-request")
}

// plain answers with a failure for a request without a session.
func plain(w http.ResponseWriter, r *http.Request, code int, key string) {
	if !readsHTML(r) {
		problem(w, code, wording.For("en").Text(key+".text"))
		return
	}
	english := wording.For("en")
	page := failurePage{
		view:  view{Language: english, Title: english.Text(key), Base: "/", Session: sessionctx.Session{Language: english.Tag}},
		Texts: []string{english.Text(key + ".text")},
		Plain: true,
	}
	if err := render(w, code, "page-failure.html", "layout.html", page); err != nil {
		denyCaching(w.Header())
		http.Error(w, problemtype.Title(code), code)
	}
}
