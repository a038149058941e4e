package bearer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/redact"
	"github.com/sessionctx/storefront/internal/singleflight"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

const (
	introspectTimeout = 2 * time.Second  // as long as a Resolver waits for a store
	maxOpaqueTime     = 60 * time.Second // how long an answer counts
	refusedTime       = 10 * time.Second // how long a refusal counts
	refusedTokens     = 4096             // refusals that are cached
)

// questions are what the issuer of opaque tokens is asked, and the tokens that it has refused.
// Refusals have a cache of their own: anybody can send made-up tokens, and these must not push out
// the tokens that count.
type questions struct {
	started time.Time
	calls   singleflight.Group[fingerprint, Claims]
	refused *halves[refusal]
}

type refusal struct {
	err   error
	until time.Duration // since questions.started
}

func newQuestions() *questions {
	q := &questions{started: time.Now(), refused: newHalves[refusal](refusedTokens)}
	q.calls.Timeout = introspectTimeout
	q.calls.Spawn = func(f func()) { go f() }
	return q
}

// refusal returns why a token was refused less than refusedTime ago, and nil otherwise.
func (q *questions) refusal(token fingerprint, now time.Time) error {
	r, _, ok := q.refused.get(token)
	if !ok || now.Sub(q.started) >= r.until {
		return nil
	}
	return r.err
}

// ask returns the claims of an opaque token. All who ask about one token at a time share one call.
func (v *Verifier) ask(ctx context.Context, fp fingerprint, token string, now time.Time) (Claims, error) {
	q := v.questions
	if err := q.refusal(fp, now); err != nil {
		return Claims{}, err
	}
	if !isBearerToken(token) {
		return Claims{}, errMalformed
	}
	c, _, err := q.calls.Do(ctx, binary.LittleEndian.Uint64(fp[:]), fp, 1, 0, func(ctx context.Context) (Claims, error) {
		// An earlier call may have ended since the caches were looked at.
		if c, ok := v.cache.get(fp, now); ok {
			return c, nil
		}
		if err := q.refusal(fp, now); err != nil {
			return Claims{}, err
		}
		return v.introspect(ctx, fp, token)
	})
	if err != nil && !errors.Is(err, middleware.ErrUnauthenticated) && !errors.Is(err, sessionctx.ErrUnavailable) {
		err = unanswered(err, token) // the caller, or the call, has run out of time
	}
	return c, err
}

// unanswered returns an ErrUnavailable. The URL in an error of net/http may contain the token.
func unanswered(err error, token string) error {
	return fmt.Errorf("bearer: introspection: %w: %w", sessionctx.ErrUnavailable, redact.Error(err, token))
}

// introspect asks the host, and caches the answer.
func (v *Verifier) introspect(ctx context.Context, fp fingerprint, token string) (c Claims, err error) {
	is := v.opaque
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("bearer: introspection: %w: panic: %s", sessionctx.ErrUnavailable, redact.Panic(cause, token))
		}
		if errors.Is(err, middleware.ErrUnauthenticated) {
			v.questions.refused.keep(fp, refusal{err, time.Since(v.questions.started) + refusedTime})
		}
	}()
	answer, err := is.introspect(ctx, token)
	switch {
	case errors.Is(err, middleware.ErrUnauthenticated):
		return Claims{}, errInactive
	case err != nil:
		return Claims{}, unanswered(err, token)
	}
	active, ok := answer["active"].(bool)
	now := time.Now()
	end, hasEnd, err := endOf(answer, now)
	switch {
	case !ok:
		return Claims{}, unanswered(errors.New("the answer has no active"), token)
	case !active:
		return Claims{}, errInactive
	case err != nil:
		return Claims{}, unanswered(err, token)
	}
	iss, _ := answer["iss"].(string)
	if len(is.names) != 0 && !slices.Contains(is.names, iss) {
		return Claims{}, errIssuer
	}
	if !hasEnd {
		end = now.Add(maxOpaqueTime)
	}
	if !now.Before(end) {
		return Claims{}, errExpired
	}
	if c, err = is.accept(answer); err != nil {
		return Claims{}, err
	}
	c.Expires = end.Truncate(time.Second)
	if is.cached != 0 {
		v.cache.put(fp, c, now, end.Sub(c.Expires), min(maxOpaqueTime, end.Sub(now)))
	}
	return c, nil
}

// endOf returns when a token ends according to the answer: the earlier of exp and expires_in.
func endOf(answer map[string]any, now time.Time) (end time.Time, hasEnd bool, err error) {
	for _, name := range []string{"exp", "expires_in"} {
		v, exists := answer[name]
		if !exists || v == nil {
			continue
		}
		s, ok := secondsOf(v)
		if !ok {
			return time.Time{}, false, fmt.Errorf("the answer's %s is no number of seconds", name)
		}
		at := time.Unix(s, 0)
		if name == "expires_in" {
			at = now.Add(time.Duration(s) * time.Second)
		}
		if !hasEnd || at.Before(end) {
			end, hasEnd = at, true
		}
	}
	return end, hasEnd, nil
}

// secondsOf reads a number as encoding/json decodes it, or as a host writes it. A larger number
// than endless is cut to it, so that it fits a time.Duration.
func secondsOf(v any) (int64, bool) {
	const endless = 1 << 33
	switch v := v.(type) {
	case float64:
		return int64(max(0, min(v, endless))), !math.IsNaN(v)
	case json.Number:
		f, err := v.Float64()
		return int64(max(0, min(f, endless))), err == nil && !math.IsNaN(f)
	case int:
		return secondsOf(int64(v))
	case int64:
		return max(0, min(v, endless)), true
	default:
		return 0, false
	}
}

// isBearerToken reports whether a text has the form b64token (RFC 6750, section 2.1).
func isBearerToken(token string) bool {
	body := strings.TrimRight(token, "=")
	return body != "" && strings.IndexFunc(body, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/", r))
	}) < 0
}
