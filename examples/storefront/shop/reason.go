package shop

import (
	"net/http"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// reason says of one field what it is, why, and what was passed over.
type reason struct {
	Field    string
	Label    string
	Value    string // the name
	Code     string
	Lang     string // of Value, if it is not the page's
	Source   string // in words
	Chosen   bool   // the value is the shopper's choice
	Waiting  bool   // there is a choice, and it was passed over
	Default  string // what a reset would give; empty without a choice, or if it cannot be told
	Rejected []rejection
}

// rejection is a candidate that was passed over.
type rejection struct{ Value, From, Reason string }

// reasons says why the session is as it is.
func (s *Shop) reasons(r *http.Request, v *view) []reason {
	var all []reason
	for f := range defaults.Field(defaults.NumFields) {
		code := value(v.Session, f)
		why := reason{
			Field: f.String(), Label: v.Text("field." + f.String()), Value: v.names.of(f, code), Code: code, Source: v.source(f),
			Chosen: v.Session.Source(f) == defaults.SourceChoice,
		}
		if f == defaults.FieldLanguage {
			why.Lang = code
		}
		for _, rejected := range v.rejected {
			if rejected.Field != f {
				continue
			}
			why.Waiting = why.Waiting || rejected.Source == defaults.SourceChoice
			why.Rejected = append(why.Rejected, v.rejection(rejected))
		}
		if why.Chosen {
			if e, err := s.previewOf(r.Context(), r, wish{field: f}.change()); err == nil {
				why.Default = v.names.of(f, value(e.Session, f))
			}
		}
		all = append(all, why)
	}
	return all
}

// source says in words why a field's value is what it is; nothing for a session that was not
// resolved.
func (v *view) source(f defaults.Field) string { return v.sourceIn(v.Session, f) }

func (v *view) sourceIn(s sessionctx.Session, f defaults.Field) string {
	if source := s.Source(f); source != 0 {
		return v.Text("source." + source.String())
	}
	return ""
}

func (v *view) rejection(r defaults.Rejection) rejection {
	return rejection{Value: r.Value, From: v.Text("rejected." + r.Source.String()), Reason: v.Text("reason." + r.Reason.String())}
}
