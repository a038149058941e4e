package rest

import (
	"encoding/json"

	"github.com/sessionctx/storefront/sessionctx"
)

// ParseMergePatch reads the body of a PATCH as the Handler does.
func ParseMergePatch(body []byte, maxDepth int) (sessionctx.Patch, error) {
	s, err := parseState(body, maxDepth, false)
	if err != nil {
		return sessionctx.Patch{}, err
	}
	return s.patch(), nil
}

// EncodeMergePatch writes a patch as the body of a PATCH.
func EncodeMergePatch(p sessionctx.Patch) ([]byte, error) {
	doc := map[string]any{}
	for f, change := range [...]sessionctx.Change{p.Site, p.Currency, p.Country, p.Language} {
		if value, touched := change.Value(); touched && value == "" {
			doc[fieldNames[f]] = nil
		} else if touched {
			doc[fieldNames[f]] = value
		}
	}
	if p.ReplaceAttributes {
		doc["context"] = nil
	} else if p.Attributes != nil {
		doc["context"] = p.Attributes
	}
	if p.Base != nil {
		doc["metadata"] = map[string]int64{"version": p.Base.Version}
	}
	return json.Marshal(doc)
}

// Target is what a path says.
type Target struct {
	Resource                uint8
	Tenant, SessionID, Name string
}

// ParseTarget reads the escaped path of a request as the Handler does.
func ParseTarget(escapedPath string) (Target, error) {
	t, err := parseTarget(escapedPath)
	return Target{uint8(t.resource), t.tenant, t.sessionID, t.name}, err
}

// ProblemFor returns the body of the answer to an error of an operation, and its status.
func ProblemFor(err error) (body []byte, status int) {
	p := problemFor(err)
	body, _ = json.Marshal(p) // its members are texts and numbers
	return body, p.Status
}
