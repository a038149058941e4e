package shop

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/sessionctx/storefront/examples/storefront/tokens"
)

// signInPage has the form to sign in with.
type signInPage struct {
	view
	Samples  []Sample
	Filled   Sample // what the form is filled in with
	Mistaken string // what was wrong with the last try
}

func (s *Shop) signInForm(w http.ResponseWriter, r *http.Request) {
	v := s.view(r)
	s.showSignIn(w, r, http.StatusOK, &v, "", "")
}

func (s *Shop) showSignIn(w http.ResponseWriter, r *http.Request, code int, v *view, email, mistaken string) {
	v.Title = v.Text("sign-in")
	page := signInPage{view: *v, Samples: s.cfg.Samples(v.Session.Tenant), Filled: Sample{Email: email}, Mistaken: mistaken}
	for _, sample := range page.Samples {
		if sample.ID == r.URL.Query().Get("sample") {
			page.Filled = sample
		}
	}
	s.show(w, r, code, "page-sign-in.html", page)
}

func (s *Shop) signIn(w http.ResponseWriter, r *http.Request) {
	form, err := parseForm(r)
	if err != nil {
		s.failForm(w, r, err)
		return
	}
	v := s.view(r)
	customerID, err := s.cfg.Tokens.Authenticate(r.Context(), v.Session.Tenant, form.Get("email"), form.Get("password"), r.RemoteAddr)
	var limited *tokens.LimitedError
	switch {
	case errors.Is(err, tokens.ErrCredentials):
		s.showSignIn(w, r, http.StatusUnauthorized, &v, form.Get("email"), v.Text("sign-in.wrong"))
		return
	case errors.As(err, &limited):
		seconds := int(math.Ceil(limited.RetryAfter.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		s.showSignIn(w, r, http.StatusTooManyRequests, &v, form.Get("email"), v.Text("sign-in.later", "n", v.Number(seconds)))
		return
	case err != nil:
		s.unavailable(w, r, "unavailable.nothing", err)
		return
	}
	if _, err := s.cfg.Middleware.Login(w, r, customerID); err != nil {
		s.failed(w, r, err)
		return
	}
	s.cfg.Logger.LogAttrs(r.Context(), slog.LevelInfo, "shop: signed in", slog.String("tenant", v.Session.Tenant))
	redirect(w, r, "?done=sign-in")
}

func (s *Shop) signOut(w http.ResponseWriter, r *http.Request) {
	if _, err := s.cfg.Middleware.Logout(w, r); err != nil {
		s.failed(w, r, err)
		return
	}
	redirect(w, r, "?done=sign-out")
}
