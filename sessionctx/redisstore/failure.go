package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// dialError says that there was no connection: nothing was sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

// failure says what an error of the client means. Where nothing was written it is ErrUnavailable or ErrFull; otherwise the
// outcome is unknown.
func failure(op string, err error) error {
	var dial dialError
	answer, answered := rueidis.IsRedisErr(err)
	switch {
	case answered && strings.HasPrefix(answer.Error(), "OOM "):
		return fmt.Errorf("redisstore: %s: %w: the server is at its maxmemory", op, store.ErrFull)
	case answered: // the script's only write is its last command, so one that failed has written nothing
		return fmt.Errorf("redisstore: %s: %w: the server says: %w", op, store.ErrUnavailable, err)
	case errors.As(err, &dial), errors.Is(err, rueidis.ErrNoCache): // a new connection that the server would tell nothing: it was not used
		return fmt.Errorf("redisstore: %s: %w: %w", op, store.ErrUnavailable, err)
	}
	return fmt.Errorf("redisstore: %s: %w", op, err)
}

// torn reports whether a connection broke under a call that it may be worth to make again.
func torn(ctx context.Context, err error) bool {
	if err == nil {
		return false
	}
	var dial dialError
	_, answered := rueidis.IsRedisErr(err)
	return !answered && !rueidis.IsRedisNil(err) && ctx.Err() == nil && !errors.As(err, &dial) && !errors.Is(err, rueidis.ErrClosing) &&
		!errors.Is(err, rueidis.ErrNoCache)
}
