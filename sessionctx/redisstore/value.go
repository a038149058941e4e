package redisstore

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// A value is the record's expiry in Unix milliseconds, eight bytes, big-endian, 0 for never, and then the record's binary form without it: so
// that a touch changes these bytes and no others. The incarnation and the version, by which the script compares, stand where the
// binary form has them.
const expirySize = 8

var hashText = base64.RawURLEncoding

// hashSize is how many characters of a key name the record.
var hashSize = hashText.EncodedLen(len(store.KeyHash{}))

// key returns the name of the record under k.
func (s *Store) key(k store.Key) string {
	h := k.Hash()
	var buf [128]byte // enough: a prefix has 64 bytes at most, and a tenant 16
	b := append(buf[:0], s.cfg.Prefix...)
	b = append(b, k.Tenant...)
	b = append(b, ':')
	return string(hashText.AppendEncode(b, h[:]))
}

// hashOf returns the hash that is part of a key.
func hashOf(key string) (h store.KeyHash, ok bool) {
	if len(key) < hashSize {
		return h, false
	}
	n, err := hashText.Decode(h[:], []byte(key[len(key)-hashSize:]))
	return h, err == nil && n == len(h)
}

// expiryOf returns when a record expires as bytes and as the server takes it.
func expiryOf(t time.Time) (bytes [expirySize]byte, ms int64, err error) {
	if t.IsZero() {
		return bytes, 0, nil
	}
	ms = max(t.UnixMilli(), 1) // what was over before 1970 is over
	if !time.UnixMilli(ms).Equal(t) && ms > 1 {
		return bytes, 0, fmt.Errorf("ExpiresAt %q is no whole number of milliseconds", t)
	}
	binary.BigEndian.PutUint64(bytes[:], uint64(ms))
	return bytes, ms, nil
}

// decode returns the record of a value.
func decode(b []byte, tenant string) (rec store.Record, err error) {
	if len(b) < expirySize {
		return rec, errDamaged
	}
	if err := rec.UnmarshalBinary(b[expirySize:]); err != nil {
		return store.Record{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if rec.Tenant != tenant {
		return store.Record{}, fmt.Errorf("%w: it is of another tenant", errDamaged)
	}
	if ms := int64(binary.BigEndian.Uint64(b)); ms != 0 {
		rec.ExpiresAt = time.UnixMilli(ms).UTC()
	}
	return rec, nil
}

var errDamaged = errors.New("redisstore: what is stored is no record")
