package tokens

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx"
)

type serviceAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
}

// oauthError is an error of RFC 6749, section 5.2.
type oauthError struct {
	status      int
	code        string
	description string
	retryAfter  time.Duration
}

func (e *oauthError) Error() string { return "tokens: " + e.code + ": " + e.description }

// MarshalJSON gives the members that the RFC names.
func (e *oauthError) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"error": e.code, "error_description": e.description})
}

func (e *oauthError) headers(h http.Header) {
	if e.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="token"`)
	}
	setRetryAfter(h, e.retryAfter)
}

func invalidRequest(text string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_request", description: text}
}

func invalidScope(text string) error {
	return &oauthError{status: http.StatusBadRequest, code: "invalid_scope", description: text}
}

// serviceToken is the client credentials grant. A client that is not known, is public or has
// another secret is refused alike.
func (is *Issuer) serviceToken(r *http.Request) (any, error) {
	p, err := form(r)
	if err != nil {
		return nil, err
	}
	switch p["grant_type"] {
	case "client_credentials":
	case "":
		return nil, invalidRequest("grant_type is missing.")
	default:
		return nil, &oauthError{status: http.StatusBadRequest, code: "unsupported_grant_type", description: "grant_type must be client_credentials."}
	}
	if err := basicCredentials(r, p); err != nil {
		return nil, err
	}
	if err := takeOldTenant(p); err != nil {
		return nil, invalidRequest(err.Detail)
	}
	tenant, asked, err := tenantAndScopes(p)
	if err != nil {
		return nil, err
	}
	if tenant == "" {
		tenant = is.tenantOf(p["client_id"])
	}
	client, _ := is.files.Client(tenant, p["client_id"])
	if client.Public {
		client.SecretHash = ""
	}
	err = is.prove(r.Context(), attempt{
		kind: "client", tenant: tenant, name: p["client_id"],
		hash: client.SecretHash, secret: p["client_secret"], network: network(r.RemoteAddr),
	})
	var limited *LimitedError
	switch {
	case errors.Is(err, ErrCredentials):
		return nil, &oauthError{status: http.StatusUnauthorized, code: "invalid_client", description: "The client is not known, or its secret is wrong."}
	case errors.As(err, &limited):
		return nil, &oauthError{status: http.StatusTooManyRequests, code: "invalid_client", description: "There were too many failed attempts.", retryAfter: limited.RetryAfter}
	case err != nil:
		return nil, err
	}
	if len(asked) == 0 {
		asked = client.Scopes
	}
	for _, scope := range asked {
		if !slices.Contains(client.Scopes, scope) {
			return nil, invalidScope("The client does not have every scope that it asks for.")
		}
	}
	scope := strings.Join(asked, " ")
	token, err := is.sign(accessAudience, AccessLife, sessionctx.Identity{Tenant: tenant, CustomerID: client.ID, Proof: sessionctx.Asserted}, scope)
	if err != nil {
		return nil, err
	}
	return serviceAnswer{AccessToken: token, TokenType: tokenType, ExpiresIn: seconds(AccessLife), Scope: scope}, nil
}

// form returns the parameters in the body; those of a query do not count (RFC 6749, section 2.3.1).
func form(r *http.Request) (map[string]string, error) {
	b, err := body(r, "application/x-www-form-urlencoded")
	var p map[string]string
	if err == nil {
		p, err = parameters(string(b))
	}
	if err != nil {
		return nil, invalidRequest(problemOf(err).Detail)
	}
	return p, nil
}

// basicCredentials puts the client and secret of an Authorization header among the parameters (RFC
// 6749, section 2.3.1).
func basicCredentials(r *http.Request, p map[string]string) error {
	user, password, ok := r.BasicAuth()
	if !ok {
		return nil
	}
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(password)
	switch {
	case err1 != nil || err2 != nil:
		return invalidRequest("The Authorization header is not encoded as application/x-www-form-urlencoded.")
	case p["client_secret"] != "", p["client_id"] != "" && p["client_id"] != id:
		return invalidRequest("The client must authenticate in one way only.")
	}
	p["client_id"], p["client_secret"] = id, secret
	return nil
}

// tenantOf returns the tenant that a client belongs to: the first by name, as for every other
// request that names none. It is empty for a client that nobody knows, which then fails as one with
// a wrong secret does.
func (is *Issuer) tenantOf(clientID string) string {
	for _, tenant := range is.files.Tenants() {
		if _, ok := is.files.Client(tenant, clientID); ok {
			return tenant
		}
	}
	return ""
}

// tenantAndScopes takes the scope apart. Clients of the service may name their tenant in it:
// "tenant=demoshop a b".
func tenantAndScopes(p map[string]string) (tenant string, scopes []string, err error) {
	tenant = p["tenant"]
	if p["scope"] != "" {
		for scope := range strings.SplitSeq(p["scope"], " ") {
			if named, ok := strings.CutPrefix(scope, tenantScope); ok {
				if tenant != "" && named != tenant {
					return "", nil, invalidScope("The scope names another tenant.")
				}
				tenant = named
			} else if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	if tenant != "" && !tenants.Valid(tenant) {
		return "", nil, invalidRequest("tenant is malformed.")
	}
	return tenant, scopes, nil
}
