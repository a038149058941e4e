package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// A value is the expiry of the record and the binary form of the record without its expiry. The
// expiry is Unix milliseconds in eight bytes, big-endian; 0 is never. So a touch changes these
// bytes and no others. The script compares the incarnation and the version at their places in the
// binary form.
const expirySize = 8

// expiryOf returns an expiry as the bytes of a value, and as the number that the server takes.
func expiryOf(t time.Time) (bytes [expirySize]byte, ms int64, err error) {
	if t.IsZero() {
		return bytes, 0, nil
	}
	ms = max(t.UnixMilli(), 1) // 0 means never; every time before 1970 has the same effect
	if !time.UnixMilli(ms).Equal(t) && ms > 1 {
		return bytes, 0, fmt.Errorf("ExpiresAt %q is not a whole number of milliseconds", t)
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
		return store.Record{}, fmt.Errorf("%w: it belongs to another tenant", errDamaged)
	}
	if ms := int64(binary.BigEndian.Uint64(b)); ms != 0 {
		rec.ExpiresAt = time.UnixMilli(ms).UTC()
	}
	return rec, nil
}

var errDamaged = errors.New("the stored value is not a valid record")
