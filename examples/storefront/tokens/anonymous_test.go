package tokens_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/sessionctx"
)

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestAnonymousLogin_AnswersWhatClientsExpect(t *testing.T) {
	s := newShop(t)
	a := s.visit("")
	assert.Equal(t, []string{"access_token", "expires_in", "refresh_token", "refresh_token_expires_in", "scope", "sessionId", "token_type"}, a.names())
	assert.Equal(t, "Bearer", a.text("token_type"))
	assert.EqualValues(t, 3600, a.json["expires_in"])
	assert.EqualValues(t, 86400, a.json["refresh_token_expires_in"])
	assert.Equal(t, "tenant=demoshop", a.text("scope"))
	assert.Regexp(t, uuid4, a.text("sessionId"))
	assert.NotEqual(t, a.text("sessionId"), s.visit("").text("sessionId"))
}

func TestAnonymousLogin_WithoutChoicesLeavesNoRecord(t *testing.T) {
	s := newShop(t)
	a := s.visit("&currency=&utm_source=newsletter")
	assert.Zero(t, s.records())
	got, err := s.session(a.text("access_token"))
	require.NoError(t, err)
	assert.Equal(t, a.text("sessionId"), got.ID)
	assert.Zero(t, got.Version)
	assert.Equal(t, "main EUR DE de", values(got))
}

func TestAnonymousLogin_OptionalParametersBecomeChoices(t *testing.T) {
	for _, tc := range []struct{ desc, query, want string }{
		{"one", "&currency=CHF", "main CHF DE de"},
		{"all, in any spelling", "&siteCode=ch&currency=eur&targetLocation=li&language=FR", "ch EUR LI fr"},
		{"a site brings its own defaults", "&siteCode=us", "us USD US en"},
		{"a currency that only the site of the same request has", "&currency=JPY&siteCode=jp", "jp JPY JP ja"},
		{"a language as the site spells it", "&language=en-GB", "main EUR DE en"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			a := s.visit(tc.query)
			got, err := s.session(a.text("access_token"))
			require.NoError(t, err)
			assert.Equal(t, tc.want, values(got))
			assert.Positive(t, got.Version)
			assert.EqualValues(t, 1, s.resolver.Stats().Writes)
			assert.Equal(t, 1, s.records())

			other, err := s.session(s.visit("").text("access_token"))
			require.NoError(t, err)
			assert.Equal(t, "main EUR DE de", values(other), "somebody else's session")
		})
	}
}

func values(s sessionctx.Session) string {
	return strings.Join([]string{s.Site, s.Currency, s.Country, s.Language}, " ")
}

func TestAnonymousLogin_BadChoiceIsNamedAndLeavesNothingBehind(t *testing.T) {
	for _, tc := range []struct {
		desc, query string
		want        []string
	}{
		{"unknown site", "&siteCode=default", []string{"siteCode unknownSite"}},
		{"inactive site", "&siteCode=closed", []string{"siteCode inactiveSite"}},
		{"no code", "&currency=Euro", []string{"currency malformed"}},
		{"withdrawn currency", "&currency=DEM", []string{"currency unknownCode"}},
		{"currency that the site does not offer", "&currency=JPY", []string{"currency notOffered"}},
		{"country by name", "&targetLocation=Germany", []string{"targetLocation malformed"}},
		{"no country", "&targetLocation=EU", []string{"targetLocation unknownCode"}},
		{"country that the site does not ship to", "&targetLocation=JP", []string{"targetLocation notOffered"}},
		{"language that the site does not have", "&language=ja", []string{"language notOffered"}},
		{"one good and two bad", "&siteCode=us&currency=EUR&language=de", []string{"currency notOffered", "language notOffered"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			a := s.get(anonymousPath+tc.query, "")
			assert.Equal(t, http.StatusBadRequest, a.StatusCode)
			assert.Equal(t, tc.want, a.details())
			assert.NotContains(t, a.json, "access_token")
			assert.Zero(t, s.records())
		})
	}
}

func TestAnonymousLogin_CutsALongValueInItsRefusal(t *testing.T) {
	s := newShop(t)
	a := s.get(anonymousPath+"&currency="+strings.Repeat("%C3%A4", 1000), "")
	assert.Equal(t, []string{"currency malformed"}, a.details())
	assert.Less(t, len(a.body), 1000)
}

func TestAnonymousEndpoints_Refuse(t *testing.T) {
	s := newShop(t)
	const login, refresh = "/customerlogin/auth/anonymous/login?", "/customerlogin/auth/anonymous/refresh?"
	good := "&refresh_token=" + s.visit("").text("refresh_token")
	for _, tc := range []struct {
		desc, target string
		want         int
		details      []string
	}{
		{"no tenant", login + "client_id=storefront", 400, []string{"tenant missing"}},
		{"an empty tenant", login + "tenant=&client_id=storefront", 400, []string{"tenant missing"}},
		{"a malformed tenant", login + "tenant=Demoshop&client_id=storefront", 400, []string{"tenant malformed"}},
		{"a tenant that is a path", login + "tenant=../othershop&client_id=storefront", 400, []string{"tenant malformed"}},
		{"an unknown tenant", login + "tenant=nobody&client_id=storefront", 404, nil},
		{"no client", login + "tenant=demoshop", 400, []string{"client_id missing"}},
		{"an unknown client", login + "tenant=demoshop&client_id=nobody", 401, []string{"client_id unknown"}},
		{"a client with a secret", login + "tenant=demoshop&client_id=backoffice", 401, []string{"client_id unknown"}},
		{"two tenants", login + "tenant=demoshop&tenant=othershop&client_id=storefront", 400, []string{"tenant repeated"}},
		{"a bad escape", login + "tenant=demoshop&client_id=storefront&x=%zz", 400, nil},
		{"a semicolon", login + "tenant=demoshop;client_id=storefront", 400, nil},
		{"refresh: no token", refresh + "tenant=demoshop&client_id=storefront", 400, []string{"refresh_token missing"}},
		{"refresh: no client", refresh + "tenant=demoshop" + good, 400, []string{"client_id missing"}},
		{"refresh: an unknown client", refresh + "tenant=demoshop&client_id=nobody" + good, 401, []string{"client_id unknown"}},
		{"refresh: an unknown tenant", refresh + "tenant=nobody&client_id=storefront" + good, 404, nil},
		{"refresh: another tenant's token", refresh + "tenant=othershop&client_id=storefront" + good, 401, nil},
		{"refresh: no token at all", refresh + "tenant=demoshop&client_id=storefront&refresh_token=nonsense", 401, nil},
		{"a client by another spelling", login + "tenant=demoshop&clientId=storefront", 400, []string{"client_id missing"}},
		{"a tenant with a blank", login + "tenant=demoshop+&client_id=storefront", 400, []string{"tenant malformed"}},
		{"a tenant with a zero byte", login + "tenant=demoshop%00&client_id=storefront", 400, []string{"tenant malformed"}},
		{"a tenant in an overlong encoding", login + "tenant=demoshop%C0%AF&client_id=storefront", 400, []string{"tenant malformed"}},
		{"a script's undefined as a currency", login + "tenant=demoshop&client_id=storefront&currency=undefined", 400, []string{"currency malformed"}},
		{"full-width letters", login + "tenant=demoshop&client_id=storefront&currency=%EF%BC%A5%EF%BC%B5%EF%BC%B2", 400, []string{"currency malformed"}},
		{"a list of languages", login + "tenant=demoshop&client_id=storefront&language=de,en", 400, []string{"language malformed"}},
		{"a slash at the end", "/customerlogin/auth/anonymous/login/?tenant=demoshop&client_id=storefront", 404, nil},
		{"an escaped slash", "/customerlogin/auth/anonymous%2Flogin?tenant=demoshop&client_id=storefront", 404, nil},
		{"the path in other letter case", "/customerlogin/auth/Anonymous/login?tenant=demoshop&client_id=storefront", 404, nil},
		{"neither of the two", "/customerlogin/auth/anonymous/logout?tenant=demoshop", 404, nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.get(tc.target, "")
			assert.Equal(t, tc.want, a.StatusCode, a.body)
			assert.Equal(t, tc.details, a.details())
		})
	}
}

func TestEndpoint_HasOneMethod(t *testing.T) {
	s := newShop(t)
	for target, allowed := range map[string]string{
		"/customerlogin/auth/anonymous/login":   http.MethodGet,
		"/customerlogin/auth/anonymous/refresh": http.MethodGet,
		"/customer/demoshop/login":              http.MethodPost,
		"/customer/demoshop/refreshauthtoken":   http.MethodGet,
		"/customer/demoshop/logout":             http.MethodGet,
		"/customer/demoshop/validateauthtoken":  http.MethodGet,
		"/oauth/token":                          http.MethodPost,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, "get", "PROPFIND"} {
			a := s.do(httptest.NewRequest(method, target, nil))
			if method == allowed {
				assert.NotEqual(t, http.StatusMethodNotAllowed, a.StatusCode, "%s %s", method, target)
				assert.NotEqual(t, http.StatusNotFound, a.StatusCode, "%s %s", method, target)
				continue
			}
			assert.Equal(t, http.StatusMethodNotAllowed, a.StatusCode, "%s %s", method, target)
			assert.Equal(t, allowed, a.Header.Get("Allow"))
		}
	}
}

func TestAnonymousRefresh_KeepsTheSessionAndItsChoices(t *testing.T) {
	s := newShop(t)
	first := s.visit("&currency=GBP")
	again := s.ok(s.renew(first.text("refresh_token")))
	assert.Equal(t, first.names(), again.names())
	assert.Equal(t, first.text("sessionId"), again.text("sessionId"))
	assert.NotEqual(t, first.text("access_token"), again.text("access_token"))
	assert.NotEqual(t, first.text("refresh_token"), again.text("refresh_token"))
	got, err := s.session(again.text("access_token"))
	require.NoError(t, err)
	assert.Equal(t, "GBP", got.Currency)
	s.ok(s.renew(again.text("refresh_token")))
}

func TestAnonymousRefresh_IsRefused(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		token func(*shop) string
	}{
		{"with an access token", func(s *shop) string { return s.visit("").text("access_token") }},
		{"with a customer's refresh token", func(s *shop) string { return s.anna("").text("refresh_token") }},
		{"with a saas token", func(s *shop) string { return s.anna("").text("saas_token") }},
		{"after the session has ended", func(s *shop) string {
			a := s.visit("&currency=CHF")
			require.Equal(t, 204, s.get("/customer/demoshop/logout?accessToken="+a.text("access_token"), "").StatusCode)
			return a.text("refresh_token")
		}},
		{"after a session that was never written has ended", func(s *shop) string {
			a := s.visit("")
			require.Equal(t, 204, s.get("/customer/demoshop/logout?accessToken="+a.text("access_token"), "").StatusCode)
			return a.text("refresh_token")
		}},
		{"after the session has become a customer's", func(s *shop) string {
			a := s.visit("")
			s.anna(a.text("access_token"))
			return a.text("refresh_token")
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			a := s.renew(tc.token(s))
			assert.Equal(t, http.StatusUnauthorized, a.StatusCode, a.body)
			assert.Equal(t, `Bearer error="invalid_token"`, a.Header.Get("WWW-Authenticate"))
		})
	}
}

func TestAnonymousRefresh_WorksForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		a := s.visit("")
		pass(tokens.AnonymousRefreshLife - 1)
		s.ok(s.renew(a.text("refresh_token")))
		pass(1)
		assert.Equal(t, http.StatusUnauthorized, s.renew(a.text("refresh_token")).StatusCode)
	})
}

func TestAnonymous_NamesOfOlderClientsCount(t *testing.T) {
	const login, refresh = "/customerlogin/auth/anonymous/login?", "/customerlogin/auth/anonymous/refresh?"
	const now = "client_id=storefront&tenant=demoshop"
	for _, tc := range []struct {
		desc, login, refresh string // queries; {access} and {refresh} are tokens of the login
		want                 int    // of the refresh
	}{
		{"the tenant's old name", "client_id=storefront&hybris-tenant=demoshop", "client_id=storefront&hybris-tenant=demoshop&refresh_token={refresh}", 200},
		{"both names of the tenant", now + "&hybris-tenant=demoshop", now + "&hybris-tenant=demoshop&refresh_token={refresh}", 200},
		{"the old name without a value", now + "&hybris-tenant=", now + "&hybris-tenant=&refresh_token={refresh}", 200},
		{"the present name without a value", "client_id=storefront&hybris-tenant=demoshop&tenant=", "client_id=storefront&tenant=&hybris-tenant=demoshop&refresh_token={refresh}", 200},
		{"the name with an escaped hyphen", "client_id=storefront&hybris%2Dtenant=demoshop", "hybris%2Dtenant=demoshop&client_id=storefront&refresh_token={refresh}", 200},
		{"the old name at the login alone", "hybris-tenant=demoshop&client_id=storefront", now + "&refresh_token={refresh}", 200},
		{"the access token for a refresh", now, now + "&anonymous_token={access}", 200},
		{"the access token, everything by its old name", "client_id=storefront&hybris-tenant=demoshop", "hybris-tenant=demoshop&client_id=storefront&anonymous_token={access}", 200},
		{"both tokens", now, now + "&refresh_token={refresh}&anonymous_token={access}", 200},
		{"both tokens, the old one bad", now, now + "&refresh_token={refresh}&anonymous_token=nonsense", 200},
		{"a refresh token without a value", now, now + "&refresh_token=&anonymous_token={access}", 200},
		{"choices sent along again", now + "&currency=CHF", now + "&currency=EUR&siteCode=us&targetLocation=US&language=en&refresh_token={refresh}", 200},
		{"a refresh token under the old name", now, now + "&anonymous_token={refresh}", 401},
		{"an access token under the present name", now, now + "&refresh_token={access}", 401},
		{"an old name without a value", now, now + "&anonymous_token=", 400},
		{"two tenants", now, now + "&hybris-tenant=othershop&refresh_token={refresh}", 400},
		{"the tenant in another letter case", now, "client_id=storefront&hybris-tenant=DemoShop&refresh_token={refresh}", 400},
		{"the old name in another letter case", now, "client_id=storefront&Hybris-Tenant=demoshop&refresh_token={refresh}", 400},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			a := s.ok(s.get(login+tc.login, ""))
			assert.Equal(t, "tenant=demoshop", a.text("scope"))
			before, err := s.session(a.text("access_token"))
			require.NoError(t, err)
			query := strings.NewReplacer("{access}", a.text("access_token"), "{refresh}", a.text("refresh_token")).Replace(tc.refresh)
			again := s.get(refresh+query, "")
			require.Equal(t, tc.want, again.StatusCode, again.body)
			if tc.want != http.StatusOK {
				assert.NotContains(t, again.json, "access_token")
				return
			}
			assert.Equal(t, a.text("sessionId"), again.text("sessionId"))
			after, err := s.session(again.text("access_token"))
			require.NoError(t, err)
			assert.Equal(t, before, after, "the choices are those of the login")
		})
	}
	s := newShop(t)
	a := s.get(login+now+"&hybris-tenant=othershop", "")
	assert.Equal(t, http.StatusBadRequest, a.StatusCode)
	assert.Equal(t, []string{"hybris-tenant malformed"}, a.details())
	assert.Equal(t, []string{"tenant missing"}, s.get(login+"client_id=storefront&hybris-tenant=", "").details())
	customer := s.ok(s.anna(s.visit("").text("access_token")))
	assert.Equal(t, http.StatusUnauthorized, s.get(refresh+now+"&anonymous_token="+customer.text("access_token"), "").StatusCode, "a customer's token is no anonymous one")
}

func TestAnonymousLogin_ValuesThatEverybodyGetsAreNoChoices(t *testing.T) {
	for _, tc := range []struct {
		desc, query    string
		records        int
		before, signed string // values of the session, and after anna has signed in
	}{
		{"what a guest is shown", "&siteCode=main&currency=EUR&targetLocation=DE&language=de", 0, "main EUR DE de", "main EUR AT de"},
		{"the same in other spellings", "&siteCode=main&currency=eur&targetLocation=de&language=DE", 0, "main EUR DE de", "main EUR AT de"},
		{"the site that a guest is shown", "&siteCode=main", 0, "main EUR DE de", "main EUR AT de"},
		{"another site's own values", "&siteCode=us&currency=USD&targetLocation=US&language=en", 1, "us USD US en", "us USD US en"},
		{"one value alone", "&targetLocation=DE", 1, "main EUR DE de", "main EUR DE de"},
		{"one value alone, with the site that a guest is shown", "&siteCode=main&targetLocation=DE", 1, "main EUR DE de", "main EUR DE de"},
		{"one of several that differs", "&currency=EUR&targetLocation=DE&language=fr", 1, "main EUR DE fr", "main EUR AT fr"},
		{"another site, and a currency that only looks like an echo", "&siteCode=ch&currency=EUR", 1, "ch EUR CH de", "ch EUR CH de"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			a := s.visit(tc.query)
			assert.Equal(t, tc.records, s.records())
			got, err := s.session(a.text("access_token"))
			require.NoError(t, err)
			assert.Equal(t, tc.before, values(got))
			got, err = s.session(s.ok(s.anna(a.text("access_token"))).text("access_token"))
			require.NoError(t, err)
			assert.Equal(t, tc.signed, values(got))
		})
	}
}
