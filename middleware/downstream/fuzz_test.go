package downstream_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// FuzzVerifyToken looks for a token that counts and that nobody has signed.
func FuzzVerifyToken(f *testing.F) {
	good := sign(f, jwt.SigningMethodHS256, secret, nil, claims(f))
	parts := strings.Split(good, ".")
	for _, token := range []string{
		good, "", ".", "..", "...", good + ".", good + "=", good + " ", "." + parts[1] + ".", parts[0] + "." + parts[1] + ".",
		"eyJhbGciOiJub25lIn0." + parts[1] + ".", parts[0] + ".bnVsbA." + parts[2], parts[0] + ".W10." + parts[2],
		parts[0] + ".eyJpc3MiOm51bGx9." + parts[2], parts[0] + ".eyJpc3MiOlsic3RvcmVmcm9udCJdfQ." + parts[2],
		strings.Replace(good, ".", "\n.", 1), strings.ToUpper(good), strings.Repeat("a.", 5000),
	} {
		f.Add(token)
	}
	v := newVerifier(f, nil)
	f.Fuzz(func(t *testing.T, token string) {
		snapshot, err := v.VerifyToken(token)
		if err != nil {
			require.Zero(t, snapshot.Session().Tenant)
			if len(token) > 40 {
				require.NotContains(t, err.Error(), token)
			}
			return
		}
		i := strings.LastIndexByte(token, '.')
		want, err := jwt.SigningMethodHS256.Sign(token[:i], secret)
		require.NoError(t, err)
		require.Equal(t, base64.RawURLEncoding.EncodeToString(want), token[i+1:])
	})
}
