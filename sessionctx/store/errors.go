package store

import (
	"errors"
	"fmt"
)

// The errors of a Store on which a caller branches. Package sessionctx has the same values under
// the same names.
var (
	// ErrConflict says that the stored record does not have the revision that a write is based on.
	// Nothing was written.
	ErrConflict = errors.New("sessionctx: conflict")
	// ErrUnavailable says that the Store could not be asked. Nothing was written.
	ErrUnavailable = errors.New("sessionctx: unavailable")
	// ErrFull says that the Store is at its bound, and that no record may be evicted. Nothing was
	// written.
	ErrFull = errors.New("sessionctx: store full")
)

// ConfigError is one mistake in a configuration, of this package's sisters too: the resolver, the
// stores, the middleware. Errors of several mistakes are joined.
type ConfigError struct {
	// Field is the field, with its package and type, as in "sessionctx.Config.Timeout".
	Field string
	// Value is the value at fault as text. It is empty where the field is missing, or a secret.
	Value string
	// Rule is the rule that the value breaks, as in "must be 1ms to 1h0m0s".
	Rule string
}

// Error names the field, the value and the rule.
func (e *ConfigError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Rule)
	}
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Rule)
}
