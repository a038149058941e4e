package redisstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// dialError says that there was no connection: nothing was sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// noAnswer makes the error of a write that the server has not answered. written is s.written from
// before the write: if it is the same now, no connection has taken the write.
//
// err may be an answer to something else: the server has refused the handshake of a new connection,
// or the new credentials of AuthCredentialsFn on a connection that has taken the write already. So
// the result is never one for which rueidis.IsRedisErr holds.
func (s *Store) noAnswer(err error, written int64) error {
	if s.written.Load() == written {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	return fmt.Errorf("no answer: %w", err)
}

// failure makes the error of a call from the error of the client. If nothing was written it is
// ErrUnavailable or ErrFull; otherwise the outcome is unknown.
func failure(op string, err error) error {
	var dial dialError
	answer, answered := rueidis.IsRedisErr(err)
	switch {
	// Redis before 7 puts this text into the middle of the error of the script.
	case answered && strings.Contains(answer.Error(), "OOM command not allowed"):
		return fmt.Errorf("redisstore: %s: %w: the server is at its maxmemory", op, store.ErrFull)
	case answered: // a script that failed has written nothing: its only write is its last command
		return fmt.Errorf("redisstore: %s: %w: the server answers: %w", op, store.ErrUnavailable, err)
	case errors.As(err, &dial), errors.Is(err, errNotSent),
		errors.Is(err, rueidis.ErrNoCache): // no tracking on a new connection, which was not used then
		return fmt.Errorf("redisstore: %s: %w: %w", op, store.ErrUnavailable, err)
	}
	return fmt.Errorf("redisstore: %s: %w", op, err)
}

// retryable reports whether the connection broke during a read, so that the read may be sent again.
func retryable(err error) bool {
	if err == nil {
		return false
	}
	var dial dialError
	_, answered := rueidis.IsRedisErr(err)
	return !answered && !rueidis.IsRedisNil(err) && !errors.As(err, &dial) && !errors.Is(err, rueidis.ErrClosing) &&
		!errors.Is(err, rueidis.ErrNoCache)
}
