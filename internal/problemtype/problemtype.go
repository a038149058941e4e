// Package problemtype says in which media type an error is answered.
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
