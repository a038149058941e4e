package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/sessionctx/storefront/internal/surrogates"
)

// The refusals of a body, as sentences for the client.
var (
	errEmpty     = badRequest("The body is empty: it must be a JSON object.")
	errMark      = badRequest("The body begins with a byte order mark: it must be UTF-8 without one.") // RFC 8259, section 8.1
	errNotJSON   = badRequest("The body is not one JSON document.")
	errNotObject = badRequest("The body is not a JSON object.")
	errNotUTF8   = badRequest("The body is not valid UTF-8, or a \\u escape in it stands for half a character.")
	errNumber    = badRequest("A number in the body is too large.")
)

// parseObject returns the members of the JSON object in body, by their exact names. Unlike
// encoding/json alone it refuses a document that two readers could read as two different things: a
// name that exists twice, half a surrogate pair, a number that is infinite to most programs. See
// RFC 8259, sections 4, 6 and 8.2, and RFC 7493.
func parseObject(body []byte, maxDepth int) (map[string]json.RawMessage, error) {
	switch {
	case len(bytes.TrimLeft(body, " \t\r\n")) == 0:
		return nil, errEmpty
	case startsWithMark(body):
		return nil, errMark
	case !utf8.Valid(body) || surrogates.Lone(body):
		return nil, errNotUTF8
	case !json.Valid(body):
		return nil, errNotJSON
	case bytes.TrimLeft(body, " \t\r\n")[0] != '{':
		return nil, errNotObject
	}
	if err := checkTokens(body, maxDepth); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, errNotJSON
	}
	return members, nil
}

// startsWithMark reports whether a document begins with the byte order mark of UTF-8 or UTF-16.
func startsWithMark(body []byte) bool {
	return bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) ||
		bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff"))
}

// level is an object or a list that checkTokens has entered.
type level struct {
	names map[string]bool // nil: a list
	value bool            // in an object: the next token is a value
}

// checkTokens reads a valid document once more, token by token.
func checkTokens(body []byte, maxDepth int) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var open []level
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errNotJSON
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].names != nil {
			in := &open[n-1]
			if in.value = !in.value; in.value {
				name, _ := token.(string)
				if in.names[name] {
					return badRequest(fmt.Sprintf("The name %q is there more than once in an object.", cut(name)))
				}
				in.names[name] = true
				continue
			}
		}
		switch token := token.(type) {
		case json.Delim:
			if len(open) == maxDepth {
				return badRequest(fmt.Sprintf("The body is nested deeper than %d levels.", maxDepth))
			}
			l := level{}
			if token == '{' {
				l.names = make(map[string]bool)
			}
			open = append(open, l)
		case json.Number:
			if _, err := strconv.ParseFloat(token.String(), 64); err != nil {
				return errNumber
			}
		}
	}
}
