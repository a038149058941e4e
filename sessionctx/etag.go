package sessionctx

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"
)

// etagList is the version of the list of values that ETag hashes.
const etagList = 1

// ETag returns a strong entity tag (RFC 9110, section 8.8.3) of the session, with its quotes:
// "incarnation.version.hash". The incarnation has 16 hexadecimal digits. The hash covers all that
// the session shows, so two sessions with the same tag are shown byte for byte alike, by whichever
// process. The tag is empty for a session that is Degraded, that has ProfileMissing, or that has
// no ID: the values of such a session may change while its record does not.
func (s Session) ETag() string {
	if s.Degraded || s.ProfileMissing || s.ID == "" {
		return ""
	}
	var room [512]byte
	b := append(room[:0], etagList)
	for _, t := range [...]string{s.Tenant, s.ID, s.CustomerID, s.Site, s.Currency, s.Country, s.Language, s.CartID} {
		b = appendText(b, t)
	}
	for _, t := range [...]time.Time{s.CreatedAt, s.ModifiedAt} {
		b = binary.AppendVarint(b, t.Unix())
		b = binary.AppendUvarint(b, uint64(t.Nanosecond()))
	}
	for _, src := range s.sources {
		b = append(b, byte(src))
	}
	for i := range s.attributes {
		b = appendText(b, s.attributes[i].Name)
		b = appendText(b, s.attributes[i].Value)
	}
	hash := sha256.Sum256(b)

	tag := append(room[:0], '"')
	tag = appendIncarnation(tag, s.incarnation)
	tag = append(tag, '.')
	tag = strconv.AppendInt(tag, s.Version, 10)
	tag = append(tag, '.')
	tag = base64.RawURLEncoding.AppendEncode(tag, hash[:16])
	tag = append(tag, '"')
	return string(tag)
}

func appendIncarnation(b []byte, n uint64) []byte {
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], n)
	return hex.AppendEncode(b, raw[:])
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
