package downstream

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// VerifierConfig configures a Verifier. NewVerifier copies what it needs and never writes to it; a
// zero field is its documented default.
type VerifierConfig struct {
	_ [0]func()

	// Audience names this service. Required. Only tokens for exactly this audience count.
	//
	// Security: each service needs a name of its own. Else one of them could use the tokens that it
	// gets at another one (RFC 8725, section 3.9).
	Audience string

	// Issuers are the services whose sessions count: by their TransportConfig.Issuer the keys that
	// verify their tokens. Required. Each key has one algorithm, so a token cannot choose another
	// one: "HS256" with the shared secret, or "EdDSA" with the public key.
	Issuers map[string][]bearer.Key

	// Resolver resolves the session of a token again, on the store that the sender's Resolver uses:
	// as it is now, and never older than what the sender has seen, see
	// sessionctx.Request.AtLeast. The caller owns its life. Default: the session of the token, as
	// the sender saw it; nothing is asked.
	Resolver *sessionctx.Resolver

	// Leeway is how far the clocks of sender and receiver may be apart. Default 5 s; -1: none; at
	// most 60 s. A token counts for 60 s and the leeway.
	Leeway time.Duration

	// Skip says which requests pass untouched, without a session in their context: health checks.
	// Default: none.
	Skip func(*http.Request) bool

	// OnError answers a request without a session. Default: Fail. Where the token is good and the
	// Resolver has failed, r carries the session of the token: with sessionctx.ErrUnavailable, a
	// service that only shows values may call next.
	OnError middleware.ErrorPolicy
}

const (
	defaultLeeway = 5 * time.Second
	maxLeeway     = 60 * time.Second
)

// Verifier attaches the sessions that Transports send. It is safe for concurrent use by multiple
// goroutines.
type Verifier struct {
	issuers  map[string]*bearer.Verifier
	resolver *sessionctx.Resolver
	leeway   time.Duration
	skip     func(*http.Request) bool
	onError  middleware.ErrorPolicy
}

// NewVerifier returns a Verifier. An error joins one *sessionctx.ConfigError per mistake; none
// contains a key.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	v := &Verifier{
		issuers: map[string]*bearer.Verifier{}, resolver: cfg.Resolver,
		leeway: cfg.Leeway, skip: cfg.Skip, onError: cfg.OnError,
	}
	var errs []error
	mistake := func(field, value, rule string) {
		errs = append(errs, &sessionctx.ConfigError{Field: "downstream.VerifierConfig." + field, Value: value, Rule: rule})
	}
	if cfg.Audience == "" {
		mistake("Audience", "", "is required")
	}
	switch {
	case v.leeway == 0:
		v.leeway = defaultLeeway
	case v.leeway == -1:
		v.leeway = 0
	case v.leeway < 0 || v.leeway > maxLeeway:
		mistake("Leeway", v.leeway.String(), fmt.Sprintf("must be 1ns to %v, or -1 for none", maxLeeway))
		v.leeway = defaultLeeway
	}
	if v.onError == nil {
		v.onError = Fail
	}
	if len(cfg.Issuers) == 0 {
		mistake("Issuers", "", "is required")
	}
	for _, issuer := range slices.Sorted(maps.Keys(cfg.Issuers)) {
		field := fmt.Sprintf("Issuers[%q]", issuer)
		if issuer == "" {
			mistake(field, "", "must name the issuer")
			continue
		}
		var err error
		v.issuers[issuer], err = bearer.New(bearer.Config{
			Issuer: issuer, Audience: cmp.Or(cfg.Audience, "none"), Type: tokenType, Keys: cfg.Issuers[issuer],
			SessionClaim: "-", Leeway: cmp.Or(v.leeway, -1),
			CachedTokens: -1, // each request has a token of its own
		})
		for _, e := range mistakesOf(err) {
			mistake(strings.Replace(e.Field, "bearer.Config.Keys", field, 1), e.Value, e.Rule)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return v, nil
}

// mistakesOf returns the mistakes in a Config of another package.
func mistakesOf(err error) (mistakes []*sessionctx.ConfigError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			mistakes = append(mistakes, mistakesOf(e)...)
		}
	}
	var mistake *sessionctx.ConfigError
	if len(mistakes) == 0 && errors.As(err, &mistake) {
		mistakes = append(mistakes, mistake)
	}
	return mistakes
}

// Wrap returns a handler that calls next with a request whose context carries the session of its
// token: see sessionctx.FromContext. As a method value it is the func(http.Handler) http.Handler of
// routers. See Attach for the headers of the response, and for the errors, which OnError answers.
func (v *Verifier) Wrap(next http.Handler) http.Handler { return &handler{v, next} }

// handler is a struct and not a closure, so that stack traces name it.
type handler struct {
	v    *Verifier
	next http.Handler
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.v.skip != nil && h.v.skip(r) {
		h.next.ServeHTTP(w, r)
		return
	}
	attached, err := h.v.Attach(w, r)
	if err != nil {
		h.v.onError(w, attached, err, h.next)
		return
	}
	h.next.ServeHTTP(w, attached)
}

// Attach returns r with a context that carries the session of its token. Wrap calls it; call it
// where no Wrap is around the handler.
//
// It sets Cache-Control: private, unless the host has set another one, and adds the header to Vary:
// the response is one shopper's. It is private, no-store for a session that is Degraded or has
// ProfileMissing, and beside an error.
//
// The errors are those of VerifyToken, middleware.ErrUnauthenticated for a request without the
// header, and those of Resolver.Resolve. Of the latter expect sessionctx.ErrNotFound, where the
// session has ended in the meantime, and sessionctx.ErrUnavailable.
func (v *Verifier) Attach(w http.ResponseWriter, r *http.Request) (_ *http.Request, err error) {
	h := w.Header()
	defer func() {
		if err != nil {
			h.Set("Cache-Control", noStore)
		}
	}()
	h.Add("Vary", Header)
	tokens := r.Header[Header]
	switch len(tokens) {
	case 0:
		return r, errMissing
	case 1:
	default:
		return r, errTwice
	}
	snapshot, err := v.VerifyToken(tokens[0])
	if err != nil {
		return r, err
	}
	s := snapshot.Session()
	ctx, transient := sessionctx.NewContext(r.Context(), s), s.Degraded || s.ProfileMissing
	if v.resolver != nil {
		attached, about, err := v.resolver.Attach(r.Context(), snapshot.Request())
		if err == nil && s.ID != "" {
			// For the id of a cookie whose session has ended, Attach returns a guest. But the token
			// names a session, so the error is ErrNotFound.
			switch now, _ := sessionctx.FromContext(attached); {
			case now.ID == s.ID:
			case now.Degraded: // whether it has ended nobody knows
				err = sessionctx.ErrUnavailable
			default:
				err = sessionctx.ErrNotFound
			}
		}
		if err != nil {
			return r.WithContext(ctx), err
		}
		ctx, transient = attached, about.Transient
	}
	switch {
	case transient:
		h.Set("Cache-Control", noStore)
	case len(h["Cache-Control"]) == 0:
		h.Set("Cache-Control", "private")
	}
	return r.WithContext(ctx), nil
}

// VerifyToken verifies a token that did not come in the header, and returns what it carries. An
// error for which errors.Is(err, middleware.ErrUnauthenticated) holds says why the token does not
// count: signature, key, type, issuer, audience, time. Any other error is about a token that is
// good, and that carries what this program cannot read, such as a later version of the Snapshot; or
// about a token of more than 8000 bytes, which is not looked at. No error contains the token.
func (v *Verifier) VerifyToken(token string) (s sessionctx.Snapshot, err error) {
	if len(token) > maxToken {
		return s, errTooLarge
	}
	claims, err := readClaims(token)
	if err != nil {
		return s, err
	}
	issuer, ok := v.issuers[claims.issuer]
	if !ok {
		return s, errIssuer
	}
	verified, err := issuer.VerifyToken(token)
	if err != nil {
		return s, err
	}
	// From here on the claims are the issuer's.
	switch latest := time.Now().Add(v.leeway); {
	case !claims.oneAudience:
		return s, errAudiences
	case claims.issuedAt == nil || float64(latest.Unix()) < *claims.issuedAt:
		return s, errIssuedAt
	case float64(verified.Expires.Unix())-*claims.issuedAt > lifetime.Seconds():
		return s, errLifetime
	case claims.session == nil:
		return s, badContent("the token carries no session: the claim " + sessionClaim + " is missing")
	}
	if err := json.Unmarshal(claims.session, &s); err != nil {
		return sessionctx.Snapshot{}, badContent("the session in the token cannot be read: " + err.Error())
	}
	if s.Session().Tenant != verified.Identity.Tenant {
		return sessionctx.Snapshot{}, badContent("the session in the token is of another tenant than the token")
	}
	return s, nil
}

// claims are the claims that package bearer does not read. Until bearer has verified the token,
// anybody may have written them.
type claims struct {
	issuer      string
	oneAudience bool // aud is a text and no list
	issuedAt    *float64
	session     json.RawMessage
}

func readClaims(token string) (c claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errMalformed
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return c, errMalformed
	}
	var members map[string]json.RawMessage // a struct would take members in another letter case, too
	if json.Unmarshal(payload, &members) != nil ||
		members["iss"] != nil && json.Unmarshal(members["iss"], &c.issuer) != nil ||
		members["iat"] != nil && json.Unmarshal(members["iat"], &c.issuedAt) != nil {
		return c, errMalformed
	}
	c.oneAudience = strings.HasPrefix(string(members["aud"]), `"`)
	c.session = members[sessionClaim]
	return c, nil
}
