package tokens

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"unicode/utf8"
)

// credentials reads {"email": ..., "password": ...}. Package encoding/json alone would accept two
// equal names, names in another letter case, trailing documents and invalid bytes.
func credentials(r *http.Request) (email, password string, err error) {
	b, err := body(r, "application/json")
	if err != nil {
		return "", "", err
	}
	if !utf8.Valid(b) {
		return "", "", badRequest("The body is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "", "", notJSON
	}
	members := make(map[string]string)
	for d.More() {
		t, err := d.Token()
		name, _ := t.(string)
		if err != nil {
			return "", "", notJSON
		}
		if _, twice := members[name]; twice {
			return "", "", malformed(name, "repeated", "A member must not be there more than once.")
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return "", "", notJSON
		}
		text, isText := value.(string)
		if !isText && (name == "email" || name == "password") {
			return "", "", malformed(name, "malformed", "A member must be a string.")
		}
		members[name] = text
	}
	if _, err := d.Token(); err != nil {
		return "", "", notJSON
	}
	if _, err := d.Token(); err != io.EOF {
		return "", "", notJSON
	}
	for _, name := range []string{"email", "password"} {
		if members[name] == "" {
			return "", "", malformed(name, "missing", "A required member is missing.")
		}
	}
	return members["email"], members["password"], nil
}

var notJSON = badRequest("The body is not one JSON object.")
