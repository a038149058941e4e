package rest_test

import (
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
)

// Every package of this module that has a Config: its mistakes are told in one form.
func TestConfigError_NamesAFieldThatExistsTheValueAndTheRule(t *testing.T) {
	second := time.Second
	badSite := []defaults.Site{{Code: "main", Default: true, Currency: "Euro", Country: "DE", Language: "de"}}
	for _, tc := range []struct {
		desc   string
		config any
		err    func() error
		fields int // how many fields are at fault
	}{
		{"sessionctx", sessionctx.Config{}, func() error {
			_, err := sessionctx.New(sessionctx.Config{
				Directory:  sessionctx.Static{"A B": {Sites: badSite}, "shop": {}},
				CacheBytes: 1, AnonymousIdle: 1, CustomerIdle: -2, MaxAge: 1, TombstoneLife: -2, MaxStale: -1, DirectoryMaxAge: -1, Timeout: -1,
				MaxAttributes: -1, MaxAttributeName: -1, MaxAttributeValue: -1, MaxRecord: -1,
			})
			return err
		}, 14},
		{"middleware", middleware.Config{}, func() error {
			_, err := middleware.New(middleware.Config{
				CookieName: "a b", CookieMaxAge: -2, CountryHeader: "a b", TrustedProxies: []netip.Prefix{{}}, Partitioned: true, InsecureCookie: true,
			})
			return err
		}, 7},
		{"bearer", bearer.Config{}, func() error {
			_, err := bearer.New(bearer.Config{
				Tenant: "A B", CustomerPrefix: strings.Repeat("x", 200), Leeway: -2 * second, CachedTokens: 1, SessionClaim: "sub",
				IssuerAliases: []string{""},
			})
			return err
		}, 9},
		{"rest", rest.Config{}, func() error {
			_, err := rest.New(rest.Config{MaxBody: -1, MaxDepth: 1, AllowedOrigins: []string{"*"}})
			return err
		}, 5},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			err := tc.err()
			require.Error(t, err)
			fields := map[string]bool{}
			for _, mistake := range configErrors(t, err) {
				assert.NotEmpty(t, mistake.Rule)
				assert.False(t, strings.HasSuffix(mistake.Rule, "."), mistake.Rule)
				assert.Contains(t, err.Error(), mistake.Error())
				assert.True(t, strings.HasPrefix(mistake.Error(), mistake.Field), mistake.Error())
				path, ours := strings.CutPrefix(mistake.Field, tc.desc+".Config.")
				require.True(t, ours, mistake.Field)
				path = regexp.MustCompile(`\[.*`).ReplaceAllString(path, "")
				fields[path] = true
				fieldOf(t, reflect.TypeOf(tc.config), path)
			}
			assert.Len(t, fields, tc.fields, "%v", fields)
		})
	}
}

// configErrors returns the mistakes that are joined in err, and fails for any other error in it.
func configErrors(t *testing.T, err error) (all []*sessionctx.ConfigError) {
	t.Helper()
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, configErrors(t, err)...)
		}
		return all
	}
	mistake, ok := err.(*sessionctx.ConfigError)
	require.True(t, ok, "%T %v", err, err)
	return append(all, mistake)
}

// fieldOf fails if the type has no field of this path.
func fieldOf(t *testing.T, of reflect.Type, path string) {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		f, ok := of.FieldByName(name)
		require.True(t, ok, "%s has no field %q", of, name)
		of = f.Type
	}
}
