package tokens_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// outage is a store that can be out of order. It is no Watcher, so that every read asks it. While
// it is mute, Save does not say what it did.
type outage struct {
	store.Store
	down, mute atomic.Bool
}

var errDown = errors.New("the disk is on fire")

func (o *outage) Load(ctx context.Context, k store.Key) (store.Record, error) {
	if o.down.Load() {
		return store.Record{}, errDown
	}
	return o.Store.Load(ctx, k)
}

func (o *outage) Save(ctx context.Context, k store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if o.down.Load() || o.mute.Load() {
		return store.Record{}, errDown
	}
	return o.Store.Save(ctx, k, rec, base)
}

func newShopWithOutage(t *testing.T) (*shop, *outage) {
	t.Helper()
	files, err := sitefile.FromFS(cheapHashes())
	require.NoError(t, err)
	backend := &outage{Store: &memstore.Store{}}
	return newShopOf(t, files, backend), backend
}

func TestOutage_OfTheStorePromisesNothing(t *testing.T) {
	s, backend := newShopWithOutage(t)
	visitor, anna := s.visit(""), s.anna("")
	backend.down.Store(true)
	for _, tc := range []struct {
		desc string
		ask  func() answer
	}{
		{"a session with choices", func() answer { return s.get(anonymousPath+"&currency=CHF", "") }},
		{"an anonymous refresh: the session may have ended", func() answer { return s.renew(visitor.text("refresh_token")) }},
		{"a customer's refresh", func() answer {
			return s.get("/customer/demoshop/refreshauthtoken?refreshToken="+anna.text("refresh_token"), "")
		}},
		{"a validation", func() answer { return s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")) }},
		{"a login", func() answer { return s.login(annasEmail, password, visitor.text("access_token")) }},
		{"a logout", func() answer { return s.get("/customer/demoshop/logout?accessToken="+anna.text("access_token"), "") }},
		{"a change of customer", func() answer { return s.login("bob@demo.example", password, anna.text("access_token")) }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a := tc.ask()
			assert.Equal(t, http.StatusServiceUnavailable, a.StatusCode, a.body)
			assert.Equal(t, "5", a.Header.Get("Retry-After"))
			assert.NotContains(t, a.body, "fire")
		})
	}
	s.visit("")
	backend.down.Store(false)
	s.ok(s.renew(visitor.text("refresh_token")))
	s.ok(s.get("/customer/demoshop/validateauthtoken", anna.text("access_token")))
}

// unknownOutcome is the type of the answer to what may have been done.
const unknownOutcome = "/session-context/problems/unknown-outcome"

func TestProblem_UnknownOutcomeIsNotToBeSentAgain(t *testing.T) {
	s, backend := newShopWithOutage(t)
	visitor, anna := s.visit("&currency=CHF"), s.anna("")
	backend.mute.Store(true)
	for desc, a := range map[string]answer{
		"a session with choices": s.get(anonymousPath+"&currency=CHF", ""),
		"a login":                s.login(annasEmail, password, visitor.text("access_token")),
		"a logout":               s.get("/customer/demoshop/logout?accessToken="+anna.text("access_token"), ""),
	} {
		assert.Equal(t, http.StatusServiceUnavailable, a.StatusCode, desc)
		assert.Equal(t, unknownOutcome, a.text("type"), desc)
		assert.Empty(t, a.Header.Get("Retry-After"), desc)
		assert.NotContains(t, a.body, "fire", desc)
	}
}

func TestOutage_ClosedResolverAndRequestThatHasEndedAre503(t *testing.T) {
	s := newShop(t)
	visitor := s.visit("")
	require.NoError(t, s.resolver.Close())
	assert.Equal(t, http.StatusServiceUnavailable, s.renew(visitor.text("refresh_token")).StatusCode)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := loginRequest("demoshop", loginBody(annasEmail, password), "").WithContext(ctx)
	assert.Equal(t, http.StatusServiceUnavailable, s.do(r).StatusCode)
}

func TestLog_HasNoTokenNoIDAndNoAddress(t *testing.T) {
	s, backend := newShopWithOutage(t)
	visitor := s.visit("&currency=CHF")
	anna := s.anna(visitor.text("access_token"))
	secrets := []string{annasEmail, password, "wrong-password", secret, "C100", "192.0.2.1", visitor.text("sessionId")}
	for _, a := range []answer{visitor, anna} {
		for _, name := range []string{"access_token", "refresh_token", "saas_token"} {
			if a.text(name) != "" {
				secrets = append(secrets, strings.Split(a.text(name), ".")[2])
			}
		}
	}
	for _, down := range []bool{false, true} {
		backend.down.Store(down)
		s.login(annasEmail, "wrong-password", visitor.text("access_token"))
		s.login(annasEmail, password, anna.text("access_token"))
		s.renew(visitor.text("refresh_token"))
		s.get(anonymousPath+"&siteCode=us", "")
		s.get("/customer/demoshop/refreshauthtoken?refreshToken="+anna.text("refresh_token"), "")
		s.get("/customer/demoshop/validateauthtoken", anna.text("access_token"))
		s.get("/customer/demoshop/logout?accessToken="+anna.text("access_token"), "")
		s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", secret+"x")
	}
	log := s.log.String()
	assert.Contains(t, log, "tokens: request failed", "the outage is in the log")
	for _, secret := range secrets {
		assert.NotContains(t, log, secret)
	}
}
