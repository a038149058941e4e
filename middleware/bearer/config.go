package bearer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Verifier. New copies what it needs and never writes to it; a zero field is
// its documented default.
type Config struct {
	_ [0]func()

	Issuer   string // the only iss that is accepted, exactly. Required.
	Audience string // must equal the token's audience, or be one of its audiences, exactly. Required.

	// Keys are the keys that verify tokens. Required, unless Keyfunc is set.
	Keys []Key

	// Keyfunc finds the key of a token, in place of Keys: for key sets that change, such as a JWKS.
	// It is called with a token that is not verified yet. Anybody can send an unknown kid, so it
	// must fetch the key set again for one only under a rate limit.
	//
	// An error for which errors.Is(err, sessionctx.ErrUnavailable) holds says that the keys could
	// not be had: Verify returns it as it is. Any other error says that there is no such key. It
	// must be safe for concurrent use by multiple goroutines.
	Keyfunc jwt.Keyfunc

	// Algorithms are those of Keyfunc's keys. Required with Keyfunc, and refused with Keys, of
	// which each has its own. Permitted: HS256, HS384, HS512; or any of RS256, RS384, RS512, PS256,
	// PS384, PS512, ES256, ES384, ES512, EdDSA (RFC 7518, section 3.1; RFC 8037, section 3.1).
	//
	// Security: the first three never go together with the others. A public key is no secret, so
	// whoever made the server use a public key as an HMAC key could sign any token (RFC 8725,
	// section 2.1).
	Algorithms []string

	// Tenant is the tenant of all tokens, for an issuer that knows only one: TenantClaim is not
	// read then. Default: each token says its tenant.
	Tenant string

	// The names of the claims. Each is a top-level claim of the token, and no two are the same:
	// with one claim for session and customer, a customer who logs out would be locked out until
	// the end of the session is forgotten.
	AudienceClaim string // default "aud"; "client_id" for issuers whose access tokens have no aud
	TenantClaim   string // default "tenant"; required in the token, unless Tenant is set
	SessionClaim  string // default "sid" (OpenID Connect Front-Channel Logout 1.0, section 3); at most 256 bytes
	CustomerClaim string // default "sub"; a token without it is anonymous; at most 256 bytes
	ScopesClaim   string // default "scope" (RFC 8693, section 4.2); a list of strings is accepted, too

	// Leeway is how far the clocks of issuer and server may be apart. Default 30 s; -1: none; at
	// most 5 min.
	Leeway time.Duration

	// CachedTokens is how many verified tokens are cached, so that the signature of each is checked
	// once. A token is cached until it expires, but for 5 min at most: so long a key counts that
	// was withdrawn. Of a token only a keyed fingerprint is kept. Default 4096; -1: none; else 2 to
	// 1048576.
	CachedTokens int
}

const (
	defaultLeeway       = 30 * time.Second
	maxLeeway           = 5 * time.Minute
	defaultCachedTokens = 4096
	maxCachedTokens     = 1 << 20
)

// mistakes collects what is wrong with a Config.
type mistakes []error

func (m *mistakes) add(field, value, rule string) {
	*m = append(*m, &sessionctx.ConfigError{Field: "bearer.Config." + field, Value: value, Rule: rule})
}

// New returns a Verifier. An error joins one *sessionctx.ConfigError per mistake; none contains a
// key.
func New(cfg Config) (*Verifier, error) {
	var m mistakes
	if cfg.Issuer == "" {
		m.add("Issuer", "", "is required")
	}
	if cfg.Audience == "" {
		m.add("Audience", "", "is required")
	}
	if cfg.Tenant != "" && !defaults.ValidTenant(cfg.Tenant) {
		m.add("Tenant", cfg.Tenant, "must match ^[a-z][a-z0-9]+$ and have 3 to 16 characters")
	}
	names := cfg.claimNames(&m)
	leeway, cached := cfg.Leeway, cfg.CachedTokens
	switch {
	case leeway == 0:
		leeway = defaultLeeway
	case leeway == -1:
		leeway = 0
	case leeway < 0 || leeway > maxLeeway:
		m.add("Leeway", leeway.String(), fmt.Sprintf("must be 1ns to %v, or -1 for none", maxLeeway))
	}
	switch {
	case cached == 0:
		cached = defaultCachedTokens
	case cached == -1:
		cached = 0
	case cached < 2 || cached > maxCachedTokens:
		m.add("CachedTokens", fmt.Sprint(cached), fmt.Sprintf("must be 2 to %d, or -1 for none", maxCachedTokens))
	}
	key, algorithms := cfg.keyfunc(&m)
	if err := errors.Join(m...); err != nil {
		return nil, err
	}
	return &Verifier{
		parser: jwt.NewParser(
			jwt.WithValidMethods(algorithms),
			jwt.WithIssuer(cfg.Issuer),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(leeway),
			jwt.WithStrictDecoding(),
		),
		key:          key,
		audience:     cfg.Audience,
		tenant:       cfg.Tenant,
		claims:       names,
		fingerprints: newFingerprinter(),
		cache:        newTokenCache(cached, leeway),
	}, nil
}

// claimNames returns the names of the claims, of which no two may be the same.
func (cfg *Config) claimNames(m *mistakes) claimNames {
	if cfg.Tenant != "" && cfg.TenantClaim != "" {
		m.add("TenantClaim", cfg.TenantClaim, "cannot be set together with Tenant")
	}
	reader := map[string]string{"iss": "Issuer"} // by claim: the field that reads it
	name := func(field, claim, byDefault string) string {
		if claim == "" {
			claim = byDefault
		}
		if other, taken := reader[claim]; taken {
			m.add(field, claim, "must not be the claim that "+other+" reads")
		}
		reader[claim] = field
		return claim
	}
	var n claimNames
	n.customer = name("CustomerClaim", cfg.CustomerClaim, "sub")
	n.session = name("SessionClaim", cfg.SessionClaim, "sid")
	n.audience = name("AudienceClaim", cfg.AudienceClaim, "aud")
	n.scopes = name("ScopesClaim", cfg.ScopesClaim, "scope")
	if cfg.Tenant == "" {
		n.tenant = name("TenantClaim", cfg.TenantClaim, "tenant")
	}
	return n
}

// keyfunc returns what finds the key of a token, and the algorithms of all keys.
func (cfg *Config) keyfunc(m *mistakes) (jwt.Keyfunc, []string) {
	algorithmRule := "must be one of " + strings.Join(append(slices.Clone(secretKeyAlgorithms), publicKeyAlgorithms...), ", ")
	if cfg.Keyfunc != nil {
		if len(cfg.Keys) != 0 {
			m.add("Keys", "", "cannot be set together with Keyfunc")
		}
		if len(cfg.Algorithms) == 0 {
			m.add("Algorithms", "", "is required with Keyfunc")
		}
		for _, alg := range cfg.Algorithms {
			if !isAlgorithm(alg) {
				m.add("Algorithms", alg, algorithmRule)
			}
		}
		if isMixed(cfg.Algorithms) {
			m.add("Algorithms", strings.Join(cfg.Algorithms, ", "), "must not mix HS algorithms, whose keys are secret, with others")
		}
		return guardKeyfunc(cfg.Keyfunc), slices.Clone(cfg.Algorithms)
	}
	if len(cfg.Algorithms) != 0 {
		m.add("Algorithms", strings.Join(cfg.Algorithms, ", "), "cannot be set together with Keys, of which each has its own algorithm")
	}
	if len(cfg.Keys) == 0 {
		m.add("Keys", "", "is required, unless Keyfunc is set")
	}
	keys := make(keySet, len(cfg.Keys))
	var algorithms []string
	for i, k := range cfg.Keys {
		field := fmt.Sprintf("Keys[%d].", i)
		if _, taken := keys[k.ID]; taken {
			m.add(field+"ID", k.ID, "must not be the ID of another key")
		}
		if !isAlgorithm(k.Algorithm) {
			m.add(field+"Algorithm", k.Algorithm, algorithmRule)
		} else if rule := k.mistake(); rule != "" {
			m.add(field+"Key", "", rule)
		}
		if secret, ok := k.Key.([]byte); ok {
			k.Key = bytes.Clone(secret)
		}
		keys[k.ID] = k
		algorithms = append(algorithms, k.Algorithm)
	}
	return keys.find, algorithms
}
