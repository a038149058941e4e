// Package form reads the form in the body of a request.
package form

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// mediaType is that of a form without files, as browsers send it (WHATWG HTML, section 4.10.21.8).
const mediaType = "application/x-www-form-urlencoded"

// The headers that a Refusal may name.
const (
	ContentType     = "Content-Type"
	ContentEncoding = "Content-Encoding"
)

// Refusal says why a body is not the form that was expected.
type Refusal struct {
	Status int    // of HTTP: 400, 413 or 415
	Field  string // of the form, ContentType or ContentEncoding; empty: the form
	Value  string // cut to 64 bytes
	Rule   string // what the value must be
	Limit  int    // in bytes, for 413; else 0
}

// String names the field and the rule, and leaves the value out.
func (r *Refusal) String() string { return cmp.Or(r.Field, "the form") + " " + r.Rule }

// Read returns the fields of those names that the form in the body has. Each of them may be there
// once. No value comes from the query, but a query that cannot be read is refused, too. The body
// may have maxBytes; a form that somebody has parsed before is taken as it is.
func Read(w http.ResponseWriter, r *http.Request, maxBytes int, names ...string) (map[string]string, *Refusal) {
	sent := r.Header.Values(ContentType)
	if t, _, err := mime.ParseMediaType(r.Header.Get(ContentType)); err != nil || t != mediaType || len(sent) > 1 { // RFC 9110, section 5.3
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Field: ContentType, Value: Cut(strings.Join(sent, ", ")), Rule: "must be " + mediaType}
	}
	if coding := strings.Join(r.Header.Values(ContentEncoding), ","); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &Refusal{Status: http.StatusUnsupportedMediaType, Field: ContentEncoding, Value: Cut(coding), Rule: "must not be compressed"}
	}
	if r.PostForm == nil && r.ContentLength > int64(maxBytes) {
		return nil, tooLarge(int64(maxBytes)) // and a client that waits for 100 sends none: RFC 9110, section 10.1.1
	}
	if r.PostForm == nil && r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, int64(maxBytes))
	}
	if err := r.ParseForm(); err != nil {
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLarge(large.Limit)
		}
		return nil, &Refusal{Status: http.StatusBadRequest, Rule: "cannot be read"}
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		switch sent := r.PostForm[name]; len(sent) {
		case 0:
		case 1:
			values[name] = sent[0]
		default:
			return nil, &Refusal{Status: http.StatusBadRequest, Field: name, Value: Cut(sent[1]), Rule: "must not be given twice"}
		}
	}
	return values, nil
}

func tooLarge(limit int64) *Refusal {
	return &Refusal{Status: http.StatusRequestEntityTooLarge, Rule: fmt.Sprintf("has at most %d bytes", limit), Limit: int(limit)}
}

// Cut shortens what a client sent for an error.
func Cut(value string) string { return strings.ToValidUTF8(value[:min(len(value), 64)], "") }
