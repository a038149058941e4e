package shop

import (
	"errors"
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// choose does what a picker or a reset asks for.
func (s *Shop) choose(w http.ResponseWriter, r *http.Request) {
	form, err := parseForm(r)
	if err != nil {
		s.failForm(w, r, err)
		return
	}
	if err = s.cfg.Middleware.Switch(w, r); err == nil {
		return
	}
	wish, wishErr := parseWish(form)
	var wrong *sessionctx.InputError
	switch {
	case errors.As(err, &wrong), wishErr != nil:
		s.failForm(w, r, err)
	case errors.Is(err, sessionctx.ErrConflict):
		s.conflict(w, r, wish)
	default:
		s.refused(w, r, wish, err)
	}
}

// conflict shows what the field is now, changed by somebody else since the shopper looked, and lets
// the shopper decide.
func (s *Shop) conflict(w http.ResponseWriter, r *http.Request, want wish) {
	v := s.view(r)
	v.Title = v.Text("conflict")
	e, err := s.effect(r, &v, want)
	if err != nil {
		s.refused(w, r, want, err)
		return
	}
	e.Revision = v.Revision
	s.show(w, r, http.StatusConflict, "page-conflict.html", conflictPage{
		effect: e,
		Now:    v.names.of(want.field, value(v.Session, want.field)),
		Source: v.source(want.field),
	})
}

// conflictPage offers the newest value and the shopper's own again.
type conflictPage struct {
	effect
	Now, Source string
}

// refused says why a value cannot be chosen, or what else went wrong.
func (s *Shop) refused(w http.ResponseWriter, r *http.Request, want wish, err error) {
	v := s.view(r)
	v.Title = v.Text("invalid")
	e := effect{view: v, Field: want.field.String(), Value: want.value, Label: v.Text("field." + want.field.String())}
	if !e.refuse(err) {
		s.failed(w, r, err)
		return
	}
	s.show(w, r, http.StatusUnprocessableEntity, "page-preview.html", e)
}

// refuse notes that the value was refused, if that is what err says.
func (e *effect) refuse(err error) bool {
	var invalid *defaults.Rejection
	if !errors.As(err, &invalid) {
		return false
	}
	e.Refused = &rejection{Value: e.names.of(invalid.Field, invalid.Value), Reason: e.Text("reason." + invalid.Reason.String())}
	return true
}
