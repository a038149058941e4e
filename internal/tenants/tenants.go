// Package tenants knows what the name of a tenant looks like.
package tenants

import "errors"

// ErrUnknown says that there is no such tenant. It is sessionctx.ErrUnknownTenant, and stands here
// for directories that do not import package sessionctx.
var ErrUnknown = errors.New("sessionctx: unknown tenant")

// Rule is the rule of Valid, for the error of a name that breaks it.
const Rule = "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters"

// Valid reports whether s can be the name of a tenant, as the Emporix services specify it.
func Valid(s string) bool {
	if len(s) < 3 || len(s) > 16 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}
