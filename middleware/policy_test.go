package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestFail_SaysNoMoreThanTheStatus(t *testing.T) {
	const internal = "db-7.internal"
	wrap := func(err error) error { return fmt.Errorf("%w: %s", err, internal) }
	cases := []struct {
		desc string
		err  error
		want int
	}{
		{"bad credentials", wrap(middleware.ErrUnauthenticated), 401},
		{"another tenant's credentials", wrap(middleware.ErrWrongTenant), 403},
		{"unknown tenant", wrap(sessionctx.ErrUnknownTenant), 404},
		{"ended session", wrap(sessionctx.ErrNotFound), 404},
		{"conflict", wrap(&sessionctx.ConflictError{Revision: sessionctx.Revision{Incarnation: 1, Version: 7}}), 409},
		{"a value that is not offered", wrap(&defaults.Rejection{Field: defaults.FieldCurrency, Value: internal}), 400},
		{"a value of the wrong form", wrap(&sessionctx.InputError{Field: "context", Value: internal}), 400},
		{"a value that is too large", wrap(&sessionctx.InputError{Field: "context", Value: internal, Size: true}), 413},
		{"store or directory down", wrap(sessionctx.ErrUnavailable), 503},
		{"store full", wrap(sessionctx.ErrFull), 503},
		{"shutting down", wrap(sessionctx.ErrClosed), 503},
		{"the client has gone away", wrap(context.Canceled), 503},
		{"out of time", wrap(context.DeadlineExceeded), 503},
		{"outcome unknown", wrap(sessionctx.ErrUnknownOutcome), 503},
		{"outcome unknown, whatever the store said", fmt.Errorf("%w: %w", sessionctx.ErrUnknownOutcome, wrap(sessionctx.ErrNotFound)), 503},
		{"not supported", wrap(errors.ErrUnsupported), 501},
		{"anything else", errors.New(internal), 500},
		{"two at once: credentials first", errors.Join(sessionctx.ErrUnavailable, middleware.ErrUnauthenticated), 401},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			w := httptest.NewRecorder()
			middleware.Fail(w, get("/"), tc.err, nil)
			want := http.Header{
				"Cache-Control":          {"private, no-store"},
				"Content-Type":           {"text/plain; charset=utf-8"},
				"X-Content-Type-Options": {"nosniff"},
			}
			switch tc.want {
			case 401:
				want.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			case 503:
				if !errors.Is(tc.err, sessionctx.ErrUnknownOutcome) {
					want.Set("Retry-After", "5")
				}
			}
			assert.Equal(t, tc.want, w.Code)
			assert.Equal(t, want, w.Header())
			assert.Equal(t, problemtype.Title(tc.want)+"\n", w.Body.String())
		})
	}
}

// unreachable is a directory that is down.
type unreachable struct{ sessionctx.Static }

func (unreachable) Sites(context.Context, string) ([]defaults.Site, error) {
	return nil, errors.New("connection refused")
}

func TestErrorPolicy_SeesTheDefaultsThatExist(t *testing.T) {
	errOwn := errors.New("login service is down")
	asserted := func(id sessionctx.Identity, err error) func(*middleware.Config) {
		return func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return id, err }
		}
	}
	foreign := sessionctx.Identity{Tenant: "demoshop", SessionID: "bert-1", CustomerID: "anna", Proof: sessionctx.Asserted}
	const guest, failed = "guest of main", "failed"
	cases := []struct {
		desc    string
		dir     sessionctx.Directory
		store   store.Store
		edit    func(*middleware.Config)
		wantErr error
		// what each policy makes of it
		wantDefaults, wantEnded, wantFail string
	}{
		{"a session that is not this customer's", directory, nil, asserted(foreign, nil), sessionctx.ErrNotFound, guest, guest, failed},
		{"bad credentials", directory, nil, asserted(sessionctx.Identity{}, middleware.ErrUnauthenticated), middleware.ErrUnauthenticated, guest, failed, failed},
		{"another tenant's credentials", directory, nil, asserted(sessionctx.Identity{Tenant: "othershop", SessionID: "s", Proof: sessionctx.Asserted}, nil), middleware.ErrWrongTenant, guest, failed, failed},
		{"the login service is down", directory, nil, asserted(sessionctx.Identity{}, errOwn), errOwn, guest, failed, failed},
		{"an operator's identity on a store that is down", directory, broken{}, asserted(sessionctx.Identity{Tenant: "demoshop", SessionID: "s", Proof: sessionctx.Management}, nil), sessionctx.ErrUnavailable, guest, failed, failed},
		{"no sites known", unreachable{directory}, nil, nil, sessionctx.ErrUnavailable, failed, failed, failed},
		{"no sites known, bad credentials", unreachable{directory}, nil, asserted(sessionctx.Identity{}, middleware.ErrUnauthenticated), middleware.ErrUnauthenticated, failed, failed, failed},
		{"unknown tenant", sessionctx.Static{}, nil, nil, sessionctx.ErrUnknownTenant, failed, failed, failed},
		{"no tenant", directory, nil, func(cfg *middleware.Config) { cfg.Tenant = func(*http.Request) string { return "" } }, sessionctx.ErrUnknownTenant, failed, failed, failed},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			backend := tc.store
			if backend == nil {
				backend = new(memstore.Store)
			}
			s := newShopOn(t, backend, tc.dir)
			_, _ = s.resolver.Login(context.Background(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "bert-1", Proof: sessionctx.Asserted}}, "bert")
			answer := func(p middleware.ErrorPolicy) string {
				var policyErr error
				mw := s.middleware(func(cfg *middleware.Config) {
					if tc.edit != nil {
						tc.edit(cfg)
					}
					cfg.OnError = func(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
						policyErr = err
						p(w, r, err, next)
					}
				})
				res := serve(mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s, ok := sessionctx.FromContext(r.Context())
					require.True(t, ok)
					assert.Empty(t, s.ID)
					assert.Empty(t, s.CustomerID)
					_, _ = io.WriteString(w, "guest of "+s.Site)
				})), get("/"))
				require.ErrorIs(t, policyErr, tc.wantErr)
				if res.StatusCode != http.StatusOK {
					return failed
				}
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				return string(body)
			}
			assert.Equal(t, tc.wantDefaults, answer(middleware.RenderDefaults), "RenderDefaults")
			assert.Equal(t, tc.wantEnded, answer(middleware.RenderEnded), "RenderEnded")
			assert.Equal(t, tc.wantFail, answer(middleware.Fail), "Fail")
		})
	}
}

func TestErrorPolicy_DefaultRendersEndedSessionsAndFailsTheRest(t *testing.T) {
	cases := []struct {
		desc string
		id   sessionctx.Identity
		err  error
		want int
	}{
		{"ended", sessionctx.Identity{Tenant: "demoshop", SessionID: "gone", Proof: sessionctx.Asserted}, nil, 200},
		{"bad token", sessionctx.Identity{}, middleware.ErrUnauthenticated, 401},
		{"another tenant's token", sessionctx.Identity{Tenant: "othershop"}, nil, 403},
		{"unknown tenant", sessionctx.Identity{}, sessionctx.ErrUnknownTenant, 404},
		{"unavailable", sessionctx.Identity{}, sessionctx.ErrUnavailable, 503},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			ended := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "gone", Proof: sessionctx.Asserted}}
			_, err := s.resolver.Update(t.Context(), ended, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.NoError(t, err)
			require.NoError(t, s.resolver.End(t.Context(), ended))
			mw := s.middleware(func(cfg *middleware.Config) {
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return tc.id, tc.err }
			})
			h := mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				s, _ := sessionctx.FromContext(r.Context())
				assert.Equal(t, "EUR", s.Currency)
			}))
			assert.Equal(t, tc.want, serve(h, get("/")).StatusCode)
		})
	}
}
