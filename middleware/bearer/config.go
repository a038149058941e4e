package bearer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx"
)

// Config configures a Verifier for the tokens of one issuer. New copies what it needs and never
// writes to it; a zero field is its documented default.
type Config struct {
	_ [0]func()

	// Issuer is the token's iss, exactly. Required, unless Introspect is set. With Introspect and
	// without Issuer an answer counts whatever its iss is.
	Issuer string

	// IssuerAliases are other texts for iss that name the same issuer: with the same keys, and with
	// the same subject for the same customer. Google writes its name with and without "https://".
	// Default: none.
	IssuerAliases []string

	// Audience must equal the token's audience, or be one of its audiences, exactly. Required,
	// unless Introspect is set.
	//
	// Security: without an audience a token that the issuer gave to another service is accepted,
	// and that service can act for its visitors here (RFC 9700, section 2.3). With Introspect and
	// without Audience the same holds: an active answer is enough, whichever service the token is
	// for.
	Audience string

	// Type is the only typ of a token that is accepted (RFC 7515, section 4.1.9): "at+jwt" for an
	// issuer that follows RFC 9068, section 4, whose ID tokens are then refused. Letter case and
	// the prefix "application/" do not count. Default: a token without typ, JWT and at+jwt.
	Type string

	// Keys are the keys that verify tokens. Required, unless Keyfunc or Introspect is set.
	Keys []Key

	// Keyfunc finds the key of a token, in place of Keys: for key sets that change, such as a JWKS,
	// see package middleware/bearer/jwks. It is called with a token that is not verified yet.
	// Anybody can send an unknown kid, so Keyfunc must limit how often it fetches the key set again
	// for one. A key that Keys could not have is refused. A jwt.VerificationKeySet is tried key by
	// key.
	//
	// An error that wraps sessionctx.ErrUnavailable, a net.Error or the error of a context says that
	// the keys could not be had: Verify returns an ErrUnavailable, and the client is answered 503.
	// Any other error says that there is no such key. It must be safe for concurrent use by
	// multiple goroutines.
	Keyfunc jwt.Keyfunc

	// Algorithms are those of Keyfunc's keys. Required with Keyfunc, and refused with Keys, of
	// which each has its own. Permitted: HS256, HS384, HS512; or any of RS256, RS384, RS512, PS256,
	// PS384, PS512, ES256, ES384, ES512, EdDSA (RFC 7518, section 3.1; RFC 8037, section 3.1).
	//
	// Security: the first three never go together with the others. A public key is no secret, so
	// whoever made the server use a public key as an HMAC key could sign any token (RFC 8725,
	// section 2.1).
	Algorithms []string

	// Introspect asks the issuer about a token, in place of Keys and Keyfunc: for opaque tokens. It
	// returns the members of an introspection response (RFC 7662, section 2.2) as encoding/json
	// decodes them. Instead of exp an answer may have expires_in, in seconds. For an issuer without
	// an introspection endpoint the host makes such an answer from what that issuer says.
	//
	//   - A token counts if active is true. If active is false, or the error is
	//     middleware.ErrUnauthenticated, the token is refused, and for 10 s it is not asked about
	//     again.
	//   - Any other error, a panic, no answer within 2 s, and an answer without active or with a
	//     malformed end are sessionctx.ErrUnavailable: the client is answered 503 and keeps its
	//     token. So return ErrUnauthenticated only for what the issuer says about the token, not
	//     for a 401 about the host's own credentials.
	//   - An answer is cached until the token's end, but for 60 s at most. A token that the issuer
	//     revokes counts until then.
	//   - All who wait for an answer about one token share one call. Its context has the values of
	//     the request's context, but ends by its own timer alone.
	//
	// Anybody can send a made-up token. A text that cannot be a bearer token (RFC 6750, section
	// 2.1) or that is larger than 8 KiB is refused without a call; all others are asked about. It
	// must be safe for concurrent use by multiple goroutines.
	Introspect func(ctx context.Context, token string) (map[string]any, error)

	// Check sees the claims of a token whose signature, issuer, expiry and audience were checked,
	// as encoding/json decodes them: for token_use, scope, azp and the like. An error refuses the
	// token, with that error in the reason; one that says that somebody could not be asked, as for
	// Keyfunc, is an ErrUnavailable. Default: every such token counts.
	//
	// Check may change the claims. What it leaves is read: it can delete the customer claim of a
	// client's token, and take a session id out of a claim that holds several ids. It is called
	// once, and its outcome is cached with the token. It must be safe for concurrent use by
	// multiple goroutines.
	Check func(claims map[string]any) error

	// Tenant is the tenant of all tokens, for an issuer that knows only one: TenantClaim is not
	// read then. Default: each token says its tenant.
	Tenant string

	// The names of the claims. Each is a top-level claim of the token, and no two are the same: if
	// session and customer came from one claim, a customer who logs out could not come back until
	// the end of the session is forgotten. A token whose session id equals its customer id is
	// refused.
	AudienceClaim string // default "aud"; "client_id" for issuers whose access tokens have no aud
	TenantClaim   string // default "tenant"; required in the token, unless Tenant is set
	SessionClaim  string // default "sid" (OpenID Connect Front-Channel Logout 1.0, section 3); "-": tokens name no session; at most 256 bytes
	CustomerClaim string // default "sub"; a token without it is anonymous
	ScopesClaim   string // default "scope" (RFC 8693, section 4.2); a list of strings is accepted, too

	// CustomerPrefix goes before the customer claim: together they are the CustomerID, of at most
	// 256 bytes. A subject is unique for its issuer alone (OpenID Connect Core 1.0, section 2), so
	// each of several Configs that may be for one tenant needs a prefix of its own: "google:". A
	// CustomerID that begins with a longer prefix of another Config is refused, so each id belongs
	// to one issuer. Default: none.
	//
	// The prefix is a part of the id under which the customer's sessions are stored: never change
	// it. The first issuer can do without one when a second comes.
	CustomerPrefix string

	// Leeway is how far the clocks of issuer and server may be apart. Default 30 s; -1: none; at
	// most 5 min. Refused with Introspect, whose answer says what is valid.
	Leeway time.Duration

	// CachedTokens is how many verified tokens are cached, so that the signature of each is checked
	// once. A token is cached until it expires, but for at most 5 min (60 s with Introspect).
	// During that time a token counts although its key was withdrawn, or it was revoked. Only a
	// keyed fingerprint of a token is kept. Default 4096; -1: none; else 2 to 1048576. Several
	// Configs share one cache, of the sum of their sizes.
	CachedTokens int
}

const (
	defaultLeeway       = 30 * time.Second
	maxLeeway           = 5 * time.Minute
	defaultCachedTokens = 4096
	maxCachedTokens     = 1 << 20
	noClaim             = "-"
)

// issuer is the compiled form of one Config.
type issuer struct {
	names      []string // of the iss; empty: any
	audience   string   // empty: any
	typ        string   // empty: those of access tokens
	tenant     string   // of all tokens; empty: each token says its own
	prefix     string   // of customer ids
	foreign    []string // longer prefixes, of other issuers
	claims     claimNames
	key        jwt.Keyfunc // nil: introspect
	introspect func(context.Context, string) (map[string]any, error)
	validator  *jwt.Validator
	leeway     time.Duration
	cached     int // tokens
	check      func(map[string]any) error
}

// mistakes collects what is wrong with a Config.
type mistakes struct {
	config string // "bearer.Config."
	errs   []error
}

func (m *mistakes) add(field, value, rule string) {
	m.errs = append(m.errs, &sessionctx.ConfigError{Field: m.config + field, Value: value, Rule: rule})
}

// New returns a Verifier of the tokens of one issuer or of several. The token's iss chooses the
// Config. One of several Configs may have Introspect: it is for the tokens that are no JSON Web
// Tokens, or name none of the other issuers.
//
// An error joins one *sessionctx.ConfigError per mistake; none contains a key. A mistake in more
// names "bearer.Config[1]" and so on.
func New(cfg Config, more ...Config) (*Verifier, error) {
	m := mistakes{config: "bearer.Config."}
	v := &Verifier{fingerprints: newFingerprinter()}
	v.add(cfg.compile(&m), &m)
	for i := range more {
		m.config = fmt.Sprintf("bearer.Config[%d].", i+1)
		v.add(more[i].compile(&m), &m)
	}
	if err := errors.Join(m.errs...); err != nil {
		return nil, err
	}
	capacity := 0
	for _, is := range v.all() {
		capacity += is.cached
	}
	v.cache = newTokenCache(capacity)
	if v.opaque != nil {
		v.questions = newQuestions()
	}
	return v, nil
}

// add adds an issuer, whose tokens must be told from those of the others.
func (v *Verifier) add(is *issuer, m *mistakes) {
	for _, other := range v.all() {
		for _, name := range is.names {
			if slices.Contains(other.names, name) {
				m.add("Issuer", name, "must not be an Issuer or IssuerAlias of another Config")
			}
		}
		if is.tenant != other.tenant && is.tenant != "" && other.tenant != "" {
			continue // customers of different tenants have nothing in common
		}
		switch {
		case is.prefix == other.prefix:
			m.add("CustomerPrefix", is.prefix, "must not be that of another Config: two issuers may have different customers of one subject")
		case strings.HasPrefix(is.prefix, other.prefix):
			other.foreign = append(other.foreign, is.prefix)
		case strings.HasPrefix(other.prefix, is.prefix):
			is.foreign = append(is.foreign, other.prefix)
		}
	}
	switch {
	case is.introspect == nil:
		v.issuers = append(v.issuers, is)
	case v.opaque != nil:
		m.add("Introspect", "", "cannot be set in two Configs: nothing says which one an opaque token is for")
	default:
		v.opaque = is
	}
}

// all returns the issuers of every kind of token.
func (v *Verifier) all() []*issuer {
	if v.opaque == nil {
		return v.issuers
	}
	return append(slices.Clone(v.issuers), v.opaque)
}

// compile returns the compiled form, which is valid if m has no mistakes.
func (cfg *Config) compile(m *mistakes) *issuer {
	is := &issuer{
		audience: cfg.Audience, typ: mediaType(cfg.Type), tenant: cfg.Tenant, prefix: cfg.CustomerPrefix,
		introspect: cfg.Introspect, leeway: cfg.Leeway, cached: cfg.CachedTokens, check: cfg.Check,
	}
	if cfg.Issuer != "" {
		is.names = append(is.names, cfg.Issuer)
	} else if cfg.Introspect == nil {
		m.add("Issuer", "", "is required, unless Introspect is set")
	} else if len(cfg.IssuerAliases) != 0 {
		m.add("IssuerAliases", strings.Join(cfg.IssuerAliases, ", "), "cannot be set without Issuer")
	}
	for _, name := range cfg.IssuerAliases {
		if name == "" || slices.Contains(is.names, name) {
			m.add("IssuerAliases", name, "must not be empty, and each must differ from the others and from Issuer")
		}
		is.names = append(is.names, name)
	}
	if cfg.Audience == "" && cfg.Introspect == nil {
		m.add("Audience", "", "is required, unless Introspect is set")
	}
	if cfg.Tenant != "" && !tenants.Valid(cfg.Tenant) {
		m.add("Tenant", cfg.Tenant, tenants.Rule)
	}
	if len(cfg.CustomerPrefix) > maxID/2 {
		m.add("CustomerPrefix", cfg.CustomerPrefix, fmt.Sprintf("must have %d bytes or less", maxID/2))
	}
	is.claims = cfg.claimNames(m)
	switch {
	case cfg.Introspect != nil && is.leeway != 0:
		m.add("Leeway", is.leeway.String(), "cannot be set together with Introspect")
	case cfg.Introspect != nil:
	case is.leeway == 0:
		is.leeway = defaultLeeway
	case is.leeway == -1:
		is.leeway = 0
	case is.leeway < 0 || is.leeway > maxLeeway:
		m.add("Leeway", is.leeway.String(), fmt.Sprintf("must be 1ns to %v, or -1 for none", maxLeeway))
	}
	switch {
	case is.cached == 0:
		is.cached = defaultCachedTokens
	case is.cached == -1:
		is.cached = 0
	case is.cached < 2 || is.cached > maxCachedTokens:
		m.add("CachedTokens", fmt.Sprint(is.cached), fmt.Sprintf("must be 2 to %d, or -1 for none", maxCachedTokens))
	}
	is.key = cfg.keyfunc(m)
	is.validator = jwt.NewValidator(
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(is.leeway),
	)
	return is
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
	if cfg.SessionClaim != noClaim {
		n.session = name("SessionClaim", cfg.SessionClaim, "sid")
	}
	n.audience = name("AudienceClaim", cfg.AudienceClaim, "aud")
	n.scopes = name("ScopesClaim", cfg.ScopesClaim, "scope")
	if cfg.Tenant == "" {
		n.tenant = name("TenantClaim", cfg.TenantClaim, "tenant")
	}
	return n
}

// keyfunc returns the function that finds the key of a token, nil with Introspect.
func (cfg *Config) keyfunc(m *mistakes) jwt.Keyfunc {
	algorithmRule := "must be one of " + strings.Join(append(slices.Clone(secretKeyAlgorithms), publicKeyAlgorithms...), ", ")
	if cfg.Introspect != nil {
		const rule = "cannot be set together with Introspect"
		if len(cfg.Keys) != 0 {
			m.add("Keys", "", rule)
		}
		if cfg.Keyfunc != nil {
			m.add("Keyfunc", "", rule)
		}
		if len(cfg.Algorithms) != 0 {
			m.add("Algorithms", strings.Join(cfg.Algorithms, ", "), rule)
		}
		if cfg.Type != "" {
			m.add("Type", cfg.Type, rule)
		}
		return nil
	}
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
		return guardKeyfunc(cfg.Keyfunc, slices.Clone(cfg.Algorithms))
	}
	if len(cfg.Algorithms) != 0 {
		m.add("Algorithms", strings.Join(cfg.Algorithms, ", "), "cannot be set together with Keys, of which each has its own algorithm")
	}
	if len(cfg.Keys) == 0 {
		m.add("Keys", "", "is required, unless Keyfunc or Introspect is set")
	}
	keys := make(keySet, len(cfg.Keys))
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
	}
	return keys.find
}
