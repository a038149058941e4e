package bearer

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

// fingerprinter makes fingerprints: GMAC (NIST SP 800-38D) under a random key of its own. GMAC
// takes a third of the time of SHA-256.
//
// The key is in the same memory as the fingerprints. Without the key nobody can find two texts with
// one fingerprint better than by guessing: two texts of up to 8 KiB have one fingerprint with a
// probability of about 2^-119, whoever chose them. One nonce serves for all texts, because no
// fingerprint is shown to anybody. Where only FIPS 140 modes are allowed, which this use of GMAC is
// not, the fingerprint is HMAC-SHA-256, cut to the same length.
type fingerprinter struct {
	key     [16]byte
	mac     cipher.AEAD // nil: HMAC
	buffers sync.Pool   // *fingerprintBuffer
}

// fingerprintBuffer holds the arguments of cipher.AEAD, an interface, which would else be allocated
// for each call.
type fingerprintBuffer struct {
	nonce [12]byte
	mac   fingerprint
	text  []byte
}

func newFingerprinter() *fingerprinter {
	f := &fingerprinter{buffers: sync.Pool{New: func() any { return new(fingerprintBuffer) }}}
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
	b := f.buffers.Get().(*fingerprintBuffer)
	b.text = append(b.text[:0], text...)
	if f.mac == nil {
		h := hmac.New(sha256.New, f.key[:])
		h.Write(b.text)
		copy(p[:], h.Sum(nil))
	} else {
		f.mac.Seal(b.mac[:0], b.nonce[:], nil, b.text)
		p = b.mac
	}
	clear(b.text)
	f.buffers.Put(b)
	return p
}
