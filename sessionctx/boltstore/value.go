package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// In the file a record is: the schema, one byte; the checksum, four bytes, big-endian; the record's
// binary form. Its key is the SHA-256 of the session's key, so that no session id is in the file.
const (
	schema     = 1
	sealLength = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a key and its value, without the bytes of the checksum itself. With the
// key, a value in the place of another one is found, too.
func sum(key, value []byte) uint32 {
	c := crc32.Update(0, castagnoli, key)
	c = crc32.Update(c, castagnoli, value[:1])
	return crc32.Update(c, castagnoli, value[sealLength:])
}

// seal returns a record as it stands under key.
func seal(key []byte, rec store.Record) ([]byte, error) {
	size := 96 + len(rec.Tenant) + len(rec.CustomerID) + len(rec.Heir) + len(rec.Company) + len(rec.Unknown)
	for i := range rec.Attributes {
		size += 8 + len(rec.Attributes[i].Name) + len(rec.Attributes[i].Value)
	}
	b := make([]byte, sealLength, size)
	b[0] = schema
	b, err := rec.AppendBinary(b)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(b[1:], sum(key, b))
	return b, nil
}

// intact reports whether a value is what was sealed under key.
func intact(key, value []byte) bool {
	return len(value) >= sealLength && binary.BigEndian.Uint32(value[1:]) == sum(key, value)
}

// unseal returns the record that stands under key. It keeps nothing of value.
func unseal(key, value []byte) (rec store.Record, err error) {
	if !intact(key, value) {
		return rec, fmt.Errorf("%w: a record has a wrong checksum", errDamaged)
	}
	if value[0] != schema {
		return rec, fmt.Errorf("a record has the schema %d, this program knows %d: was it written by a newer version?", value[0], schema)
	}
	return rec, rec.UnmarshalBinary(value[sealLength:])
}

// due is an entry of the index by expiry: the milliseconds of Unix time, big-endian with the sign
// bit inverted, so that bytes sort as times do, then the record's key. Its value is its checksum.
type due []byte

const dueTime = 8

func dueOf(key []byte, at time.Time) due {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, dueTime+len(key)), uint64(at.UnixMilli())^1<<63), key...)
}

func (d due) key() []byte { return d[dueTime:] }

func (d due) at() int64 { return int64(binary.BigEndian.Uint64(d) ^ 1<<63) }

func (d due) sum() []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.Checksum(d, castagnoli))
}
