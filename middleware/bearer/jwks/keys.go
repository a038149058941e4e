package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// key is one public key of a set.
type key struct {
	id, alg string // alg is empty where the set does not say it
	public  any
}

// keys are those of a set that can verify tokens.
type keys []key

// find returns the keys for a kid and an algorithm. ok says that the set can tell: it has the kid,
// or the token has none.
func (ks keys) find(kid string, hasKid bool, alg string) (found []jwt.VerificationKey, ok bool) {
	for _, k := range ks {
		if hasKid && k.id != kid {
			continue
		}
		ok = true
		if k.verifies(alg) {
			found = append(found, k.public)
		}
	}
	if !hasKid && len(found) != 1 {
		return nil, len(found) > 1
	}
	return found, ok
}

// verifies reports whether the key is one for the algorithm.
func (k *key) verifies(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case *ecdsa.PublicKey:
		method, ok := jwt.GetSigningMethod(alg).(*jwt.SigningMethodECDSA)
		return ok && method.CurveBits == public.Curve.Params().BitSize
	case ed25519.PublicKey:
		return alg == "EdDSA"
	default:
		return false
	}
}

// decode returns the keys that can verify tokens. The others are left out (RFC 7517, section 5):
// keys for encryption, of unknown kinds, malformed ones, and secrets, which no server publishes.
func decode(set []json.RawMessage) keys {
	var found keys
	for _, raw := range set {
		if k, err := decodeKey(raw); err == nil {
			found = append(found, k)
		}
	}
	return found
}

func decodeKey(raw json.RawMessage) (key, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return key{}, err
	}
	switch {
	case m.USE != "" && m.USE != jwkset.UseSig:
		return key{}, fmt.Errorf("its use is %q", m.USE)
	case len(m.KEYOPS) != 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify):
		return key{}, errors.New("its key_ops have no verify")
	}
	// The public members alone: of a secret nothing is left, and certificates say nothing that the
	// connection to the server does not.
	public := jwkset.JWKMarshal{KTY: m.KTY, CRV: m.CRV, X: m.X, Y: m.Y, N: m.N, E: m.E}
	k, err := jwkset.NewJWKFromMarshal(public, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return key{}, err
	}
	if rsaKey, ok := k.Key().(*rsa.PublicKey); ok && rsaKey.N.BitLen() < 2048 {
		return key{}, errors.New("it has less than 2048 bits")
	}
	return key{id: m.KID, alg: string(m.ALG), public: k.Key()}, nil
}
