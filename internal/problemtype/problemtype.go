// Package problemtype says in which media type an error is answered, and under which title.
package problemtype

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	json    = "application/json"
	problem = "application/problem+json"
)

// Title returns the name of a status, the title of a problem of the type about:blank (RFC 9457,
// section 4.2.1). Where net/http has the name from before RFC 9110, it is that of RFC 9110, section
// 15.5.
func Title(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "Content Too Large"
	case http.StatusRequestURITooLong:
		return "URI Too Long"
	case http.StatusRequestedRangeNotSatisfiable:
		return "Range Not Satisfiable"
	case http.StatusUnprocessableEntity:
		return "Unprocessable Content"
	}
	return http.StatusText(status)
}

// For returns the media type of an error for a request with these headers: application/json, or
// application/problem+json (RFC 9457, section 3) if Accept names that type, and does not weigh
// application/json higher. Wildcards ask for neither, because many HTTP clients send them, and
// parse no other type than application/json.
func For(h http.Header) string {
	weights := map[string]float64{}
	for _, line := range h["Accept"] {
		for member := range strings.SplitSeq(line, ",") {
			name, params, err := mime.ParseMediaType(member)
			if err != nil {
				continue
			}
			weight := 1.0 // RFC 9110, section 12.4.2
			if q, ok := params["q"]; ok {
				if weight, err = strconv.ParseFloat(q, 64); err != nil || weight < 0 || weight > 1 {
					continue
				}
			}
			weights[name] = weight
		}
	}
	if w := weights[problem]; w > 0 && w >= weights[json] {
		return problem
	}
	return json
}
