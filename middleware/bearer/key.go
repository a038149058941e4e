package bearer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/sessionctx"
)

// Key is one key that verifies tokens.
type Key struct {
	// ID must equal the token's kid (RFC 7515, section 4.1.4). The empty ID is for tokens without a
	// kid.
	ID string
	// Algorithm is the only algorithm that this key verifies, one of those of Config.Algorithms.
	Algorithm string
	// Key is a []byte at least as long as the hash for HS, an *rsa.PublicKey of at least 2048 bits
	// for RS and PS, an *ecdsa.PublicKey on the algorithm's curve for ES, an ed25519.PublicKey for
	// EdDSA (RFC 7518, sections 3.2 to 3.5; RFC 8037, section 3.1).
	Key any
}

const minRSABits = 2048

// mistake returns the rule that the key breaks, and the empty text for a key that its algorithm can
// use. k.Algorithm is one that is supported.
func (k Key) mistake() string {
	switch method := jwt.GetSigningMethod(k.Algorithm).(type) {
	case *jwt.SigningMethodHMAC:
		secret, ok := k.Key.([]byte)
		// A PEM file is a public key or somebody else's private key, never a shared secret.
		if !ok || len(secret) < method.Hash.Size() || strings.Contains(string(secret), "-----BEGIN ") {
			return fmt.Sprintf("must be a []byte of %d bytes or more, and not a PEM file", method.Hash.Size())
		}
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
		public, ok := k.Key.(*rsa.PublicKey)
		if !ok || public == nil || public.N == nil || public.N.BitLen() < minRSABits {
			return fmt.Sprintf("must be an *rsa.PublicKey of %d bits or more", minRSABits)
		}
	case *jwt.SigningMethodECDSA:
		public, ok := k.Key.(*ecdsa.PublicKey)
		if !ok || public == nil || public.Curve == nil || public.Curve.Params().BitSize != method.CurveBits {
			return fmt.Sprintf("must be an *ecdsa.PublicKey on the curve P-%d", method.CurveBits)
		}
	case *jwt.SigningMethodEd25519:
		if public, ok := k.Key.(ed25519.PublicKey); !ok || len(public) != ed25519.PublicKeySize {
			return fmt.Sprintf("must be an ed25519.PublicKey of %d bytes", ed25519.PublicKeySize)
		}
	}
	return ""
}

// keySet is Config.Keys by ID. Each key has one algorithm, so a token's header cannot choose
// another algorithm for it.
type keySet map[string]Key

func (s keySet) find(t *jwt.Token) (any, error) {
	if !hasPlainHeader(t) {
		return nil, errKey
	}
	kid, _ := t.Header["kid"].(string)
	k, ok := s[kid]
	if !ok || k.Algorithm != t.Method.Alg() {
		return nil, errKey
	}
	return k.Key, nil
}

// unavailableError carries a Keyfunc's ErrUnavailable through the parser.
type unavailableError struct{ err error }

// Error returns the text of the Keyfunc's error.
func (e *unavailableError) Error() string { return e.err.Error() }

// guardKeyfunc returns find for tokens with a plain header.
func guardKeyfunc(find jwt.Keyfunc) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		if !hasPlainHeader(t) {
			return nil, errKey
		}
		k, err := find(t)
		if err != nil && errors.Is(err, sessionctx.ErrUnavailable) {
			return nil, &unavailableError{err}
		}
		return k, err
	}
}

// hasPlainHeader reports whether the token can be verified by its kid and algorithm alone. A token
// with crit must not be accepted by a reader that does not know the extension (RFC 7515, section
// 4.1.11), and no extension is known here. A kid is a string (section 4.1.4): any other kid would
// count as absent, and choose the key for tokens without a kid.
func hasPlainHeader(t *jwt.Token) bool {
	_, critical := t.Header["crit"]
	kid, exists := t.Header["kid"]
	_, isText := kid.(string)
	return !critical && (!exists || isText)
}

var (
	secretKeyAlgorithms = []string{"HS256", "HS384", "HS512"}
	publicKeyAlgorithms = []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
	}
)

func isHMAC(alg string) bool { return slices.Contains(secretKeyAlgorithms, alg) }

func isAlgorithm(alg string) bool { return isHMAC(alg) || slices.Contains(publicKeyAlgorithms, alg) }

// isMixed reports whether some of the algorithms have secret keys and others have public keys.
func isMixed(algs []string) bool {
	isPublic := func(alg string) bool { return slices.Contains(publicKeyAlgorithms, alg) }
	return slices.ContainsFunc(algs, isHMAC) && slices.ContainsFunc(algs, isPublic)
}
