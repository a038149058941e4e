package sessionctx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The states on which a caller branches. Compare with errors.Is: most errors carry more.
var (
	// ErrNotFound: there is no such session for this identity. It has ended, it is another identity's,
	// an id or the Proof is malformed, or the Store has no record as new as Request.AtLeast asks. The
	// caller learns nothing of the session, and has changed nothing, unless the text says "a part was
	// written", as with ErrUnavailable.
	ErrNotFound = errors.New("sessionctx: session not found")
	// ErrConflict: what the write touches has changed since the revision that it is based on. A
	// *ConflictError carries the current revision.
	ErrConflict = store.ErrConflict
	// ErrUnavailable: the store or the directory could not be asked. Nothing was written, unless the
	// text of the error says "a part was written". Only Bind, Login and Erase say so, because they
	// make several writes. After Bind or Login a guest's session may already be the customer's. After
	// Erase all sessions have ended, and some records may be left. Call again: the second call goes on
	// where the first one stopped.
	ErrUnavailable = store.ErrUnavailable
	// ErrUnknownOutcome: the store has not said whether a write was applied. It may have been, or
	// may still be. Read the session again before you repeat the write.
	ErrUnknownOutcome = errors.New("sessionctx: the outcome of the write is unknown")
	// ErrUnknownTenant: the directory does not know the tenant, or its name is malformed.
	ErrUnknownTenant = tenants.ErrUnknown
	// ErrFull: the store is at its bound and no record may be evicted. Nothing was written, unless
	// the text says "a part was written", as with ErrUnavailable.
	ErrFull = store.ErrFull
	// ErrClosed: the resolver was closed.
	ErrClosed = errors.New("sessionctx: resolver closed")
)

// ConfigError is one mistake in a configuration.
type ConfigError = store.ConfigError

// ConflictError is an ErrConflict with the revision that the session has now.
type ConflictError struct {
	Revision Revision
	// Fields are those that the write touches and that have changed since its base: "site",
	// "currency", "country", "language", "cart", and "attributes", which stands for all of them. It
	// is empty for a conflict of Patch.Require.
	Fields []string
	Tenant string
	At     time.Time
}

// Error says which version is current.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("sessionctx: conflict: what this write touches has changed since; the current version is %d", e.Revision.Version)
}

// Is reports true for ErrConflict.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// chainedError is an error with what it is about, and with its cause.
type chainedError struct {
	text string
	errs []error
}

// chain returns an error that wraps every error among parts. Its text is the texts of the parts,
// with colons between. A store's error may wrap ErrUnavailable by itself, so chain takes care that
// nothing is said twice: the text names this package once, leaves out an error that the last part
// wraps, and cuts from a part a beginning that repeats the part before it.
func chain(parts ...any) error {
	var texts []string
	e := &chainedError{}
	cause, _ := parts[len(parts)-1].(error)
	for i, part := range parts {
		text, _ := part.(string)
		if err, ok := part.(error); ok {
			e.errs = append(e.errs, err)
			if i < len(parts)-1 && errors.Is(cause, err) {
				continue
			}
			text = strings.ReplaceAll(err.Error(), packageName, "")
		}
		if n := len(texts); n > 0 {
			text = strings.TrimPrefix(text, texts[n-1]+": ")
		}
		texts = append(texts, text)
	}
	e.text = packageName + strings.Join(texts, ": ")
	return e
}

const packageName = "sessionctx: "

// Error implements error.
func (e *chainedError) Error() string { return e.text }

// Unwrap returns the errors of the chain.
func (e *chainedError) Unwrap() []error { return e.errs }

// unavailable returns the error of a call whose read has failed with cause. If ctx has ended, it is
// the error of ctx. A cause that is already an error of this package stays as it is. Any other
// cause becomes ErrUnavailable.
func unavailable(ctx context.Context, cause error) error {
	if err := ctx.Err(); err != nil {
		return chain(err)
	}
	for _, known := range [...]error{ErrUnavailable, ErrNotFound, ErrUnknownTenant, ErrUnknownOutcome} {
		if errors.Is(cause, known) {
			return chain(cause)
		}
	}
	return chain(ErrUnavailable, cause)
}
