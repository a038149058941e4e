package tokens_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestLogin_KeepsTheAnonymousSession(t *testing.T) {
	s := newShop(t)
	visitor := s.visit("&currency=CHF")
	a := s.anna(visitor.text("access_token"))
	assert.Equal(t, customerNames, a.names())
	assert.Equal(t, "Bearer", a.text("token_type"))
	assert.EqualValues(t, 3600, a.json["expires_in"])
	assert.EqualValues(t, 30*86400, a.json["refresh_token_expires_in"])
	assert.Equal(t, visitor.text("sessionId"), a.text("session_id"))

	got, err := s.session(a.text("access_token"))
	require.NoError(t, err)
	assert.Equal(t, "C100", got.CustomerID)
	assert.Equal(t, "main CHF AT de", values(got), "the visitor's choice, the customer's country")
}

func TestLogin_WithoutATokenBeginsASession(t *testing.T) {
	s := newShop(t)
	for _, header := range []string{"", "Basic YTpi"} {
		r := loginRequest("demoshop", loginBody(" Anna@DEMO.example ", password), "")
		r.Header.Set("Authorization", header)
		a := s.ok(s.do(r))
		assert.Regexp(t, uuid4, a.text("session_id"))
		got, err := s.session(a.text("access_token"))
		require.NoError(t, err)
		assert.Equal(t, "C100", got.CustomerID)
	}
	assert.Equal(t, 2, s.records())
}

func TestLogin_OldAnonymousTokenSeesAndHarmsNothing(t *testing.T) {
	s := newShop(t)
	old := s.visit("&currency=CHF")
	a := s.anna(old.text("access_token"))
	before, err := s.session(a.text("access_token"))
	require.NoError(t, err)

	_, err = s.session(old.text("access_token"))
	require.ErrorIs(t, err, sessionctx.ErrNotFound)
	assert.Equal(t, http.StatusUnauthorized, s.renew(old.text("refresh_token")).StatusCode)
	assert.Equal(t, http.StatusNotFound, s.get("/customer/demoshop/logout?accessToken="+old.text("access_token"), "").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, s.get("/customer/demoshop/validateauthtoken", old.text("access_token")).StatusCode)
	assert.Equal(t, http.StatusNotFound, s.login("bob@demo.example", password, old.text("access_token")).StatusCode)

	after, err := s.session(a.text("access_token"))
	require.NoError(t, err)
	assert.Equal(t, before, after)
	s.ok(s.get("/customer/demoshop/validateauthtoken", a.text("access_token")))
}

func TestLogin_DoubleClickLogsInTwice(t *testing.T) {
	s := newShop(t)
	visitor := s.visit("").text("access_token")
	var wg sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		wg.Go(func() { answers[i] = s.login(annasEmail, password, visitor) })
	}
	wg.Wait()
	for _, a := range answers {
		s.ok(a)
		assert.Equal(t, answers[0].text("session_id"), a.text("session_id"))
		s.ok(s.get("/customer/demoshop/validateauthtoken", a.text("access_token")))
	}
	assert.Equal(t, 1, s.records())
}

func TestLogin_ByACustomersToken(t *testing.T) {
	s := newShop(t)
	anna := s.anna(s.visit("").text("access_token"))
	again := s.ok(s.login(annasEmail, password, anna.text("access_token")))
	assert.Equal(t, anna.text("session_id"), again.text("session_id"), "the same customer's")

	bob := s.ok(s.login("bob@demo.example", password, anna.text("access_token")))
	assert.NotEqual(t, anna.text("session_id"), bob.text("session_id"), "another customer's")
	got, err := s.session(bob.text("access_token"))
	require.NoError(t, err)
	assert.Equal(t, "C101", got.CustomerID)
	for _, old := range []answer{anna, again} {
		_, err = s.session(old.text("access_token"))
		require.ErrorIs(t, err, sessionctx.ErrNotFound)
	}
}

func TestLogin_ToASessionThatHasEnded(t *testing.T) {
	s := newShop(t)
	visitor := s.visit("").text("access_token")
	require.Equal(t, http.StatusNoContent, s.get("/customer/demoshop/logout", visitor).StatusCode)
	a := s.login(annasEmail, password, visitor)
	assert.Equal(t, http.StatusNotFound, a.StatusCode)
	assert.Contains(t, a.text("message"), "not found")
	assert.Equal(t, http.StatusUnauthorized, s.login(annasEmail, "wrong", visitor).StatusCode, "only who knows the password learns of it")
}

func TestLogin_IsRefused(t *testing.T) {
	s := newShop(t)
	s.issuer.OnCompare(func(_, given []byte) error {
		if string(given) == password || string(given) == secret {
			return nil
		}
		return errWrong
	})
	good := loginBody(annasEmail, password)
	other := s.ok(s.get("/customerlogin/auth/anonymous/login?tenant=othershop&client_id=storefront", "")).text("access_token")
	service := s.ok(s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", secret)).text("access_token")
	for _, tc := range []struct {
		desc, tenant, body, bearer string
		want                       int
		details                    []string
	}{
		{"unknown tenant", "nobody", good, "", 404, nil},
		{"malformed tenant", "Demoshop", good, "", 400, []string{"tenant malformed"}},
		{"another tenant's customer", "othershop", good, "", 401, nil},
		{"empty body", "demoshop", "", "", 400, nil},
		{"no object", "demoshop", `["anna@demo.example"]`, "", 400, nil},
		{"null", "demoshop", `null`, "", 400, nil},
		{"cut off", "demoshop", good[:len(good)-1], "", 400, nil},
		{"cut off within a name", "demoshop", `{"ema`, "", 400, nil},
		{"cut off within a value", "demoshop", `{"email": "anna`, "", 400, nil},
		{"a trailing document", "demoshop", good + good, "", 400, nil},
		{"a trailing comma", "demoshop", `{"email": "a", "password": "b",}`, "", 400, nil},
		{"no email", "demoshop", `{"password": "x"}`, "", 400, []string{"email missing"}},
		{"an empty email", "demoshop", `{"email": "", "password": "x"}`, "", 400, []string{"email missing"}},
		{"no password", "demoshop", `{"email": "anna@demo.example"}`, "", 400, []string{"password missing"}},
		{"names in other letter case", "demoshop", `{"Email": "anna@demo.example", "Password": "correct-horse-1"}`, "", 400, []string{"email missing"}},
		{"a null password", "demoshop", `{"email": "anna@demo.example", "password": null}`, "", 400, []string{"password malformed"}},
		{"a number for a password", "demoshop", `{"email": "anna@demo.example", "password": 1}`, "", 400, []string{"password malformed"}},
		{"two passwords", "demoshop", `{"email": "anna@demo.example", "password": "wrong", "password": "correct-horse-1"}`, "", 400, []string{"password repeated"}},
		{"invalid UTF-8", "demoshop", "{\"email\": \"anna@demo.example\", \"password\": \"\xff\"}", "", 400, nil},
		{"a body over 8 KiB", "demoshop", `{"email": "` + strings.Repeat("a", 8<<10) + `", "password": "x"}`, "", 413, nil},
		{"an invalid token", "demoshop", good, "nonsense", 401, nil},
		{"another tenant's token", "demoshop", good, other, 403, nil},
		{"a service's token", "demoshop", good, service, 403, nil},
		{"a refresh token", "demoshop", good, s.visit("").text("refresh_token"), 401, nil},
		{"a byte order mark", "demoshop", "\ufeff" + good, "", 400, nil},
		{"UTF-16", "demoshop", "\xff\xfe{\x00}\x00", "", 400, nil},
		{"the names of a form", "demoshop", `{"username": "anna@demo.example", "password": "correct-horse-1"}`, "", 400, []string{"email missing"}},
		{"an address in a list", "demoshop", `{"email": ["anna@demo.example"], "password": "correct-horse-1"}`, "", 400, []string{"email malformed"}},
		{"a form", "demoshop", "email=anna%40demo.example&password=correct-horse-1", "", 400, nil},
		{"a script's null as a token", "demoshop", good, "null", 401, nil},
		{"a script's undefined as a token", "demoshop", good, "undefined", 401, nil},
		{"an escaped slash behind the tenant", "demoshop%2F..%2Fothershop", good, "", 400, []string{"tenant malformed"}},
		{"a zero byte behind the tenant", "demoshop%00", good, "", 400, []string{"tenant malformed"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.do(loginRequest(tc.tenant, tc.body, tc.bearer))
			assert.Equal(t, tc.want, a.StatusCode, a.body)
			assert.Equal(t, tc.details, a.details())
			assert.NotContains(t, a.body, "anna")
		})
	}
	for _, mediaType := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json, text/plain"} {
		r := loginRequest("demoshop", good, "")
		r.Header.Set("Content-Type", mediaType)
		assert.Equal(t, http.StatusUnsupportedMediaType, s.do(r).StatusCode, mediaType)
	}
	assert.Zero(t, s.records())
}

func TestLogin_TakesWhatClientsSend(t *testing.T) {
	s := newShop(t)
	good := loginBody(annasEmail, password)
	for _, tc := range []struct {
		desc, body, mediaType string
		header                []string
	}{
		{"members that it does not know", `{"remember": {"me": [true, null]}, "email": "anna@demo.example", "password": "correct-horse-1"}`, "application/json; charset=utf-8", nil},
		{"a media type in capitals", good, "Application/JSON", nil},
		{"a parameter without a value", good, "application/json;", nil},
		{"another charset, which JSON does not have", good, "application/json; charset=ISO-8859-1", nil},
		{"white space around the document", "\r\n\t " + good + "\n\n", "application/json", nil},
		{"escapes", `{"\u0065mail": "anna\u0040demo.example", "password": "correct\u002dhorse-1"}`, "application/json", nil},
		{"an address in capitals, with a blank", `{"email": "ANNA@Demo.Example ", "password": "correct-horse-1"}`, "application/json", nil},
		{"a body that is not coded", good, "application/json", []string{"Content-Encoding", "identity"}},
		{"the scheme of a token in small letters", good, "application/json", []string{"Authorization", "bearer " + s.visit("").text("access_token")}},
		{"the scheme of a token in capitals", good, "application/json", []string{"Authorization", "BEARER " + s.visit("").text("access_token")}},
		{"credentials of a proxy", good, "application/json", []string{"Authorization", "Basic YTpi"}},
		{"headers of the family", good, "application/json", []string{"Emporix-Tenant", "demoshop", "X-Version", "v2", "session-id", "x"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := loginRequest("demoshop", tc.body, "")
			r.Header.Set("Content-Type", tc.mediaType)
			for i := 0; i < len(tc.header); i += 2 {
				r.Header.Set(tc.header[i], tc.header[i+1])
			}
			got, err := s.session(s.ok(s.do(r)).text("accessToken"))
			require.NoError(t, err)
			assert.Equal(t, "C100", got.CustomerID)
		})
	}
}

func TestCustomerRefresh_KeepsTheSession(t *testing.T) {
	s := newShop(t)
	first := s.anna(s.visit("").text("access_token"))
	// Clients send an anonymous or an expired token along: it says nothing.
	for _, bearer := range []string{"", s.visit("").text("access_token"), "nonsense"} {
		a := s.ok(s.get("/customer/demoshop/refreshauthtoken?legalEntityId=&refreshToken="+first.text("refresh_token"), bearer))
		assert.Equal(t, customerNames, a.names())
		assert.Equal(t, first.text("session_id"), a.text("session_id"))
		assert.NotEqual(t, first.text("access_token"), a.text("access_token"))
		s.ok(s.get("/customer/demoshop/validateauthtoken", a.text("access_token")))
	}
}

func TestCustomerRefresh_IsRefused(t *testing.T) {
	s := newShop(t)
	anna := s.anna("")
	gone := s.anna("")
	require.Equal(t, http.StatusNoContent, s.get("/customer/demoshop/logout?accessToken="+gone.text("access_token"), "").StatusCode)
	for _, tc := range []struct {
		desc, tenant, query string
		want                int
	}{
		{"no token", "demoshop", "", 400},
		{"an empty token", "demoshop", "refreshToken=", 400},
		{"two tokens", "demoshop", "refreshToken=a&refreshToken=b", 400},
		{"nonsense", "demoshop", "refreshToken=nonsense", 401},
		{"an access token", "demoshop", "refreshToken=" + anna.text("access_token"), 401},
		{"a saas token", "demoshop", "refreshToken=" + anna.text("saas_token"), 401},
		{"an anonymous refresh token", "demoshop", "refreshToken=" + s.visit("").text("refresh_token"), 401},
		{"after logout", "demoshop", "refreshToken=" + gone.text("refresh_token"), 401},
		{"at another tenant, where that customer id exists too", "othershop", "refreshToken=" + anna.text("refresh_token"), 401},
		{"at an unknown tenant", "nobody", "refreshToken=" + anna.text("refresh_token"), 404},
		{"at no tenant", "a%2Fb", "refreshToken=" + anna.text("refresh_token"), 400},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.get("/customer/"+tc.tenant+"/refreshauthtoken?"+tc.query, "")
			assert.Equal(t, tc.want, a.StatusCode, a.body)
		})
	}
}

func TestLogout_EndsTheSessionOfThisDeviceAlone(t *testing.T) {
	s := newShop(t)
	phone, laptop := s.anna(s.visit("").text("access_token")), s.anna(s.visit("").text("access_token"))
	for _, target := range []string{"?accessToken=" + phone.text("access_token"), "?accessToken=" + phone.text("access_token"), ""} {
		a := s.get("/customer/demoshop/logout"+target, phone.text("access_token"))
		assert.Equal(t, http.StatusNoContent, a.StatusCode, "again is no mistake")
	}
	assert.Equal(t, http.StatusUnauthorized, s.get("/customer/demoshop/validateauthtoken", phone.text("access_token")).StatusCode)
	assert.Equal(t, http.StatusUnauthorized, s.get("/customer/demoshop/refreshauthtoken?refreshToken="+phone.text("refresh_token"), "").StatusCode)
	_, err := s.session(phone.text("access_token"))
	require.ErrorIs(t, err, sessionctx.ErrNotFound)
	s.ok(s.get("/customer/demoshop/validateauthtoken", laptop.text("access_token")))
}

func TestLogout_TakesTheTokenInTheQueryFirst(t *testing.T) {
	s := newShop(t)
	visitor, anna := s.visit("").text("access_token"), s.anna("").text("access_token")
	assert.Equal(t, http.StatusNoContent, s.get("/customer/demoshop/logout?accessToken="+anna, visitor).StatusCode)
	_, err := s.session(visitor)
	require.NoError(t, err)
	_, err = s.session(anna)
	require.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func TestLogout_IsRefused(t *testing.T) {
	s := newShop(t)
	anna := s.anna("")
	for _, tc := range []struct {
		desc, tenant, query string
		want                int
	}{
		{"no token", "demoshop", "", 401},
		{"nonsense", "demoshop", "accessToken=nonsense", 401},
		{"two tokens", "demoshop", "accessToken=a&accessToken=b", 400},
		{"a refresh token", "demoshop", "accessToken=" + anna.text("refresh_token"), 401},
		{"a saas token", "demoshop", "accessToken=" + anna.text("saas_token"), 401},
		{"at another tenant", "othershop", "accessToken=" + anna.text("access_token"), 403},
		{"at an unknown tenant", "nobody", "accessToken=" + anna.text("access_token"), 404},
		{"a bad escape", "demoshop", "accessToken=%", 400},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			assert.Equal(t, tc.want, s.get("/customer/"+tc.tenant+"/logout?"+tc.query, "").StatusCode)
		})
	}
	s.ok(s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")))
}

func TestValidate_TellsWhoseATokenIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		anna := s.anna(s.visit("").text("access_token"))
		pass(10 * time.Minute)
		a := s.ok(s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")))
		assert.Equal(t, map[string]any{
			"token_type": "Bearer", "expires_in": 3000.0, "scope": "tenant=demoshop",
			"sessionId": anna.text("session_id"), "email": "anna@demo.example",
		}, a.json)
		pass(50*time.Minute - 1)
		s.ok(s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")))
		pass(1)
		assert.Equal(t, http.StatusUnauthorized, s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")).StatusCode, "expired")
	})
}

func TestValidate_Is401ForEverythingElse(t *testing.T) {
	s := newShop(t)
	anna := s.anna("")
	service := s.ok(s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", secret))
	for _, tc := range []struct{ desc, tenant, bearer string }{
		{"no token", "demoshop", ""},
		{"nonsense", "demoshop", "nonsense"},
		{"an anonymous token", "demoshop", s.visit("").text("access_token")},
		{"a refresh token", "demoshop", anna.text("refresh_token")},
		{"a saas token", "demoshop", anna.text("saas_token")},
		{"a service's token", "demoshop", service.text("access_token")},
		{"another tenant's", "othershop", anna.text("access_token")},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := s.get("/customer/"+tc.tenant+"/validateauthtoken", tc.bearer)
			assert.Equal(t, http.StatusUnauthorized, a.StatusCode, a.body)
		})
	}
	assert.Equal(t, http.StatusNotFound, s.get("/customer/nobody/validateauthtoken", anna.text("access_token")).StatusCode)
	r := httptest.NewRequest(http.MethodGet, "/customer/demoshop/validateauthtoken?access_token="+url.QueryEscape(anna.text("access_token")), nil)
	assert.Equal(t, http.StatusUnauthorized, s.do(r).StatusCode, "a token in the query")
}

func TestToken_OfACustomerLivesAsLongAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		a := s.anna("")
		pass(tokens.AccessLife - 1)
		_, err := s.issuer.Verifier().VerifyToken(a.text("access_token"))
		require.NoError(t, err)
		_, err = s.issuer.CustomerOf("demoshop", a.text("saas_token"))
		require.NoError(t, err)
		pass(1)
		_, err = s.issuer.Verifier().VerifyToken(a.text("access_token"))
		require.ErrorIs(t, err, middleware.ErrUnauthenticated)
		_, err = s.issuer.CustomerOf("demoshop", a.text("saas_token"))
		require.ErrorIs(t, err, middleware.ErrUnauthenticated)
		assert.WithinDuration(t, time.Now().Add(tokens.CustomerRefreshLife-tokens.AccessLife), expiry(t, a.text("refresh_token")), 0)
	})
}

func TestLogout_IsRememberedAsLongAsAnyTokenOfTheSessionLives(t *testing.T) {
	s := newShop(t)
	for _, a := range []answer{s.visit(""), s.visit("&currency=CHF"), s.anna("")} {
		require.Equal(t, http.StatusNoContent, s.get("/customer/demoshop/logout?accessToken="+a.text("access_token"), "").StatusCode)
		rec, err := s.store.Load(t.Context(), store.Key{Tenant: "demoshop", ID: a.text("sessionId")})
		require.NoError(t, err)
		assert.True(t, rec.Ended)
		assert.False(t, rec.ExpiresAt.Before(expiry(t, a.text("refresh_token"))))
	}
}

func TestSaasToken_NamesItsCustomerToItsTenant(t *testing.T) {
	s := newShop(t)
	a := s.anna("")
	id, err := s.issuer.CustomerOf("demoshop", a.text("saas_token"))
	require.NoError(t, err)
	assert.Equal(t, "C100", id)
	_, err = s.issuer.CustomerOf("othershop", a.text("saas_token"))
	require.ErrorIs(t, err, middleware.ErrWrongTenant, "othershop has a C100 of its own")
	for _, token := range []string{"", "nonsense", a.text("access_token"), a.text("refresh_token"), s.visit("").text("access_token")} {
		id, err := s.issuer.CustomerOf("demoshop", token)
		require.ErrorIs(t, err, middleware.ErrUnauthenticated)
		assert.Empty(t, id)
	}
}

// customerNames are the members of a customer's answer, those of older clients among them.
var customerNames = []string{
	"accessToken", "access_token", "expiresIn", "expires_in", "refreshToken", "refreshTokenExpiresIn", "refresh_token",
	"refresh_token_expires_in", "saasToken", "saas_token", "sessionId", "session_id", "tokenType", "token_type",
}

func TestCustomerAnswer_HasTheNamesOfOlderClients(t *testing.T) {
	s := newShop(t)
	login := s.ok(s.anna(s.visit("").text("access_token")))
	renewed := s.ok(s.get("/customer/demoshop/refreshauthtoken?refreshToken="+login.text("refreshToken"), ""))
	for _, tc := range []struct{ desc, old, name string }{
		{"the access token", "accessToken", "access_token"},
		{"the saas token", "saasToken", "saas_token"},
		{"the refresh token", "refreshToken", "refresh_token"},
		{"the life of the access token", "expiresIn", "expires_in"},
		{"the life of the refresh token", "refreshTokenExpiresIn", "refresh_token_expires_in"},
		{"the type", "tokenType", "token_type"},
		{"the session, as an anonymous answer names it", "sessionId", "session_id"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			for _, a := range []answer{login, renewed} {
				assert.NotEmpty(t, a.json[tc.name])
				assert.Equal(t, a.json[tc.name], a.json[tc.old])
			}
		})
	}
	for name := range login.json { // whatever comes later has both names, too
		words := strings.Split(name, "_")
		for i := range words[1:] {
			words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
		}
		assert.Contains(t, login.json, strings.Join(words, ""), name)
	}
}
