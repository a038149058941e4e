package sessionctx

import (
	"crypto/aes"
	"crypto/cipher"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// A login replaces the id of a session. The tombstone under the old id remembers the new id, its
// heir, for the requests that were under way with the old cookie: a double click on "log in", or a
// login with a lost answer. The heir is sealed: it opens to whoever knows the old id and logs in as
// the same customer, and to nobody who reads the store, or presents the dead id as another
// customer.

// maxHeirs is how many tombstones a login follows.
const maxHeirs = 2

// heirOf returns the id and the record of the session that took the place of a tombstone. found
// says that this session is live, and is req.CustomerID's.
func (r *Resolver) heirOf(b *budget, req *Request, tombstone *store.Record) (id string, heir store.Record, found bool, err error) {
	next := *req
	heir = *tombstone
	for range maxHeirs {
		if !heir.Ended || len(heir.Heir) == 0 {
			return "", heir, false, nil
		}
		if id, found = openHeir(&next.Identity, heir.Heir); !found {
			return "", heir, false, nil
		}
		next.SessionID = id
		if heir, err = r.near.Reload(b.firstHalf, r.cacheKey(&next)); err != nil {
			return id, heir, false, b.notWritten(err)
		}
		if heir.Exists() && !heir.Ended {
			own, _, err := r.ownershipForWrite(b, &next, &heir, false)
			if err != nil {
				return id, heir, false, unavailable(b, err)
			}
			return id, heir, own.state == live && own.customerID == req.CustomerID, nil
		}
	}
	return id, heir, false, nil
}

// sealHeir returns newID, encrypted with a key that is derived from the old id, for the customer of
// old alone.
func sealHeir(old *Identity, newID string) []byte {
	aead := heirCipher(old.SessionID)
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(newID)+aead.Overhead())
	_, _ = crand.Read(nonce) // never fails, says crypto/rand
	return aead.Seal(nonce, nonce, []byte(newID), heirOwner(old))
}

// openHeir returns the id that sealHeir has sealed.
func openHeir(old *Identity, sealed []byte) (newID string, ok bool) {
	aead := heirCipher(old.SessionID)
	if len(sealed) < aead.NonceSize() {
		return "", false
	}
	nonce, text := sealed[:aead.NonceSize()], sealed[aead.NonceSize():]
	id, err := aead.Open(nil, nonce, text, heirOwner(old))
	return string(id), err == nil
}

// heirCipher returns AES-256-GCM under a key of this session id. The id has 256 random bits, so one
// hash is enough to derive a key from it.
func heirCipher(oldID string) cipher.AEAD {
	key := sha256.Sum256([]byte("sessionctx: key of an heir\x00" + oldID))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has 32 bytes, which AES takes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes, which GCM takes
	}
	return aead
}

// heirOwner returns an unambiguous encoding of the customer.
func heirOwner(id *Identity) []byte {
	b := binary.AppendUvarint(nil, uint64(len(id.Tenant)))
	return append(append(b, id.Tenant...), id.CustomerID...)
}
