package middleware

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// fingerprint stands for a token in memory, where the token itself must not be kept.
type fingerprint [16]byte

// fingerprinter makes fingerprints: GMAC (NIST SP 800-38D) under a random key of its own, which takes a third of SHA-256's time.
//
// Without the key, which is in the same memory as the fingerprints, nobody can find two texts with one fingerprint better than by
// guessing: two of up to 8 KiB have one with a probability of about 2^-119, whoever chose them. One nonce serves for all texts, for
// fingerprints are shown to nobody. Where only FIPS 140 modes are allowed, which this use of one is not, it is HMAC-SHA-256, cut to the
// same length.
type fingerprinter struct {
	key   [16]byte
	mac   cipher.AEAD // nil: HMAC
	rooms sync.Pool   // *fingerprintRoom
}

// fingerprintRoom is what an interface's arguments would else be allocated for.
type fingerprintRoom struct {
	nonce [12]byte
	mac   fingerprint
	text  []byte
}

func newFingerprinter() *fingerprinter {
	f := &fingerprinter{rooms: sync.Pool{New: func() any { return new(fingerprintRoom) }}}
	rand.Read(f.key[:])
	block, err := aes.NewCipher(f.key[:])
	if err != nil {
		return f
	}
	if mac, err := cipher.NewGCM(block); err == nil {
		f.mac = mac
	}
	return f
}

// of returns the fingerprint of a text.
func (f *fingerprinter) of(text string) (p fingerprint) {
	room := f.rooms.Get().(*fingerprintRoom)
	room.text = append(room.text[:0], text...)
	if f.mac == nil {
		h := hmac.New(sha256.New, f.key[:])
		h.Write(room.text)
		copy(p[:], h.Sum(nil))
	} else {
		f.mac.Seal(room.mac[:0], room.nonce[:], nil, room.text)
		p = room.mac
	}
	clear(room.text)
	f.rooms.Put(room)
	return p
}
