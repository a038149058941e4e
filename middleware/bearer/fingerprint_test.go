package bearer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFingerprint_TellsTextsApart(t *testing.T) {
	f, other, plain := newFingerprinter(), newFingerprinter(), newFingerprinter()
	plain.mac = nil // as where only FIPS 140 modes are allowed
	text := strings.Repeat("0123456789abcdef", 30)
	for _, f := range []*fingerprinter{f, plain} {
		known := map[fingerprint]string{}
		for n := range len(text) + 1 {
			cut, changed := text[:n], []byte(text)
			if n < len(text) {
				changed[n] ^= 1
			}
			for _, s := range []string{cut, string(changed), cut + "\x00"} {
				p := f.of(s)
				if was, ok := known[p]; ok {
					assert.Equal(t, was, s)
				}
				known[p] = s
				assert.Equal(t, p, f.of(s), "the same text has the same fingerprint")
			}
		}
		assert.Greater(t, len(known), 2*len(text))
	}
	assert.NotEqual(t, f.of(text), plain.of(text))
	assert.NotEqual(t, f.of(text), other.of(text), "each has a key of its own")
}

func TestFingerprinter_KeepsNoText(t *testing.T) {
	f, buffer := newFingerprinter(), new(fingerprintBuffer)
	f.buffers.New = func() any { return buffer }
	f.of("a secret")
	assert.NotZero(t, cap(buffer.text))
	assert.NotContains(t, string(buffer.text[:cap(buffer.text)]), "secret")
}
