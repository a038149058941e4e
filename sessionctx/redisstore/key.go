package redisstore

import (
	"encoding/base64"
	"strings"
	"sync"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// A key is
//
//	prefix{tag}tenant:k:hash
//
// where k is the letter of the kind, hash is the key hash in 43 characters of base64url, and tag is
// the hash tag of the slot of the hash. Redis Cluster computes the slot of a key from its hash tag
// alone, so the slot is store.KeyHash.Slot. The letter of the kind lets Erase find sessions: the
// hash cannot be inverted, and a record does not say of which kind it is.

const maxPrefix = 64

// hashText is strict, so that a hash has one text.
var hashText = base64.RawURLEncoding.Strict()

// hashSize is the number of characters of the hash in a key.
var hashSize = hashText.EncodedLen(len(store.KeyHash{}))

// The letters of the kinds. No other kind may have the letter of a session.
const (
	letterSession  = 's'
	letterCustomer = 'c'
	letterOther    = 'x'
	letters        = string(letterSession) + string(letterCustomer) + string(letterOther)
)

// keyspace makes and parses keys. It is the prefix.
type keyspace string

// name returns the key of the record under k.
func (p keyspace) name(k store.Key) string {
	h := k.Hash()
	var buf [maxPrefix + 80]byte // enough for a tenant of up to 16 bytes
	b := append(buf[:0], p...)
	b = append(b, '{')
	b = append(b, tags()[h.Slot()].text()...)
	b = append(b, '}')
	b = append(b, k.Tenant...)
	b = append(b, ':', letterOf(k.Kind), ':')
	return string(hashText.AppendEncode(b, h[:]))
}

func letterOf(kind store.Kind) byte {
	switch kind {
	case store.KindSession:
		return letterSession
	case store.KindCustomer:
		return letterCustomer
	}
	return letterOther
}

// parse returns the parts of a key. It accepts exactly the keys that name makes.
func (p keyspace) parse(name string) (tenant string, letter byte, h store.KeyHash, ok bool) {
	rest, ok := strings.CutPrefix(name, string(p))
	start := len(rest) - hashSize
	if !ok || start < 0 {
		return "", 0, h, false
	}
	if n, err := hashText.Decode(h[:], []byte(rest[start:])); err != nil || n != len(h) {
		return "", 0, h, false
	}
	rest = rest[:start]
	tag := tags()[h.Slot()].text()
	if len(rest) < 1+len(tag)+1 || rest[0] != '{' || rest[1:1+len(tag)] != string(tag) || rest[1+len(tag)] != '}' {
		return "", 0, h, false
	}
	rest = rest[1+len(tag)+1:]
	end := len(rest) - len(":k:")
	if end < 0 || rest[end] != ':' || rest[end+2] != ':' || strings.IndexByte(letters, rest[end+1]) < 0 {
		return "", 0, h, false
	}
	return rest[:end], rest[end+1], h, true
}

// sessions returns the pattern of SCAN that matches every key of a session of tenant. It may match
// others, too.
func (p keyspace) sessions(tenant string) string {
	return escapePattern.Replace(string(p)) + "{*}" + escapePattern.Replace(tenant) + ":" + string(letterSession) + ":*"
}

var escapePattern = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// tag is the text of a hash tag, and its length.
type tag struct {
	bytes [3]byte
	n     uint8
}

func (t *tag) text() []byte { return t.bytes[:t.n] }

// tagAlphabet is ordered: the order decides which tag a slot has, so it must never change.
const tagAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// tags returns the hash tag of every slot: the first text over tagAlphabet that Redis Cluster maps
// to the slot, short texts first. Three characters are enough for all of them.
var tags = sync.OnceValue(func() *[store.Slots]tag {
	all := new([store.Slots]tag)
	level := []tag{{}}
	for range len(tag{}.bytes) {
		next := make([]tag, 0, len(level)*len(tagAlphabet))
		for _, t := range level {
			for _, c := range []byte(tagAlphabet) {
				longer := t
				longer.bytes[t.n] = c
				longer.n++
				next = append(next, longer)
				if slot := crc16(longer.text()) % store.Slots; all[slot].n == 0 {
					all[slot] = longer
				}
			}
		}
		level = next
	}
	return all
})

// crc16 is the checksum of Redis Cluster, CRC-16/XMODEM
// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#appendix-a-crc16-reference-implementation-in-ansi-c).
func crc16(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc >> 15
			crc = crc<<1 ^ carry*0x1021
		}
	}
	return crc
}
