package middleware

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// BearerConfig configures a Bearer. NewBearer copies what it needs and never writes to it; a zero field is its
// documented default.
type BearerConfig struct {
	_ [0]func()

	Issuer   string // the only iss that is accepted, exactly. Required.
	Audience string // must be among the token's aud, exactly. Required.

	// Keys are the keys that verify tokens. Required, unless Keyfunc is set.
	Keys []Key

	// Keyfunc finds the key of a token instead of Keys, for key sets that change, such as a JWKS. It is called with a token
	// that is not verified yet, and must refetch for an unknown kid only under a rate limit, since anybody can
	// send one. An error for which errors.Is(err, sessionctx.ErrUnavailable) holds says that the keys could not be
	// had: it is returned as it is. Any other error means that there is no such key. It must be safe for concurrent use by multiple goroutines.
	Keyfunc jwt.Keyfunc

	// Algorithms are those that Keyfunc's keys are for. Required with Keyfunc, excluded by Keys, which carry their own.
	// Permitted: HS256, HS384, HS512; or any of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA
	// (RFC 7518, section 3.1; RFC 8037, section 3.1).
	//
	// Security: the first three never go together with the others. A public key is no secret, so whoever could make
	// the server take one for an HMAC key could sign anything (RFC 8725, section 2.1).
	Algorithms []string

	// Tenant is the tenant of all tokens of this issuer, for issuers that know only one: TenantClaim is not read then.
	// Default: the token says it.
	Tenant string

	// The names of the claims, each a top-level string of the token's.
	TenantClaim   string // default "tenant"; required in the token, unless Tenant is set
	SessionClaim  string // default "sid" (OpenID Connect Front-Channel Logout 1.0, section 3); at most 256 bytes
	CustomerClaim string // default "sub"; absent: anonymous; at most 256 bytes
	ScopesClaim   string // default "scope" (RFC 8693, section 4.2); a list of strings is accepted too

	// Leeway is how far the clocks of issuer and server may be apart. Default 30 s, -1 none, at most 5 min.
	Leeway time.Duration

	// Remember is how many verified tokens are remembered, so that their signatures are checked once: no longer than
	// they live, and at most 5 min, after which a key that was withdrawn counts no more. Only hashes are kept of the tokens.
	// Default 4096, -1 none, else 2 to 1<<20.
	Remember int
}

// Key is one key of a Bearer.
type Key struct {
	// ID must equal the token's kid (RFC 7515, section 4.1.4); the empty ID is for tokens without a kid.
	ID string
	// Algorithm is the only one that this key verifies, one of those of BearerConfig.Algorithms.
	Algorithm string
	// Key is a []byte at least as long as the hash for HS, an *rsa.PublicKey of at least 2048 bits for RS and PS,
	// an *ecdsa.PublicKey on the algorithm's curve for ES, an ed25519.PublicKey for EdDSA (RFC 7518, sections 3.2 to 3.5).
	Key any
}

const (
	defaultLeeway   = 30 * time.Second
	maxLeeway       = 5 * time.Minute
	defaultRemember = 4096
	maxRemember     = 1 << 20
)

// NewBearer returns a Bearer. An error joins one *ConfigError per mistake; none of them contains a key.
func NewBearer(cfg BearerConfig) (*Bearer, error) {
	var errs []error
	mistake := func(field, value string, reason Reason, rule string) {
		errs = append(errs, &ConfigError{Field: "BearerConfig." + field, Value: value, Reason: reason, Rule: rule})
	}
	if cfg.Issuer == "" {
		mistake("Issuer", "", ReasonMissing, "")
	}
	if cfg.Audience == "" {
		mistake("Audience", "", ReasonMissing, "")
	}
	if cfg.Tenant != "" && !defaults.ValidTenant(cfg.Tenant) {
		mistake("Tenant", cfg.Tenant, ReasonMalformed, ruleTenant)
	}
	if cfg.Tenant != "" && cfg.TenantClaim != "" {
		mistake("TenantClaim", cfg.TenantClaim, ReasonExcluded, "either Tenant or TenantClaim")
	}
	leeway, remember := cfg.Leeway, cfg.Remember
	switch {
	case leeway == 0:
		leeway = defaultLeeway
	case leeway == -1:
		leeway = 0
	case leeway < 0 || leeway > maxLeeway:
		mistake("Leeway", leeway.String(), ReasonRange, fmt.Sprintf("must be up to %v, or -1 for none", maxLeeway))
	}
	switch {
	case remember == 0:
		remember = defaultRemember
	case remember == -1:
		remember = 0
	case remember < 2 || remember > maxRemember:
		mistake("Remember", strconv.Itoa(remember), ReasonRange, fmt.Sprintf("must be 2 to %d tokens, or -1 for none", maxRemember))
	}

	var key jwt.Keyfunc
	algorithms := cfg.Algorithms
	switch {
	case cfg.Keyfunc != nil:
		if len(cfg.Keys) != 0 {
			mistake("Keys", "", ReasonExcluded, "either Keys or Keyfunc")
		}
		if len(algorithms) == 0 {
			mistake("Algorithms", "", ReasonMissing, "a Keyfunc says nothing of algorithms")
		}
		for _, alg := range algorithms {
			if !isAlgorithm(alg) {
				mistake("Algorithms", alg, ReasonAlgorithm, "")
			}
		}
		if isMixed(algorithms) {
			mistake("Algorithms", "", ReasonMixed, "")
		}
		key = foreign(cfg.Keyfunc)
	default:
		if len(algorithms) != 0 {
			mistake("Algorithms", "", ReasonExcluded, "Keys say the algorithm of each")
		}
		if len(cfg.Keys) == 0 {
			mistake("Keys", "", ReasonMissing, "Keys or Keyfunc")
		}
		set := make(keySet, len(cfg.Keys))
		algorithms = nil
		for _, k := range cfg.Keys {
			if _, twice := set[k.ID]; twice {
				mistake("Keys", k.ID, ReasonDuplicate, "")
			}
			switch {
			case !isAlgorithm(k.Algorithm):
				mistake("Keys", k.Algorithm, ReasonAlgorithm, "")
			case !fits(k):
				mistake("Keys", k.ID, ReasonKey, "")
			}
			if secret, ok := k.Key.([]byte); ok {
				k.Key = bytes.Clone(secret)
			}
			set[k.ID] = k
			algorithms = append(algorithms, k.Algorithm)
		}
		key = set.find
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Bearer{
		parser: jwt.NewParser(
			jwt.WithValidMethods(slices.Clone(algorithms)),
			jwt.WithIssuer(cfg.Issuer),
			jwt.WithAudience(cfg.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(leeway),
			jwt.WithStrictDecoding(),
		),
		key:    key,
		tenant: cfg.Tenant,
		claims: claimNames{
			tenant:   or(cfg.TenantClaim, "tenant"),
			session:  or(cfg.SessionClaim, "sid"),
			customer: or(cfg.CustomerClaim, "sub"),
			scopes:   or(cfg.ScopesClaim, "scope"),
		},
		prints:     newFingerprinter(),
		remembered: newRemembered(remember, leeway),
	}, nil
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// keySet is Keys by ID. A key is bound to one algorithm, so no header can choose another one for it.
type keySet map[string]Key

func (s keySet) find(t *jwt.Token) (any, error) {
	if hasUnknown(t) {
		return nil, errKey
	}
	kid, _ := t.Header["kid"].(string)
	k, ok := s[kid]
	if !ok || k.Algorithm != t.Method.Alg() {
		return nil, errKey
	}
	return k.Key, nil
}

// keyError carries a Keyfunc's ErrUnavailable through the parser.
type keyError struct{ err error }

func (e *keyError) Error() string { return e.err.Error() }

func foreign(find jwt.Keyfunc) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if hasUnknown(t) {
			return nil, errKey
		}
		k, err := find(t)
		if err != nil && errors.Is(err, sessionctx.ErrUnavailable) {
			return nil, &keyError{err}
		}
		return k, err
	}
}

// hasUnknown reports whether the token says that it must not be accepted without knowing an extension
// (RFC 7515, section 4.1.11): none is known here.
func hasUnknown(t *jwt.Token) bool {
	_, crit := t.Header["crit"]
	return crit
}

var publicKeyAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

func isHMAC(alg string) bool { return alg == "HS256" || alg == "HS384" || alg == "HS512" }

func isAlgorithm(alg string) bool { return isHMAC(alg) || slices.Contains(publicKeyAlgorithms, alg) }

func isMixed(algs []string) bool {
	return slices.ContainsFunc(algs, isHMAC) && slices.ContainsFunc(algs, func(alg string) bool { return !isHMAC(alg) })
}

// fits reports whether the key is of its algorithm's kind, curve and least size.
func fits(k Key) bool {
	switch method := jwt.GetSigningMethod(k.Algorithm).(type) {
	case *jwt.SigningMethodHMAC:
		secret, ok := k.Key.([]byte)
		// A PEM file is a public key or somebody else's private one, never a shared secret.
		return ok && len(secret) >= method.Hash.Size() && !strings.Contains(string(secret), "-----BEGIN ")
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
		public, ok := k.Key.(*rsa.PublicKey)
		return ok && public != nil && public.N != nil && public.N.BitLen() >= 2048
	case *jwt.SigningMethodECDSA:
		public, ok := k.Key.(*ecdsa.PublicKey)
		return ok && public != nil && public.Curve != nil && public.Curve.Params().BitSize == method.CurveBits
	case *jwt.SigningMethodEd25519:
		public, ok := k.Key.(ed25519.PublicKey)
		return ok && len(public) == ed25519.PublicKeySize
	default:
		return false
	}
}
