package shop

import (
	"net/http"
	"slices"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// effect is what a wish would do to the session.
type effect struct {
	view
	Field    string
	Value    string // as the form sends it; empty: reset
	Label    string
	Name     string // of the value, or what a reset gives
	Changes  []changed
	Stays    string // the name of the value that stays although it becomes a choice
	Only     bool   // nothing changes besides
	Asides   []string
	Refused  *rejection
	Revision string // of the session that the shopper looked at
}

// changed is one value that would be another one.
type changed struct{ Label, From, To, Source string }

// effect returns what w would do to the session of v now.
func (s *Shop) effect(r *http.Request, v *view, w wish) (effect, error) {
	e := effect{
		view: *v, Field: w.field.String(), Value: w.value, Label: v.Text("field." + w.field.String()),
		Name: v.names.of(w.field, w.value), Revision: r.FormValue("revision"),
	}
	after, err := s.previewOf(r.Context(), r, w.change())
	if err != nil {
		return e, err
	}
	e.compare(v, w, after)
	return e, nil
}

// compare fills in what differs in after from the session of v.
func (e *effect) compare(v *view, w wish, after sessionctx.Explanation) {
	// The wish itself comes first, then the other fields in their order.
	fields := []defaults.Field{w.field}
	for f := range defaults.Field(defaults.NumFields) {
		if f != w.field {
			fields = append(fields, f)
		}
	}
	if w.value == "" {
		e.Name = v.names.of(w.field, value(after.Session, w.field))
	}
	e.Only = true
	for _, f := range fields {
		from, to := value(v.Session, f), value(after.Session, f)
		if from != to {
			c := changed{Label: v.Text("field." + f.String()), From: v.names.of(f, from), To: v.names.of(f, to)}
			if f != w.field || w.value == "" {
				c.Source = v.sourceIn(after.Session, f)
			}
			e.Changes = append(e.Changes, c)
			e.Only = e.Only && f == w.field
		} else if f == w.field {
			e.Stays = v.names.of(f, to)
		}
	}
	for _, rejected := range after.Rejected {
		if rejected.Source != defaults.SourceChoice || slices.Contains(v.rejected, rejected) {
			continue
		}
		e.Only = false
		said := v.rejection(rejected)
		e.Asides = append(e.Asides, v.Text("preview.aside", "value", v.names.of(rejected.Field, rejected.Value), "reason", said.Reason))
	}
}

// preview says what a wish would change: as a page with a button that does it, or, for the script,
// as that part of the page alone.
func (s *Shop) preview(w http.ResponseWriter, r *http.Request) {
	v := s.view(r)
	v.Title = v.Text("preview")
	wish, err := parseWish(r.URL.Query())
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, "rejected-request")
		return
	}
	e, err := s.effect(r, &v, wish)
	if err != nil && !e.refuse(err) {
		s.failed(w, r, err)
		return
	}
	if r.Header.Get("Shop-Part") == "effect" {
		w.Header().Set("Shop-Part", "effect")
		s.showBlock(w, r, http.StatusOK, "page-preview.html", "effect", e)
		return
	}
	s.show(w, r, http.StatusOK, "page-preview.html", e)
}
