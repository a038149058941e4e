package jwks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/sessionctx"
)

const (
	refetchAfter = 10 * time.Second // how new the keys are when an unknown key causes no fetch
	retryAfter   = time.Second      // how long a failed fetch is not tried again
	keepFor      = 24 * time.Hour   // how long keys are used that cannot be fetched again
	maxBody      = 1 << 20          // bytes of a key set
)

// Set has the keys of an issuer. It is safe for concurrent use by multiple goroutines.
type Set struct {
	url             string
	client          *http.Client
	timeout, maxAge time.Duration
	log             *slog.Logger
	now             func() time.Time

	mu      sync.Mutex
	keys    keys      // of the last fetch that succeeded
	fetched time.Time // when that fetch began; zero: none has succeeded
	tried   time.Time // when the last fetch ended
	err     error     // of the last fetch
	running *fetch    // nil: none is under way
}

// fetch is one fetch. err is set before done is closed.
type fetch struct {
	done chan struct{}
	err  error
}

// errUnknown is never shown: a Verifier says that the key is not known.
var errUnknown = errors.New("jwks: no such key")

// Keyfunc finds the key of a token: it is a bearer.Config.Keyfunc. An error is
// sessionctx.ErrUnavailable if the keys could not be had, and says that there is no such key
// otherwise. A token without a kid has the only key of the set that fits its algorithm (OpenID
// Connect Core 1.0, section 10.1).
func (s *Set) Keyfunc(t *jwt.Token) (any, error) {
	kid, hasKid := t.Header["kid"].(string)
	if _, exists := t.Header["kid"]; exists && !hasKid {
		return nil, errUnknown
	}
	alg := t.Method.Alg()
	now := s.now()
	s.mu.Lock()
	known := !s.fetched.IsZero() && now.Sub(s.fetched) < keepFor
	if known {
		if found, ok := s.keys.find(kid, hasKid, alg); ok {
			if now.Sub(s.fetched) >= s.maxAge && now.Sub(s.tried) >= refetchAfter {
				s.start()
			}
			s.mu.Unlock()
			return verifiedBy(found)
		}
		if now.Sub(s.fetched) < refetchAfter {
			s.mu.Unlock()
			return nil, errUnknown
		}
	}
	f := s.running
	switch {
	case f != nil:
	case s.err != nil && now.Sub(s.tried) < retryAfter:
		f = &fetch{done: closed, err: s.err}
	default:
		f = s.start()
	}
	s.mu.Unlock()
	<-f.done
	if f.err != nil {
		return nil, f.err
	}
	s.mu.Lock()
	found, _ := s.keys.find(kid, hasKid, alg)
	s.mu.Unlock()
	return verifiedBy(found)
}

func verifiedBy(found []jwt.VerificationKey) (any, error) {
	if len(found) == 0 {
		return nil, errUnknown
	}
	return jwt.VerificationKeySet{Keys: found}, nil
}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Refresh fetches the keys, and waits until they are in use: at the start of a host, or when the
// issuer says that a key was withdrawn. It joins a fetch that is under way. An error is
// sessionctx.ErrUnavailable, and leaves the keys as they are. When ctx ends, the fetch goes on.
func (s *Set) Refresh(ctx context.Context) error {
	s.mu.Lock()
	f := s.running
	if f == nil {
		f = s.start()
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("jwks: %w: %w", sessionctx.ErrUnavailable, ctx.Err())
	}
}

// start begins a fetch, unless one is under way. s.mu is locked.
func (s *Set) start() *fetch {
	if s.running != nil {
		return s.running
	}
	f := &fetch{done: make(chan struct{})}
	s.running = f
	go s.run(f, s.now())
	return f
}

func (s *Set) run(f *fetch, began time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	found, err := s.get(ctx)
	s.report(err)
	s.mu.Lock()
	s.running, s.tried, s.err = nil, s.now(), nil
	if err == nil {
		s.keys, s.fetched = found, began
	} else {
		f.err = fmt.Errorf("jwks: %w: %w", sessionctx.ErrUnavailable, err)
		s.err = f.err
	}
	s.mu.Unlock()
	close(f.done)
}

// report logs the outcome of a fetch that is still under way for all others.
func (s *Set) report(err error) {
	s.mu.Lock()
	failedBefore, hasKeys, age := s.err != nil, !s.fetched.IsZero(), s.now().Sub(s.fetched)
	s.mu.Unlock()
	switch {
	case err != nil && !failedBefore && !hasKeys:
		s.log.Error("jwks: keys not fetched; no token of the issuer can be verified", "url", s.url, "error", err)
	case err != nil && !failedBefore:
		s.log.Warn("jwks: keys not fetched; the known keys stay in use", "url", s.url, "age", age, "until_age", keepFor, "error", err)
	case err == nil && failedBefore:
		s.log.Info("jwks: keys fetched again", "url", s.url)
	}
}

// get fetches the keys.
func (s *Set) get(ctx context.Context) (keys, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the key server answers %s", answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errors.New("the key set is larger than 1 MiB")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("the answer is no key set: %w", err)
	}
	found := decode(set.Keys)
	if len(found) == 0 {
		return nil, errors.New("the key set has no key that can verify a token")
	}
	return found, nil
}
