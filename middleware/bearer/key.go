package bearer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
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
	kid, _ := t.Header["kid"].(string)
	k, ok := s[kid]
	if !ok || k.Algorithm != t.Method.Alg() {
		return nil, errKey
	}
	return k.Key, nil
}

// guardKeyfunc returns a Keyfunc for the algorithms. What find returns must be a key that Keys
// could have: else a JWK without alg, or with a short key, would verify what Keys refuses.
func guardKeyfunc(find jwt.Keyfunc, algorithms []string) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		alg := t.Method.Alg()
		if !slices.Contains(algorithms, alg) {
			return nil, errSignature
		}
		found, err := find(t)
		if err != nil {
			if err := asUnavailable(err); err != nil {
				return nil, &unavailableError{err}
			}
			return nil, errKey
		}
		candidates := []jwt.VerificationKey{found}
		if set, ok := found.(jwt.VerificationKeySet); ok {
			candidates = set.Keys
		}
		var usable jwt.VerificationKeySet
		for _, k := range candidates {
			if (Key{Algorithm: alg, Key: k}).mistake() == "" {
				usable.Keys = append(usable.Keys, k)
			}
		}
		if len(usable.Keys) == 0 {
			return nil, errKey
		}
		return usable, nil
	}
}

// asUnavailable returns an error of a host's function as an ErrUnavailable, if it says that
// somebody could not be asked, and nil if it says anything else. Keyfuncs that fetch keys by
// themselves know nothing of ErrUnavailable: they return what net/http returns.
func asUnavailable(err error) error {
	_, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, sessionctx.ErrUnavailable):
		return err
	case network, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("bearer: %w: %w", sessionctx.ErrUnavailable, err)
	}
	return nil
}

// unavailableError carries an ErrUnavailable through the parser.
type unavailableError struct{ err error }

// Error returns the text of the error that is carried.
func (e *unavailableError) Error() string { return e.err.Error() }

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

// hasType reports whether the token's typ is the wanted one. Where none is wanted, a token without
// typ, a JWT and an access token (RFC 9068, section 2.1) pass. Others, such as logout+jwt, are no
// credentials. A typ is a media type: letter case and the prefix "application/" do not count (RFC
// 7515, section 4.1.9).
func hasType(t *jwt.Token, wanted string) bool {
	v, exists := t.Header["typ"]
	typ, isText := v.(string)
	typ = mediaType(typ)
	switch {
	case exists && !isText:
		return false
	case wanted != "":
		return typ == wanted
	default:
		return !exists || typ == "jwt" || typ == "at+jwt"
	}
}

// mediaType returns a typ in lower case and without the prefix "application/", so that equal types
// are equal texts.
func mediaType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
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
