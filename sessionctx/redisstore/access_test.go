package redisstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/redisserver"
	"github.com/sessionctx/storefront/sessionctx/redisstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// permissions are those that Config.Client documents.
const permissions = "~sessionctx:* +get +set +eval +evalsha +ping +client|tracking +scan +info"

func as(user, password string) func(*redisstore.Config) {
	return func(cfg *redisstore.Config) { cfg.Client.Username, cfg.Client.Password = user, password }
}

func TestConfig_DocumentedPermissionsAreEnough(t *testing.T) {
	server := redisserver.Start(t)
	server.Do(t, append([]string{"ACL", "SETUSER", "shop", "on", ">secret"}, strings.Fields(permissions)...)...)
	backend := open(t, server, as("shop", "secret"))
	r := resolver(t, backend)
	_, err := r.Update(t.Context(), request("s1"), currency("CHF"))
	require.NoError(t, err)
	_, err = r.Update(t.Context(), request("s1"), currency("GBP"))
	require.NoError(t, err)
	eventually(t, leased(r), "the lease")
	s, err := r.Resolve(t.Context(), request("s1"))
	require.NoError(t, err)
	assert.Equal(t, "GBP", s.Currency)
	require.NoError(t, r.End(t.Context(), request("s1")))
	_, err = backend.Erase(t.Context(), tenant, "C1", ended)
	require.NoError(t, err)
	assert.Empty(t, server.Do(t, "ACL", "LOG"), "the server refused nothing")
}

func TestConfig_EachOfTheDocumentedPermissionsIsNeeded(t *testing.T) {
	server := redisserver.Start(t)
	all := strings.Fields(permissions)
	for _, missing := range all {
		t.Run(missing, func(t *testing.T) {
			server.Do(t, "FLUSHALL")
			server.Do(t, "SCRIPT", "FLUSH")
			server.Do(t, "ACL", "DELUSER", "shop")
			server.Do(t, "ACL", "LOG", "RESET")
			rules := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return p == missing })
			server.Do(t, append([]string{"ACL", "SETUSER", "shop", "on", ">secret"}, rules...)...)
			s, err := redisstore.New(config(server, as("shop", "secret")))
			if err == nil {
				defer s.Close()
				key, rec := aRecord()
				if _, err = s.Save(t.Context(), key, rec, store.Revision{}); err == nil {
					_, err = s.Load(t.Context(), key)
				}
				if err == nil {
					_, err = s.Erase(t.Context(), tenant, "C1", ended)
				}
			}
			assert.NotEmpty(t, server.Do(t, "ACL", "LOG"), "the server refused something")
			if missing == "+info" { // a warning instead
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Regexp(t, "NOPERM|can't run this command", err.Error())
		})
	}
}

func TestNew_WrongPasswordIsNotShown(t *testing.T) {
	server := redisserver.Start(t)
	server.Do(t, "ACL", "SETUSER", "shop", "on", ">secret", "+@all", "~*")
	_, err := redisstore.New(config(server, as("shop", "guessed-wrong")))
	require.ErrorContains(t, err, "WRONGPASS")
	assert.NotContains(t, err.Error(), "guessed-wrong")
}

func TestNew_TLS(t *testing.T) {
	certificate, key, pool := selfSigned(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	server := redisserver.Start(t, "--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no")
	secured := func(cfg *redisstore.Config) {
		cfg.Client.InitAddress = []string{addr}
		cfg.Client.TLSConfig = &tls.Config{RootCAs: pool, ServerName: "localhost"}
	}
	r := resolver(t, open(t, server, secured))
	_, err = r.Update(t.Context(), request("s1"), currency("GBP"))
	require.NoError(t, err)
	eventually(t, leased(r), "the lease")

	_, err = redisstore.New(config(server, secured, func(cfg *redisstore.Config) { cfg.Client.TLSConfig.RootCAs = x509.NewCertPool() }))
	assert.ErrorContains(t, err, "certificate", "an unknown authority")
	_, err = redisstore.New(config(server, secured, func(cfg *redisstore.Config) { cfg.Client.TLSConfig = nil }))
	assert.Error(t, err, "without TLS")
}

// selfSigned makes a certificate for localhost.
func selfSigned(t *testing.T) (certificate, key string, pool *x509.CertPool) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(certificate, text, 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600))
	pool = x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(text))
	return certificate, key, pool
}
