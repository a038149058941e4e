package rest

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/sessionctx/storefront/internal/tenants"
)

// Prefix is where the interface begins: /session-context/{tenant}/...
const Prefix = "/session-context/"

// resource is what a path names.
type resource uint8

const (
	nowhere resource = iota
	ownContext
	ownAttributes
	ownAttribute
	anyContext
	anyAttributes
	anyAttribute
	document
	numResources
)

// own reports whether the session is the caller's own.
func (k resource) own() bool { return k == ownContext || k == ownAttributes || k == ownAttribute }

// target is what a path says.
type target struct {
	tenant    string
	resource  resource
	sessionID string // of anyContext, anyAttributes and anyAttribute
	name      string // of an attribute
}

// parseTarget reads the escaped path of a request. It splits the path before it unescapes the
// parts, because "%2F" in a name is not the "/" between two parts. All that follows "attributes/"
// is one name, also with slashes in it, because many proxies unescape "%2F".
func parseTarget(escapedPath string) (t target, err error) {
	rest, ok := strings.CutPrefix(escapedPath, Prefix)
	if !ok {
		return t, errNowhere
	}
	tenant, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return t, errNowhere
	}
	var sessionID, name string
	switch {
	case rest == "openapi.json":
		t.resource = document
	case rest == "me/context":
		t.resource = ownContext
	case rest == "me/context/attributes":
		t.resource = ownAttributes
	case strings.HasPrefix(rest, "me/context/attributes/"):
		t.resource, name = ownAttribute, strings.TrimPrefix(rest, "me/context/attributes/")
	case strings.HasPrefix(rest, "context/"):
		sessionID, rest, ok = strings.Cut(strings.TrimPrefix(rest, "context/"), "/")
		switch {
		case sessionID == "":
			return t, errNowhere
		case !ok:
			t.resource = anyContext
		case rest == "attributes":
			t.resource = anyAttributes
		case strings.HasPrefix(rest, "attributes/"):
			t.resource, name = anyAttribute, strings.TrimPrefix(rest, "attributes/")
		default:
			return t, errNowhere
		}
	default:
		return t, errNowhere
	}
	for _, part := range []struct {
		to   *string
		from string
	}{{&t.tenant, tenant}, {&t.sessionID, sessionID}, {&t.name, name}} {
		if *part.to, err = url.PathUnescape(part.from); err != nil || !utf8.ValidString(*part.to) {
			return target{}, errEscape
		}
	}
	if !tenants.Valid(t.tenant) {
		return target{}, errTenant
	}
	return t, nil
}
