package store

import (
	"crypto/sha256"
	"encoding/binary"
)

// Kind says what a record is about.
type Kind uint8

const (
	// KindSession is the record of one session; Key.ID is the session id.
	KindSession Kind = iota
	// KindCustomer is the record of one customer, which holds the generation of the customer's
	// sessions; Key.ID is the customer id.
	KindCustomer
)

// Key names a record. It is comparable.
type Key struct {
	Tenant string
	Kind   Kind
	ID     string
}

// KeyHash names a record where its id must not be seen: in a shared store and in its messages.
type KeyHash [sha256.Size]byte

// Hash returns the SHA-256 of an unambiguous encoding of the key.
func (k Key) Hash() KeyHash {
	var buf [128]byte
	b := append(buf[:0], byte(k.Kind))
	b = binary.AppendUvarint(b, uint64(len(k.Tenant)))
	b = append(b, k.Tenant...)
	b = append(b, k.ID...)
	return sha256.Sum256(b)
}

// Slots is the number of slots that key hashes are spread over. It is that of Redis Cluster.
const Slots = 1 << 14

// Slot returns the slot of the key, 0 to Slots-1: the first 14 bits of the hash. A store that is
// spread over several servers keeps all records of a slot on one of them, and in a near-cache of
// the default size no two slots share a stamp.
func (h KeyHash) Slot() int { return int(binary.BigEndian.Uint16(h[:])) >> 2 }
