package shop

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// errMeanwhile: another session has taken the place of the one that the form was rendered from, and
// the field is chosen in it.
var errMeanwhile = errors.New("shop: changed in another session meanwhile")

// wish is what a form asks for: a value for one field, or its reset, on the basis of what the
// shopper saw.
type wish struct {
	field defaults.Field
	value string // empty: reset
	seen  sessionctx.Revision
}

// parseWish reads a wish from a form or a query.
func parseWish(values url.Values) (wish, error) {
	var v wish
	if err := v.field.UnmarshalText([]byte(values.Get("field"))); err != nil {
		return v, err
	}
	if v.value = values.Get("value"); len(v.value) > maxValue {
		return v, fmt.Errorf("shop: a value has at most %d bytes, this one has %d", maxValue, len(v.value))
	}
	if values.Get("reset") != "" {
		v.value = ""
	} else if v.value == "" {
		return v, errors.New("shop: no value is chosen")
	}
	var err error
	v.seen, err = parseRevision(values.Get("revision"))
	return v, err
}

// maxValue is longer than any code of a site.
const maxValue = 128

// patch returns the write that fulfils the wish on the session as it is at the beginning of the
// request. It conflicts if anybody has changed the field since the shopper looked.
func (v wish) patch(now sessionctx.Session) sessionctx.Patch {
	p := v.change()
	if v.seen == (sessionctx.Revision{}) || v.seen.Incarnation == now.Revision().Incarnation {
		p.Base = &v.seen
		return p
	}
	// Another record has taken the place of the one that the shopper saw, after a logout or an
	// expiry. A revision of the old record conflicts with everything, although the shopper may have
	// seen the same value. Only a choice that is there now was made, or copied, without the
	// shopper's knowledge.
	p.Require = func(current sessionctx.Session) error {
		if current.Source(v.field) == defaults.SourceChoice {
			return errMeanwhile
		}
		return nil
	}
	return p
}

// change returns the write without the basis.
func (v wish) change() (p sessionctx.Patch) {
	*[defaults.NumFields]*sessionctx.Change{&p.Site, &p.Currency, &p.Country, &p.Language}[v.field] = sessionctx.Set(v.value)
	return p
}

// revision returns what a form carries to say which state of the session it was rendered from.
func revision(s sessionctx.Session) string {
	r := s.Revision()
	return strconv.FormatUint(r.Incarnation, 16) + "." + strconv.FormatInt(r.Version, 10)
}

func parseRevision(s string) (r sessionctx.Revision, err error) {
	incarnation, version, ok := strings.Cut(s, ".")
	if r.Incarnation, err = strconv.ParseUint(incarnation, 16, 64); err == nil {
		r.Version, err = strconv.ParseInt(version, 10, 64)
	}
	if !ok || err != nil || r.Version < 0 || (r.Version == 0) != (r.Incarnation == 0) {
		return sessionctx.Revision{}, fmt.Errorf("shop: %q is no revision", s)
	}
	return r, nil
}

// errNoForm: the body is of another media type, or compressed.
var errNoForm = errors.New("shop: the body is no form")

// parseForm reads the form in the body of a request, of which each name has one value. It never
// takes a value from the query.
func parseForm(r *http.Request) (url.Values, error) {
	coding := strings.Join(r.Header["Content-Encoding"], ",")
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" || coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, errNoForm
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
