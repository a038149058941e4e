package sessionctx

import (
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sessionctx/storefront/defaults"
)

var (
	_ encoding.BinaryAppender    = Record{}
	_ encoding.BinaryMarshaler   = Record{}
	_ encoding.BinaryUnmarshaler = (*Record)(nil)
)

// The binary form of a Record, schema 1. Numbers are varints in their shortest form (zigzag where they are signed),
// texts are their length and their bytes, times are milliseconds of Unix time.
//
//	schema, flags: one byte each
//	incarnation, write id: eight bytes each, big-endian
//	version, generation
//	created, modified, expires: each only if its flag is set
//	tenant, customer id, cart id
//	site, currency, country, language
//	changed: one for each changeable field; removed
//	number of attributes, then of each: name, value, changed
const recordSchema = 1

const (
	flagSecret = 1 << iota
	flagEnded
	flagCreated
	flagModified
	flagExpires
	flagsKnown = 1<<iota - 1
)

const (
	minAttribute   = 3  // bytes that an attribute takes at least: two lengths and a version
	attributesRoom = 64 // made at once; more only as they turn up, since a count is easily forged
)

var errTruncated = errors.New("truncated")

// MarshalBinary returns the binary form of r, as AppendBinary makes it.
func (r Record) MarshalBinary() ([]byte, error) {
	n := 64 + len(r.Tenant) + len(r.CustomerID) + len(r.CartID) +
		len(r.Choices.Site) + len(r.Choices.Currency) + len(r.Choices.Country) + len(r.Choices.Language)
	for i := range r.Attributes {
		n += 8 + len(r.Attributes[i].Name) + len(r.Attributes[i].Value)
	}
	return r.AppendBinary(make([]byte, 0, n))
}

// AppendBinary appends the binary form of r to b: compact, versioned, lossless, and the only one that r has, so that
// equal records are equal bytes. What a Record must not be is an error: an incarnation of 0 ("no
// record"), a time that is no whole number of milliseconds, attributes that are not sorted or not unique.
func (r Record) AppendBinary(b []byte) ([]byte, error) {
	if r.Incarnation == 0 {
		return b, errors.New("sessionctx: encode record: incarnation is 0: there is no record to encode")
	}
	var flags byte
	if r.Secret {
		flags |= flagSecret
	}
	if r.Ended {
		flags |= flagEnded
	}
	times := [...]struct {
		name string
		t    time.Time
		flag byte
	}{{"CreatedAt", r.CreatedAt, flagCreated}, {"ModifiedAt", r.ModifiedAt, flagModified}, {"ExpiresAt", r.ExpiresAt, flagExpires}}
	for _, x := range times {
		if x.t.IsZero() {
			continue
		}
		if !time.UnixMilli(x.t.UnixMilli()).Equal(x.t) {
			return b, fmt.Errorf("sessionctx: encode record: %s %q is no whole number of milliseconds", x.name, x.t)
		}
		flags |= x.flag
	}
	for i := range r.Attributes {
		if i > 0 && r.Attributes[i-1].Name >= r.Attributes[i].Name {
			return b, fmt.Errorf("sessionctx: encode record: attribute %q after %q: attributes must be sorted by name, names unique",
				cut(r.Attributes[i].Name), cut(r.Attributes[i-1].Name))
		}
	}

	b = append(b, recordSchema, flags)
	b = binary.BigEndian.AppendUint64(b, r.Incarnation)
	b = binary.BigEndian.AppendUint64(b, r.WriteID)
	b = binary.AppendVarint(b, r.Version)
	b = binary.AppendVarint(b, r.Generation)
	for _, x := range times {
		if flags&x.flag != 0 {
			b = binary.AppendVarint(b, x.t.UnixMilli())
		}
	}
	for _, s := range [...]string{
		r.Tenant, r.CustomerID, r.CartID,
		r.Choices.Site, r.Choices.Currency, r.Choices.Country, r.Choices.Language,
	} {
		b = appendText(b, s)
	}
	for _, v := range r.Changed {
		b = binary.AppendVarint(b, v)
	}
	b = binary.AppendVarint(b, r.Removed)
	b = binary.AppendUvarint(b, uint64(len(r.Attributes)))
	for i := range r.Attributes {
		a := &r.Attributes[i]
		b = appendText(b, a.Name)
		b = appendText(b, a.Value)
		b = binary.AppendVarint(b, a.Changed)
	}
	return b, nil
}

func appendText[T string | json.RawMessage](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// UnmarshalBinary sets r to the record whose binary form b is, and to nothing else: what AppendBinary cannot have made, to the last
// byte, is an error, and leaves r as it was. It keeps nothing of b, and allocates no more than a bounded multiple of it.
func (r *Record) UnmarshalBinary(b []byte) error {
	d := decoder{rest: b}
	var rec Record
	switch schema := d.byte(); {
	case d.err != nil:
	case schema != recordSchema:
		return fmt.Errorf("sessionctx: decode record: unknown schema %d, this program knows %d", schema, recordSchema)
	}
	flags := d.byte()
	if flags&^flagsKnown != 0 {
		d.fail("unknown flags %#x", flags&^flagsKnown)
	}
	rec.Secret, rec.Ended = flags&flagSecret != 0, flags&flagEnded != 0
	rec.Incarnation, rec.WriteID = d.uint64(), d.uint64()
	if rec.Incarnation == 0 {
		d.fail("incarnation is 0")
	}
	rec.Version, rec.Generation = d.varint(), d.varint()
	rec.CreatedAt = d.time(flags & flagCreated)
	rec.ModifiedAt = d.time(flags & flagModified)
	rec.ExpiresAt = d.time(flags & flagExpires)
	rec.Tenant, rec.CustomerID, rec.CartID = d.text(), d.text(), d.text()
	rec.Choices = defaults.Choices{Site: d.text(), Currency: d.text(), Country: d.text(), Language: d.text()}
	for i := range rec.Changed {
		rec.Changed[i] = d.varint()
	}
	rec.Removed = d.varint()
	rec.Attributes = d.attributes()
	if len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	if d.err != nil {
		return fmt.Errorf("sessionctx: decode record: %w", d.err)
	}
	*r = rec
	return nil
}

// decoder reads the binary form from its front. After a failure it reads zeros and keeps the first error.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// take returns the next n bytes, still shared with the input.
func (d *decoder) take(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.rest)) {
		d.err = errTruncated
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.rest)
	switch {
	case n == 0:
		d.err = errTruncated
	case n < 0:
		d.fail("a number has more than 64 bits")
	case n > 1 && d.rest[n-1] == 0:
		d.fail("a number is not in its shortest form")
	}
	if d.err != nil {
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) text() string { return string(d.take(d.uvarint())) }

func (d *decoder) time(present byte) time.Time {
	if present == 0 || d.err != nil {
		return time.Time{}
	}
	ms := d.varint()
	t := time.UnixMilli(ms).UTC()
	if d.err == nil && (t.IsZero() || t.UnixMilli() != ms) {
		d.fail("time %d is out of range", ms)
	}
	return t
}

func (d *decoder) attributes() []Attribute {
	n := d.uvarint()
	if n > uint64(len(d.rest))/minAttribute {
		d.fail("%d attributes cannot be in %d bytes", n, len(d.rest))
	}
	if n == 0 || d.err != nil {
		return nil
	}
	attrs := make([]Attribute, 0, min(n, attributesRoom))
	for range n {
		a := Attribute{Name: d.text(), Value: append(json.RawMessage(nil), d.take(d.uvarint())...), Changed: d.varint()}
		if d.err != nil {
			return nil
		}
		if len(attrs) > 0 && attrs[len(attrs)-1].Name >= a.Name {
			d.fail("attribute %q after %q: attributes must be sorted by name, names unique", cut(a.Name), cut(attrs[len(attrs)-1].Name))
			return nil
		}
		attrs = append(attrs, a)
	}
	return attrs
}
