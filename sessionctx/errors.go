package sessionctx

import (
	"errors"
	"fmt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The states on which a caller branches. Compare with errors.Is: most errors carry more.
var (
	// ErrNotFound: the session has ended, or it is not this identity's. Nothing was read, nothing
	// changed.
	ErrNotFound = errors.New("sessionctx: session not found")
	// ErrConflict: what the write touches has changed since the revision that it is based on. A
	// *ConflictError carries the current revision.
	ErrConflict = store.ErrConflict
	// ErrUnavailable: the store or the directory could not be asked. Nothing was written.
	ErrUnavailable = store.ErrUnavailable
	// ErrUnknownOutcome: the store has not said whether a write was applied. It may have been, or
	// may still be. Read the session again before you repeat the write.
	ErrUnknownOutcome = errors.New("sessionctx: the outcome of the write is unknown")
	// ErrUnknownTenant: the directory does not know the tenant, or its name is malformed.
	ErrUnknownTenant = defaults.ErrUnknownTenant
	// ErrFull: the store is at its bound and no record may be evicted. Nothing was written.
	ErrFull = store.ErrFull
	// ErrClosed: the resolver was closed.
	ErrClosed = errors.New("sessionctx: resolver closed")
)

// ConfigError is one mistake in a configuration.
type ConfigError = store.ConfigError

// ConflictError is an ErrConflict with the revision that the session has now.
type ConflictError struct {
	Revision Revision
}

// Error says which version is current.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("sessionctx: conflict: what this write touches has changed since; the current version is %d", e.Revision.Version)
}

// Is reports true for ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
