package sessionctx

import (
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The states on which a caller branches. Compare with errors.Is: most errors carry more.
var (
	// ErrNotFound: the session has ended, or it is not this identity's. Nothing was read, nothing changed.
	ErrNotFound = errors.New("sessionctx: session not found")
	// ErrConflict: what the write touches has changed since the version that it is based on.
	// A *ConflictError carries the current version.
	ErrConflict = store.ErrConflict
	// ErrUnavailable: the store or the directory could not be asked. Unless the error says that the
	// outcome is unknown, nothing was written.
	ErrUnavailable = store.ErrUnavailable
	// ErrUnknownTenant: the directory does not know the tenant, or its name is malformed.
	ErrUnknownTenant = defaults.ErrUnknownTenant
	// ErrFull: the store is at its bound and nothing may give way. Nothing was written.
	ErrFull = store.ErrFull
	// ErrClosed: the resolver was closed.
	ErrClosed = errors.New("sessionctx: resolver closed")
)

// ConfigError is one mistake in a Config, of this package and of all that are configured together with
// it: the stores, the middleware. Errors of several mistakes are joined.
type ConfigError = store.ConfigError

// ConflictError is an ErrConflict with the version that the session has now.
type ConflictError struct {
	Version int64
}

// Error says which version is current.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("sessionctx: conflict: what this write touches has changed since; the current version is %d", e.Version)
}

// Is reports true for ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// LimitError says that a write would leave more than Limits allow. Nothing was written.
type LimitError struct {
	Field string // "cartId", "context", "context[name]", "record"
	Value string // the name or value at fault, cut to 64 bytes; empty where it would not help
	Rule  string // the rule, as a sentence
	Limit int    // the limit that the rule speaks of, in bytes or entries; 0 where there is none
	Size  bool   // true: the rule is about size (HTTP answers 413), false: about form (400)
}

// Error names the field, the value and the rule.
func (e *LimitError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("sessionctx: %s: %s", e.Field, e.Rule)
	}
	return fmt.Sprintf("sessionctx: %s %q: %s", e.Field, e.Value, e.Rule)
}
