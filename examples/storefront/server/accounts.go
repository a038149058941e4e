package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// accounts serves what clients of the session context ask for besides it: the customer's own
// profile, and the sites of a tenant. Both come from the data folder, in the shapes of Emporix'
// Customer Service and Site Settings Service. What the folder does not have is left out.
type accounts struct {
	files    *sitefile.Files
	resolver *sessionctx.Resolver
	verifier *bearer.Verifier
	logger   *slog.Logger
}

// guestNumber is the customer number that the service gives to an anonymous token.
const guestNumber = "00000000"

type profile struct {
	ID                string        `json:"id"`
	CustomerNumber    string        `json:"customerNumber"`
	ContactEmail      string        `json:"contactEmail,omitempty"`
	FirstName         string        `json:"firstName,omitempty"`
	PreferredSite     string        `json:"preferredSite,omitempty"`
	PreferredCurrency string        `json:"preferredCurrency,omitempty"`
	PreferredLanguage string        `json:"preferredLanguage,omitempty"`
	Active            bool          `json:"active"`
	OnHold            bool          `json:"onHold"`
	Addresses         []homeAddress `json:"addresses,omitempty"`
}

type homeAddress struct {
	Country   string   `json:"country"`
	Tags      []string `json:"tags"`
	IsDefault bool     `json:"isDefault"`
}

// me answers GET /customer/{tenant}/me[?expand=addresses].
func (a *accounts) me(r *http.Request) (any, http.Header, error) {
	claims, err := a.caller(r)
	if err != nil {
		return nil, nil, err
	}
	id := claims.Identity
	switch {
	case id.SessionID == "":
		return nil, nil, &apiError{http.StatusForbidden, "Forbidden", "The token is not a shopper's."}
	case id.CustomerID == "":
		return profile{ID: guestNumber, CustomerNumber: guestNumber, FirstName: "Anonymous", Active: true}, nil, nil
	}
	account, ok := a.files.AccountOf(id.Tenant, id.CustomerID)
	if !ok {
		return nil, nil, middleware.ErrUnauthenticated
	}
	customer, err := a.files.Customer(r.Context(), id.Tenant, id.CustomerID)
	if err != nil {
		return nil, nil, err
	}
	p := profile{
		ID: id.CustomerID, CustomerNumber: id.CustomerID, ContactEmail: account.Email, Active: true,
		PreferredSite: customer.Site, PreferredCurrency: customer.Currency, PreferredLanguage: customer.Language,
	}
	if slices.Contains(strings.Split(r.URL.Query().Get("expand"), ","), "addresses") {
		for _, address := range customer.Addresses {
			p.Addresses = append(p.Addresses, homeAddress{address.Country, append([]string{}, address.Tags...), address.Default})
		}
	}
	return p, nil, nil
}

type site struct {
	Code                string   `json:"code"`
	Name                string   `json:"name"`
	Active              bool     `json:"active"`
	Default             bool     `json:"default"`
	DefaultLanguage     string   `json:"defaultLanguage"`
	Languages           []string `json:"languages,omitempty"`
	Currency            string   `json:"currency"`
	AvailableCurrencies []string `json:"availableCurrencies,omitempty"`
	HomeBase            homeBase `json:"homeBase"`
	ShipToCountries     []string `json:"shipToCountries,omitempty"`
}

type homeBase struct {
	Address struct {
		Country string `json:"country"`
	} `json:"address"`
}

func siteOf(s defaults.Site) site {
	out := site{
		Code: s.Code, Name: s.Name, Active: !s.Inactive, Default: s.Default, DefaultLanguage: s.Language, Languages: s.Languages,
		Currency: s.Currency, AvailableCurrencies: s.Currencies, ShipToCountries: s.ShipTo,
	}
	out.HomeBase.Address.Country = s.Country
	return out
}

// The scope that inactive sites need, and the size of a page of sites, as the service has them. A
// client that reads only the first page does not get the seventeenth site.
const (
	siteScope       = "site.site_manage"
	defaultPageSize = 16
	maxPageSize     = 1000
)

// sites answers GET /site/{tenant}/sites[?includeInactive&pageNumber&pageSize&totalCount].
func (a *accounts) sites(r *http.Request) (any, http.Header, error) {
	claims, err := a.caller(r)
	if err != nil {
		return nil, nil, err
	}
	query := r.URL.Query()
	inactive, err := boolean(query, "includeInactive")
	if err != nil {
		return nil, nil, err
	}
	if inactive && !claims.HasScope(siteScope) {
		return nil, nil, &apiError{http.StatusForbidden, "Forbidden", "Missing required scopes [" + siteScope + "]"}
	}
	page, err1 := number(query, "pageNumber", 1, 1<<20)
	size, err2 := number(query, "pageSize", defaultPageSize, maxPageSize)
	count, err3 := boolean(query, "totalCount")
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, nil, err
		}
	}
	for _, name := range []string{"q", "sort"} {
		if query.Get(name) != "" {
			return nil, nil, badParameter(name, "is not supported by this server")
		}
	}
	all, err := a.files.Sites(r.Context(), claims.Identity.Tenant)
	if err != nil {
		return nil, nil, err
	}
	found := []site{}
	for _, s := range all {
		if inactive || !s.Inactive {
			found = append(found, siteOf(s))
		}
	}
	var header http.Header
	if count {
		header = http.Header{"X-Count": {strconv.Itoa(len(found))}}
	}
	first := min((page-1)*size, len(found))
	return found[first:min(first+size, len(found))], header, nil
}

// site answers GET /site/{tenant}/sites/{code}. An inactive site is there for an operator alone.
func (a *accounts) site(r *http.Request) (any, http.Header, error) {
	claims, err := a.caller(r)
	if err != nil {
		return nil, nil, err
	}
	all, err := a.files.Sites(r.Context(), claims.Identity.Tenant)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range all {
		if s.Code == r.PathValue("code") && (!s.Inactive || claims.HasScope(siteScope)) {
			return siteOf(s), nil, nil
		}
	}
	return nil, nil, &apiError{http.StatusNotFound, "application/json", "Site not Found"}
}

// caller returns what the token of a request says. Any token of the tenant in the path will do, if
// the session that it names has not ended.
func (a *accounts) caller(r *http.Request) (bearer.Claims, error) {
	tenant := r.PathValue("tenant")
	claims, err := a.verifier.Verify(r)
	switch {
	case err != nil:
		return claims, err
	case claims.Identity.Tenant == "":
		return claims, middleware.ErrUnauthenticated
	case claims.Identity.Tenant != tenant:
		return claims, middleware.ErrWrongTenant
	case claims.Identity.SessionID == "":
		return claims, nil
	}
	session, err := a.resolver.Resolve(r.Context(), sessionctx.Request{Identity: claims.Identity})
	switch {
	case errors.Is(err, sessionctx.ErrNotFound):
		return claims, middleware.ErrUnauthenticated
	case err == nil && session.Degraded: // it may have ended
		return claims, sessionctx.ErrUnavailable
	}
	return claims, err
}

func boolean(query url.Values, name string) (bool, error) {
	value := query.Get(name)
	if value == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(value)
	if err != nil {
		return false, badParameter(name, "must be true or false")
	}
	return b, nil
}

func number(query url.Values, name string, absent, most int) (int, error) {
	value := query.Get(name)
	if value == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, badParameter(name, "must be a number from 1 to "+strconv.Itoa(most))
	}
	return n, nil
}

// apiError is an error in the shape of the two services.
type apiError struct {
	Status  int    `json:"status"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (e *apiError) Error() string { return "storefront: " + e.Message }

func badParameter(name, rule string) error {
	return &apiError{http.StatusBadRequest, "bad_request", "The parameter " + name + " " + rule + "."}
}

// unauthorized is the answer of the gateway before the services to an invalid token.
var unauthorized = json.RawMessage(`{"fault":{"faultstring":"Invalid access token","detail":{"errorcode":"oauth.v2.InvalidAccessToken"}}}`)

// endpoint returns the handler that writes the JSON answer or the error of answerTo.
func (a *accounts) endpoint(answerTo func(*http.Request) (any, http.Header, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "private, no-store")
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		var body any
		var header http.Header
		var err error
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			err = &apiError{http.StatusMethodNotAllowed, "method_not_allowed", "The method must be GET or HEAD."}
		} else {
			body, header, err = answerTo(r)
		}
		code := http.StatusOK
		if err != nil {
			code, body = a.failure(h, r, err)
		}
		for name, values := range header {
			h[name] = values
		}
		content, err := json.Marshal(body)
		if err != nil {
			a.logger.LogAttrs(r.Context(), slog.LevelError, "answer not encoded", slog.Any("error", err))
			code, content = http.StatusInternalServerError, nil
		}
		w.WriteHeader(code)
		w.Write(content)
	})
}

// failure returns the status and the body of an error.
func (a *accounts) failure(h http.Header, r *http.Request, err error) (int, any) {
	var known *apiError
	switch {
	case errors.As(err, &known):
	case errors.Is(err, sessionctx.ErrUnavailable), errors.Is(err, sessionctx.ErrClosed),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		h.Set("Retry-After", "1")
		known = &apiError{http.StatusServiceUnavailable, "service_unavailable", "The sessions cannot be asked at the moment."}
	case errors.Is(err, middleware.ErrWrongTenant), errors.Is(err, sessionctx.ErrUnknownTenant):
		known = &apiError{http.StatusForbidden, "Forbidden", "User not authorized"}
	case errors.Is(err, middleware.ErrUnauthenticated):
		h.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return http.StatusUnauthorized, unauthorized
	default:
		a.logger.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.Any("error", err))
		known = &apiError{http.StatusInternalServerError, "internal_error", "The request could not be answered."}
	}
	return known.Status, known
}
