package downstream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

// wire is a base of a Transport: it keeps the requests that would be sent.
type wire struct{ sent []*http.Request }

func (b *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	b.sent = append(b.sent, r)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: r}, nil
}

func onWire(b *wire) func(*downstream.TransportConfig) {
	return func(cfg *downstream.TransportConfig) { cfg.Base = b }
}

// closer is a body that says whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func TestTransport_ServiceGetsTheSessionOfTheCaller(t *testing.T) {
	s := anna(t)
	for _, sender := range []struct {
		desc string
		edit func(*downstream.TransportConfig)
	}{
		{"a secret that both have", nil},
		{"a private key", func(cfg *downstream.TransportConfig) { cfg.Issuer, cfg.Key = "orders", private }},
	} {
		t.Run(sender.desc, func(t *testing.T) {
			var b wire
			transport := newTransport(t, func(cfg *downstream.TransportConfig) {
				cfg.Base = &b
				if sender.edit != nil {
					sender.edit(cfg)
				}
			})
			r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), s), "GET", prices+"/42", nil)
			require.NoError(t, err)
			_, err = transport.RoundTrip(r)
			require.NoError(t, err)
			require.Len(t, b.sent, 1)
			snapshot, err := newVerifier(t, nil).VerifyToken(b.sent[0].Header.Get(downstream.Header))
			require.NoError(t, err)
			assert.Equal(t, s, snapshot.Session())
			assert.Equal(t, s.Snapshot().Request(), snapshot.Request(), "who is asking, and AtLeast")
		})
	}
}

func TestTransport_LeavesTheRequestAsItIs(t *testing.T) {
	var b wire
	transport := newTransport(t, onWire(&b))
	r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), anna(t)), "GET", prices, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "application/json")
	_, err = transport.RoundTrip(r)
	require.NoError(t, err)
	assert.Equal(t, http.Header{"Accept": {"application/json"}}, r.Header)
	assert.Equal(t, "application/json", b.sent[0].Header.Get("Accept"))
	assert.NotEmpty(t, b.sent[0].Header.Get(downstream.Header))
}

func TestTransport_GuestsAndRequestsWithoutASession(t *testing.T) {
	var b wire
	transport := newTransport(t, onWire(&b))
	guest, err := newResolver(t, new(sessiontest.Store)).Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop"}})
	require.NoError(t, err)

	r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), guest), "GET", prices, nil)
	require.NoError(t, err)
	_, err = transport.RoundTrip(r)
	require.NoError(t, err)
	snapshot, err := newVerifier(t, nil).VerifyToken(b.sent[0].Header.Get(downstream.Header))
	require.NoError(t, err)
	assert.Equal(t, "EUR", snapshot.Session().Currency, "a guest has values, too")

	r, err = http.NewRequestWithContext(t.Context(), "GET", prices, nil)
	require.NoError(t, err)
	_, err = transport.RoundTrip(r)
	require.NoError(t, err)
	assert.NotContains(t, b.sent[1].Header, downstream.Header, "no session in the context")
}

func TestTransport_SendsNoTokenThatIsTooLarge(t *testing.T) {
	attributes := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		attributes[name] = `"` + strings.Repeat("x", 900) + `"`
	}
	big := sessiontest.New(t, sessiontest.Literal{Session: anna(t), Attributes: attributes})
	var b wire
	body := &closer{Reader: strings.NewReader("order")}
	send := func(edit func(*downstream.TransportConfig)) error {
		transport := newTransport(t, func(cfg *downstream.TransportConfig) {
			cfg.Base = &b
			edit(cfg)
		})
		r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), big), "POST", prices, body)
		require.NoError(t, err)
		_, err = transport.RoundTrip(r)
		return err
	}
	err := send(func(*downstream.TransportConfig) {})
	require.ErrorContains(t, err, `downstream: the token for audience "prices" has `)
	require.ErrorContains(t, err, "must have 8000 at most")
	assert.NotContains(t, err.Error(), "xxx")
	assert.Empty(t, b.sent, "nothing is sent")
	assert.True(t, body.closed, "as http.RoundTripper demands")

	require.NoError(t, send(func(cfg *downstream.TransportConfig) {
		cfg.Select = func(audience string, s sessionctx.Session) sessionctx.Session {
			assert.Equal(t, "prices", audience)
			return s.WithAttributes("segment", "b")
		}
	}))
	snapshot, err := newVerifier(t, nil).VerifyToken(b.sent[0].Header.Get(downstream.Header))
	require.NoError(t, err)
	got := map[string]int{}
	for name, value := range snapshot.Session().Attributes() {
		got[name] = len(value)
	}
	assert.Equal(t, map[string]int{"b": 902, "segment": 12}, got)
	assert.Equal(t, big.Revision(), snapshot.Session().Revision())
}

func TestToken_RefusesWhatNoServiceWouldTake(t *testing.T) {
	tests := []struct {
		desc string
		edit func(*sessionctx.Session)
		want string
	}{
		{"no tenant", func(s *sessionctx.Session) { *s = sessionctx.Session{} }, `"prices" has the tenant "": it must match`},
		{"a tenant that is none", func(s *sessionctx.Session) { s.Tenant = "My Shop" }, `has the tenant "My Shop"`},
		{"a text that JSON cannot carry", func(s *sessionctx.Session) { s.Site = "\xff" }, `member "site" is not valid UTF-8`},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			s := anna(t)
			tt.edit(&s)
			_, err := newTransport(t, nil).Token("prices", s)
			require.ErrorContains(t, err, tt.want)
			assert.ErrorContains(t, err, "downstream: ")
		})
	}
}

func TestTransport_SelectKeepsTheIdentityBack(t *testing.T) {
	transport := newTransport(t, func(cfg *downstream.TransportConfig) {
		cfg.Select = func(_ string, s sessionctx.Session) sessionctx.Session {
			s.ID, s.CustomerID, s.CartID = "", "", ""
			return s.WithAttributes()
		}
	})
	token, err := transport.Token("prices", anna(t))
	require.NoError(t, err)
	raw := payload(t, token)["session_context"]
	assert.Equal(t, "CHF", raw.(map[string]any)["currency"])
	for _, member := range []string{"id", "customerId", "cartId", "attributes"} {
		assert.NotContains(t, raw, member)
	}
	assert.Equal(t, "CHF (choice) ", ask(t, newVerifier(t, nil).Wrap(http.HandlerFunc(show)), token).body)

	again := newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Resolver = newResolver(t, new(sessiontest.Store)) })
	assert.Equal(t, "EUR (site.currency) ", ask(t, again.Wrap(http.HandlerFunc(show)), token).body, "a guest, to a Resolver")
}

func TestTransport_ClosesTheConnectionsOfItsBase(t *testing.T) {
	base := &idle{}
	client := http.Client{Transport: newTransport(t, func(cfg *downstream.TransportConfig) { cfg.Base = base })}
	client.CloseIdleConnections()
	assert.Equal(t, 1, base.closed)
}

type idle struct {
	wire
	closed int
}

func (b *idle) CloseIdleConnections() { b.closed++ }

func TestNewTransport_ReportsEveryMistake(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	const key = "Key: must be a []byte of 32 bytes or more that is not a PEM file, or a crypto.Signer with an Ed25519 key"
	tests := []struct {
		desc string
		edit func(*downstream.TransportConfig)
		want []string
	}{
		{"nothing is set", func(cfg *downstream.TransportConfig) { *cfg = downstream.TransportConfig{} }, []string{"Issuer: is required", key, "Audiences: is required"}},
		{"a short secret", func(cfg *downstream.TransportConfig) { cfg.Key = secret[:31] }, []string{key}},
		{"a secret as a text", func(cfg *downstream.TransportConfig) { cfg.Key = string(secret) }, []string{key}},
		{"a PEM file", func(cfg *downstream.TransportConfig) {
			cfg.Key = []byte("-----BEGIN PRIVATE KEY-----\n" + string(secret))
		}, []string{key}},
		{"a public key", func(cfg *downstream.TransportConfig) { cfg.Key = public }, []string{key}},
		{"a cut private key", func(cfg *downstream.TransportConfig) { cfg.Key = private[:32] }, []string{key}},
		{"a key of another kind", func(cfg *downstream.TransportConfig) { cfg.Key = p256 }, []string{key}},
		{"origins that are none", func(cfg *downstream.TransportConfig) {
			cfg.Audiences = map[string]string{
				"prices.internal": "a", "https://": "a", "https://a/": "a", "https://a?b": "a", "https://a#b": "a", "https://u@a": "a", "ftp://a": "a", "https://*.a": "a", "https://b": "", "": "a", "//a": "a",
			}
		}, []string{
			`Audiences["prices.internal"]`, `Audiences["https://"]`, `Audiences["https://a/"]`, `Audiences["https://a?b"]`, `Audiences["https://a#b"]`,
			`Audiences["https://u@a"]`, `Audiences["ftp://a"]`, `Audiences["https://*.a"]`, `Audiences["https://b"]: must name the audience`, `Audiences[""]`, `Audiences["//a"]`,
		}},
		{"one origin in two spellings", func(cfg *downstream.TransportConfig) {
			cfg.Audiences = map[string]string{"https://a": "a", "https://A:443": "b"}
		}, []string{"another spelling"}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			cfg := downstream.TransportConfig{Issuer: "storefront", Key: secret, Audiences: map[string]string{prices: "prices"}}
			tt.edit(&cfg)
			_, err := downstream.NewTransport(cfg)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), string(secret[:31]), "no key in an error")
		})
	}
}
