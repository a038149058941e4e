package tokens_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/examples/storefront/tokens"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestNew_ReportsEveryMistakeAtOnce(t *testing.T) {
	_, err := tokens.New(tokens.Config{Key: []byte("too short, and secret")})
	require.Error(t, err)
	assert.Equal(t, []string{
		"tokens.Config.Files: is required",
		"tokens.Config.Resolver: is required",
		"tokens.Config.Key: must have 32 bytes, has 21",
	}, strings.Split(err.Error(), "\n"))
}

func TestIssuer_KeyOutlivesIt(t *testing.T) {
	s := newShop(t)
	visitor, anna := s.visit(""), s.anna("")
	files, err := sitefile.FromFS(cheapHashes())
	require.NoError(t, err)
	store := &memstore.Store{}
	restarted := newShopOf(t, files, store)
	restarted.ok(restarted.renew(visitor.text("refresh_token")))
	restarted.ok(restarted.get("/customer/demoshop/validateauthtoken", anna.text("access_token")))

	another, err := tokens.New(tokens.Config{Files: files, Resolver: s.resolver, Key: []byte(strings.Repeat("k", 32))})
	require.NoError(t, err)
	_, err = another.Verifier().VerifyToken(anna.text("access_token"))
	require.Error(t, err)
}

func TestIssuer_CopiesTheCallersKey(t *testing.T) {
	files, err := sitefile.FromFS(cheapHashes())
	require.NoError(t, err)
	resolver, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: files, CacheBytes: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	mine := []byte(strings.Repeat("k", 32))
	is, err := tokens.New(tokens.Config{Files: files, Resolver: resolver, Key: mine})
	require.NoError(t, err)
	clear(mine)
	s := &shop{TB: t, resolver: resolver, issuer: is, handler: is.Handler()}
	s.ok(s.renew(s.visit("").text("refresh_token")))
}
