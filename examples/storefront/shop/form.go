package shop

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// wish is what a form asks for: a value for one field, or its reset.
type wish struct {
	field defaults.Field
	value string // empty: reset
}

// parseWish reads the wish of a picker's form, as Middleware.Switch does, from a form or a query.
func parseWish(values url.Values) (wish, error) {
	for f := range defaults.Field(defaults.NumFields) {
		if values.Has(f.String()) {
			return wish{f, values.Get(f.String())}, nil
		}
	}
	return wish{}, errors.New("shop: the form chooses nothing")
}

// change returns the write that fulfils the wish.
func (v wish) change() (p sessionctx.Patch) {
	*[defaults.NumFields]*sessionctx.Change{&p.Site, &p.Currency, &p.Country, &p.Language}[v.field] = sessionctx.Set(v.value)
	return p
}

var (
	errNoForm     = errors.New("shop: the body is of another media type than a form")
	errCompressed = errors.New("shop: the body is compressed")
)

// parseForm reads the form in the body of a request, of which each name has one value. It never
// takes a value from the query.
func parseForm(r *http.Request) (url.Values, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" || len(r.Header["Content-Type"]) > 1 {
		return nil, errNoForm
	}
	if coding := strings.Join(r.Header["Content-Encoding"], ","); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, errCompressed
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, fmt.Errorf("shop: %q is there more than once", name)
		}
	}
	return r.PostForm, nil
}
